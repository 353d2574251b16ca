"""For editors and readers with opinions: like, dislike, likes, pick and approve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.frame import (
    AsJson,
    ConfigFile,
    Now,
    app,
    chosen,
    opened,
    print_json,
    show_reports,
)
from digest.errors import Misuse

if TYPE_CHECKING:
    from digest.run import Setup

# --- opinions ------------------------------------------------------------------------------------

PaperId = Annotated[str, typer.Argument(metavar="ID", help="2606.01234, doi:10.1234/abc, …")]
DigestName = Annotated[str, typer.Option("--digest", metavar="NAME", help="In which digest.")]
Reader = Annotated[
    str | None,
    typer.Option("--as", metavar="ADDRESS", help="One reader's opinion; else the digest's own."),
]
Undo = Annotated[bool, typer.Option("--undo", help="Take it back.")]


@app.command()
def like(
    context: typer.Context,
    id: PaperId,
    name: DigestName,
    reader: Reader = None,
    undo: Undo = False,
    config: ConfigFile = None,
    now: Now = None,
) -> None:
    """Have papers like this one stand higher: for all readers, or for one."""
    with opened(context, config, now) as setup:
        _opine(setup, id, name, reader, True, undo)


@app.command()
def dislike(
    context: typer.Context,
    id: PaperId,
    name: DigestName,
    reader: Reader = None,
    undo: Undo = False,
    config: ConfigFile = None,
    now: Now = None,
) -> None:
    """Have papers like this one stand lower: for all readers, or for one."""
    with opened(context, config, now) as setup:
        _opine(setup, id, name, reader, False, undo)


def _opine(
    setup: Setup, id: str, name: str, reader: str | None, is_liked: bool, undo: bool
) -> None:
    from digest import run as runs

    chosen(setup.config, [name], False)
    address = _address(reader)
    paper, is_new = runs.opine(setup, name, id, is_liked, address=address, undo=undo)
    done = "liked" if is_liked else "disliked"
    if undo:
        done = f"no longer {done}" if is_new else f"was not {done}"
    elif not is_new:
        done = f"was {done} already"
    print(f"{done}, {f'for {address} in' if address else 'for all readers of'} {name}:")
    print(f"  {paper.title} ({paper.id})")


@app.command()
def likes(
    context: typer.Context,
    name: str,
    reader: Reader = None,
    config: ConfigFile = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """List what is liked and disliked: by the digest itself, or by one reader."""
    with opened(context, config, now) as setup:
        from digest import run as runs

        chosen(setup.config, [name], False)
        found = runs.opinions_of(setup, name, _address(reader))
    for one in found:
        said = {"id": one.paper.id, "title": one.paper.title, "is_liked": one.is_liked}
        if as_json:
            print_json({**said, "said_at": one.said_at.isoformat()})
        else:
            print(f"{'likes' if one.is_liked else 'dislikes':<9}{one.paper.title} ({one.paper.id})")
    if not found and not as_json:
        print(f"nothing yet; `digest like ID --digest {name}` says so of a paper")


def _address(given: str | None) -> str:
    from digest import consent

    return consent.address(given) if given is not None else ""


# --- for editors ---------------------------------------------------------------------------------


@app.command()
def pick(
    context: typer.Context,
    name: str,
    id: Annotated[str, typer.Argument(help="2606.00001, a DOI, or the paper's address.")],
    note: Annotated[str, typer.Option(metavar="TEXT", help="Your words, shown with it.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take it back.")] = False,
    config: ConfigFile = None,
    now: Now = None,
) -> None:
    """Put a paper on top of the next issue, or of the draft that waits."""
    if undo and note:
        raise Misuse("--undo takes a pick back, with its note; give no --note")
    with opened(context, config, now) as setup:
        from digest import run as runs

        chosen(setup.config, [name], False)
        paper = runs.unpick(setup, name, id) if undo else runs.pick(setup, name, id, note)
    print(f"{name}: {'no longer picked' if undo else 'picked'}: {paper.title}")


@app.command()
def approve(
    context: typer.Context,
    name: str,
    slot: Annotated[str | None, typer.Argument(help="Only if this is the one that waits.")] = None,
    drop: Annotated[
        bool, typer.Option("--drop", help="Throw it away; its papers may be in the next issue.")
    ] = False,
    config: ConfigFile = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Send the draft that waits for it; `digest preview NAME` shows it."""
    with opened(context, config, now) as setup:
        from digest import run as runs

        chosen(setup.config, [name], False)
        report = (runs.drop if drop else runs.approve)(setup, name, slot)
    show_reports([report], as_json)
    raise typer.Exit(runs.exit_code([report]))
