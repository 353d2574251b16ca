"""What the commands share: the app, options that many have, and what opens and shows things."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.errors import Misuse

if TYPE_CHECKING:
    from digest.config import Config
    from digest.run import Setup
    from digest.types import Report

app = typer.Typer(
    help="Trending papers in your inbox, for any topic, from your own machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="The configuration; else ./digest.toml, else the user's own."),
]
Now = Annotated[
    str | None, typer.Option("--now", metavar="ISO8601", help="Act as if it were this time.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For machines: JSON on standard output.")]
Topics = Annotated[
    list[str] | None, typer.Option("--topic", help="Instead of the digest's topics; repeatable.")
]


def print_json(words: dict[str, Any]) -> None:
    """Write one JSON object a line on standard output."""
    # JSON is UTF-8, whatever the terminal is; half a character that came escaped goes escaped.
    line = json.dumps(words, ensure_ascii=False).encode("utf-8", "backslashreplace")
    sys.stdout.flush()
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


@contextlib.contextmanager
def opened(
    context: typer.Context,
    config: Path | None,
    now: str | None,
    busy_s: float = 30,
    *,
    is_lasting: bool = False,
) -> Iterator[Setup]:
    """The configuration, the open store and the time; a busy store is waited for so long.

    `is_lasting` is for what goes on until it is told to end: its log says what it does.
    """
    from digest import config as configs
    from digest import logs
    from digest.run import Setup
    from digest.store import open_store

    at = moment(now)
    settings = configs.load(configs.find(config or context.obj))
    logs.begin(settings.log, is_lasting=is_lasting)
    try:
        store = open_store(settings.store, at, busy_s)
        try:
            with progress() as notify:
                yield Setup(config=settings, store=store, now=at, notify=notify)
        finally:
            store.close()
    finally:
        logs.end()


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A line that says what is being done, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as shown:
        yield lambda words: shown.update(words)


def moment(given: str | None) -> datetime:
    """The time of `--now`, or now."""
    if given is None:
        return datetime.now(UTC)
    moment = read_time(given, "--now", "time like 2026-06-22T08:00:00+02:00")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def day(given: str | None, option: str) -> date | None:
    """A day that an option gives."""
    return None if given is None else read_time(given, option, "day like 2026-06-22").date()


def read_time(given: str, option: str, like: str) -> datetime:
    """A time that an option gives.

    Raises: Misuse
    """
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as why:
        raise Misuse(f"{option} {given!r} is not a {like}") from why
    # Further out, days cannot be reckoned from it; and there were no papers.
    if not 1900 <= moment.year < 2200:
        raise Misuse(f"{option} {given!r} is too far from now")
    return moment


def chosen(config: Config, names: list[str], all: bool) -> list[str]:
    """The digests asked for; none when no name was given."""
    if not config.digests:
        raise Misuse("there is no digest in the configuration; describe one under [digests.NAME]")
    for name in names:
        if name not in config.digests:
            import difflib

            near = difflib.get_close_matches(name, config.digests, n=1)
            hint = (
                f"did you mean {near[0]!r}?" if near else f"there are {', '.join(config.digests)}"
            )
            raise Misuse(f"no digest is called {name!r}; {hint}")
    return list(config.digests) if all else list(dict.fromkeys(names))


def show_reports(reports: list[Report], as_json: bool) -> None:
    """What a run came to, for people or for machines."""
    from digest.run import words

    for report in reports:
        if as_json:
            print_json(words(report))
            continue
        said = f"{report.digest} {report.slot}: {report.reason}".replace(" :", ":")
        if report.reason == "sent":
            # What waited for readers' own hours is another number of papers for each.
            papers = count(report.papers, "paper") if report.papers or not report.mails else ""
            said += ", ".join(["", *filter(None, (papers, count(report.mails, "mail")))])
        print(said + (f" ({report.detail})" if report.detail else ""))
        for source in report.sources:
            print(f"  {source_line(source)}")
        if report.folder:
            print(f"  {near(Path(report.folder))}/")


def source_line(source: Any) -> str:
    """What a source brought, in one line."""
    if source.reason == "sent":
        said = f"{count(source.new, 'new paper')} of {count(source.entries, 'entry')}"
    else:
        names = {"all-sent": "nothing new"}
        said = names.get(source.reason, str(source.reason))
        said += f", {count(source.new, 'new paper')}" if source.new else ""
    return f"{source.source}: {said}" + (f" ({source.detail})" if source.detail else "")


def count(number: int, noun: str) -> str:
    """A number with its noun."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number} {noun if number == 1 else plural}"


def near(path: Path) -> Path:
    """The path from here, where it is below here."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path


def cd(folder: Path) -> str:
    """The words that lead to a folder, if one is not there already."""
    return "" if folder.resolve() == Path.cwd() else f"cd {folder}; "


def complain(words: str) -> None:
    """Say something on standard error."""
    for line in words.splitlines():
        print(f"digest: {line}", file=sys.stderr)
