"""The main job: init, run, fetch, build, preview, backtest, demo and status."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.frame import (
    AsJson,
    ConfigFile,
    Now,
    Topics,
    app,
    cd,
    chosen,
    complain,
    count,
    day,
    near,
    opened,
    print_json,
    progress,
    show_reports,
    source_line,
)
from digest.errors import DigestError, Misuse

if TYPE_CHECKING:
    from digest.preview import Preview
    from digest.run import Setup


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to.")] = Path(),
) -> None:
    """Write a digest.toml that works at once, offline, on the sample papers."""
    from importlib.resources import files

    from digest import keys
    from digest.config import FILE, Config

    target = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as file:
            file.write(files("digest").joinpath("starter.toml").read_text(encoding="utf-8"))
    except FileExistsError as why:
        there = target if target.exists() else folder
        raise Misuse(f"{there} is there already; nothing was changed") from why
    except OSError as why:
        raise Misuse(f"cannot write {target}: {why.strerror}") from why
    print(f"wrote {target}")
    key_file = folder / Config().keys
    if keys.ensure(key_file):
        print(f"wrote {key_file}, which signs the links in your mails: keep it secret, back it up")
    print(f"next: {cd(folder)}digest preview my-papers, then digest run my-papers")


@app.command()
def run(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME")] = None,
    all: Annotated[bool, typer.Option("--all", help="All digests, now.")] = False,
    queue_only: Annotated[
        bool, typer.Option("--queue-only", help="Leave the mails to whoever sends.")
    ] = False,
    config: ConfigFile = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Fetch, build and send: what is due, the digests named, or all of them."""
    with opened(context, config, now) as setup:
        from digest import plan
        from digest import run as runs
        from digest.run import slots

        names_chosen = chosen(setup.config, names or [], all)
        if queue_only and names_chosen:
            raise Misuse("--queue-only is for what is due: leave the names away, or the option")
        if names_chosen:
            zones = {name: setup.config.digests[name].timezone for name in names_chosen}
            now_there = {name: plan.wall_time(setup.now, zones[name]) for name in names_chosen}
            reports = runs.run(setup, now_there)
        else:
            reports = runs.run_due(setup, is_sending=not queue_only)
            reports += slots.others(setup, {report.digest for report in reports})
        if not queue_only:
            runs.attend(setup)
        order = list(setup.config.digests)
        reports.sort(key=lambda report: order.index(report.digest))
    show_reports(reports, as_json)
    raise typer.Exit(runs.exit_code(reports))


@app.command()
def fetch(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME")] = None,
    config: ConfigFile = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Read the sources of all digests, or of those named; send nothing."""
    with opened(context, config, now) as setup:
        from digest import run as runs

        found = runs.fetch(setup, chosen(setup.config, names or [], not names))
    for report in found.values():
        if as_json:
            print_json(runs.source_words(report))
        else:
            print(source_line(report))
    raise typer.Exit(runs.sources_exit_code(found.values()))


@app.command()
def build(
    context: typer.Context,
    name: str,
    start: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First day; default a week ago.")
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="DAY", help="Up to, not including; default tomorrow."),
    ] = None,
    topic: Topics = None,
    config: ConfigFile = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Make an issue by hand for any period and topics; marks nothing as sent."""
    with opened(context, config, now) as setup:
        from hashlib import sha256

        from digest import preview as previews
        from digest import run as runs
        from digest.transports.outbox import Outbox

        chosen(setup.config, [name], False)
        last = day(end, "--to") or setup.now.date() + timedelta(days=1)
        first = day(start, "--from") or last - timedelta(days=7)
        if first >= last:
            raise Misuse(
                f"--from {first} is not before --to {last}; --to is the day after the last"
            )
        if previews.is_empty(setup, name):
            if set(setup.config.digests[name].sources) != {"sample"}:
                raise Misuse("the store holds no papers yet; `digest fetch` gets them")
            runs.fetch(setup, [name])
        made = previews.by_hand(setup, name, first, last, topic or ())
        pages = {
            "issue.html": made.rendered.html,
            "issue.md": made.rendered.markdown,
            "issue.txt": made.rendered.text,
        }
        # Other topics are another issue, and take the place of none.
        own = "-" + sha256("\n".join(topic).encode()).hexdigest()[:6] if topic else ""
        home = Outbox(setup.config.outbox).publish(f"{name}/{first}--{last}{own}", pages)
    papers = len(made.edition.issue.items)
    _say_what_was_odd(made)
    if as_json:
        words = {"digest": name, "from": f"{first}", "to": f"{last}", "papers": papers}
        print_json({**words, "folder": str(home)})
        return
    print(f"{name}: {count(papers, 'paper')} from {first} up to {last}; sent to nobody")
    for page in pages:
        print(f"  {home / page}")


@app.command()
def preview(
    context: typer.Context,
    name: str,
    issue: Annotated[
        str | None, typer.Option("--issue", metavar="SLOT", help="A past issue.")
    ] = None,
    reader: Annotated[
        str | None, typer.Option("--as", metavar="ADDRESS", help="A reader's own next one.")
    ] = None,
    topic: Topics = None,
    format: Annotated[str, typer.Option(help="html, markdown, text or eml.")] = "html",
    output: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="Write it there, open nothing.")
    ] = None,
    serve: Annotated[
        int | None,
        typer.Option(metavar="PORT", help="Show it on this machine, made anew each time."),
    ] = None,
    config: ConfigFile = None,
    now: Now = None,
) -> None:
    """Show the next issue for a made-up new reader; nothing is sent or marked."""
    if format not in ("html", "markdown", "text", "eml"):
        raise Misuse(f"--format {format!r} is not known; there are html, markdown, text and eml")
    if sum(given not in (None, []) for given in (issue, reader, topic)) > 1:
        raise Misuse("--issue, --as and --topic each show something else; give one of them")
    with opened(context, config, now) as setup:
        chosen(setup.config, [name], False)
        with _filled(setup, name) as ready:

            def make() -> Preview:
                return _previewed(ready, name, issue, reader, topic)

            if serve is not None:
                _serve(make, ready, format, serve)
                return
            made = make()
            _say_what_was_odd(made)
            _hand_over(made.in_format(ready, format), format, name, output)


