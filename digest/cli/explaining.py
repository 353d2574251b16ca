"""What explains itself: why somebody did or did not get a paper, and what is wrong here."""

from __future__ import annotations

from typing import Annotated

import typer

from digest.cli.frame import AsJson, ConfigFile, Now, app, moment, opened, print_json


@app.command("why")
def why_(
    context: typer.Context,
    address: str,
    paper: Annotated[str, typer.Argument(help="2606.01234, doi:10.1234/abc, or its page.")],
    digest: Annotated[
        str, typer.Option("--digest", metavar="NAME", help="Only of this digest.")
    ] = "",
    config: ConfigFile = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Say why somebody got a paper, or did not, or not yet."""
    with opened(context, config, now) as setup:
        from digest.why import lines, why, words

        found = why(setup, address, paper, digest)
    if as_json:
        for one in found:
            print_json(words(one, address, paper))
    else:
        print("\n".join(lines(found)))


@app.command()
def doctor(
    context: typer.Context,
    nameserver: Annotated[
        str, typer.Option(metavar="HOST[:PORT]", help="To ask instead of the system's, by its IP.")
    ] = "",
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody on the network.")] = False,
    config: ConfigFile = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Look for what could be wrong here, and say how to mend it; 1 where something is."""
    from digest import doctor as doctors

    found = doctors.examine(
        config or context.obj,
        moment(now),
        lambda: moment(None),
        nameserver=nameserver,
        is_offline=offline,
    )
    if as_json:
        for one in found:
            print_json(doctors.words(one))
    else:
        print("\n".join(doctors.lines(found)))
    raise typer.Exit(doctors.exit_code(found))