@app.command()
def backtest(
    context: typer.Context,
    name: str,
    days: Annotated[int, typer.Option(min=1, max=366, help="How many.")] = 30,
    topic: Topics = None,
    config: ConfigFile = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Show what a digest would have sent on each of the last days, with scores; changes nothing."""
    counted: list[tuple[int, int]] = []
    said: list[str] = []
    odd: dict[str, None] = {}
    with opened(context, config, now) as setup:
        from digest import backtest as backtests

        chosen(setup.config, [name], False)
        until = setup.now.date() if now else None
        for day in backtests.backtest(setup, name, days, topic or (), until):
            counted.append((len(day.shown) + len(day.more), day.looked_at))
            odd |= dict.fromkeys(day.warnings)
            if as_json:
                print_json(backtests.words(day))
            else:
                said += backtests.lines(day)
    for warning in odd:
        complain(warning)
    total = backtests.totals(counted)
    if as_json:
        complain(total)
    else:
        print("\n".join([*said, total]))


@app.command()
def demo(as_json: AsJson = False) -> None:
    """Run everything on the sample papers, into outbox/demo/, the same every time."""
    from digest import demo as demos

    with progress() as notify:
        reports = demos.demo(Path("outbox"), notify)
    if as_json:
        show_reports(reports, as_json)
        return
    show_reports(reports, False)
    newest = Path(reports[-1].folder)
    print("\nlook at the newest issue:")
    for page in ("issue.html", "issue.md", "issue.txt"):
        print(f"  {near(newest / page)}")
    for mail in sorted(newest.glob("*.eml")):
        print(f"  {near(mail)}")


@app.command()
def status(
    context: typer.Context, config: ConfigFile = None, now: Now = None, as_json: AsJson = False
) -> None:
    """Show each digest's next slot and last report, the sources, and the queue."""
    with opened(context, config, now) as setup:
        from digest import status as statuses

        found = statuses.status(setup)
    if as_json:
        print_json(found)
    else:
        print("\n".join(statuses.lines(found)))


# --- preview -------------------------------------------------------------------------------------


def _previewed(
    setup: Setup, name: str, issue: str | None, reader: str | None, topics: list[str] | None
) -> Preview:
    from digest import consent
    from digest import preview as previews

    if issue is not None:
        return previews.past(setup, name, issue)
    if reader is not None:
        return previews.for_reader(setup, name, consent.address(reader))
    if topics:
        return previews.of_topics(setup, name, topics)
    return previews.upcoming(setup, name)


@contextlib.contextmanager
def _filled(setup: Setup, name: str) -> Iterator[Setup]:
    """The setup with papers in its store: its own, fetched now if wanted, or the samples."""
    from digest import preview as previews
    from digest import run as runs

    if not previews.is_empty(setup, name):
        yield setup
        return
    is_sample = set(setup.config.digests[name].sources) == {"sample"}
    if is_sample or (sys.stdin.isatty() and typer.confirm("no papers yet; fetch them now?")):
        for report in runs.fetch(setup, [name]).values():
            complain(source_line(report))
        if not previews.is_empty(setup, name):
            yield setup
            return
    complain("no papers yet: these are samples; `digest fetch` gets the real ones")
    with previews.on_samples(setup, name) as sampled:
        yield sampled


def _say_what_was_odd(made: Preview) -> None:
    for words in filter(None, (made.note, *made.warnings)):
        complain(words)


def _hand_over(content: bytes, format: str, name: str, output: str | None) -> None:
    if output == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    if output:
        try:
            Path(output).write_bytes(content)
        except OSError as why:
            raise Misuse(f"cannot write {output}: {why.strerror}") from why
        print(f"wrote {output}")
        return
    import tempfile
    import webbrowser

    ending = {"html": "html", "markdown": "md", "text": "txt", "eml": "eml"}[format]
    path = Path(tempfile.mkdtemp(prefix="digest-preview-")) / f"{name}.{ending}"
    path.write_bytes(content)
    print(path)
    if not webbrowser.open(path.as_uri()):
        complain("no browser could be opened; open the file above, or use --serve PORT")


def _serve(make: Callable[[], Preview], setup: Setup, format: str, port: int) -> None:
    """Show the preview on loopback until interrupted; a template changed is a page changed."""
    from http.server import BaseHTTPRequestHandler, HTTPServer

    kinds = {"html": "text/html", "eml": "message/rfc822"}

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                body, status = make().in_format(setup, format), 200
                kind = kinds.get(format, "text/plain")
            except DigestError as why:
                body, status, kind = str(why).encode(), 500, "text/plain"
            with contextlib.suppress(ConnectionError):  # browsers change their mind
                self.send_response(status)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.send_header(
                    "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"
                )
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    try:
        server = HTTPServer(("127.0.0.1", port), Page)
    except (OSError, OverflowError) as why:
        raise Misuse(f"cannot listen on port {port}: {why}") from why
    print(f"http://127.0.0.1:{server.server_port}/ shows it; Ctrl-C ends it", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    server.server_close()
