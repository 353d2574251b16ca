"""The door for people and cron: `digest …`. Parses what comes in, calls run, shows what comes out.

Everything slow is imported inside the command that needs it: `digest --help` must be quick.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from digest.errors import DigestError, Misuse
from digest.summarizers import EXTRACT

if TYPE_CHECKING:
    from digest.config import Config
    from digest.preview import Preview
    from digest.run import Setup
    from digest.summarizers import Options
    from digest.types import Report, Summary

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


def main() -> NoReturn:
    """Run a command; say in one line what was wrong where something was."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # not every terminal has every letter
    try:
        app(prog_name="digest")
    except Misuse as why:
        _complain(str(why))
        sys.exit(2)
    except DigestError as why:
        _complain(str(why))
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    sys.exit(0)


def _version(asked: bool) -> None:
    if asked:
        from digest import __version__

        print(f"digest {__version__}")
        raise typer.Exit


@app.callback()
def _global(
    context: typer.Context,
    config: ConfigFile = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which one.")
    ] = False,
) -> None:
    context.obj = config


# --- the main job --------------------------------------------------------------------------------


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
    print(f"next: {_cd(folder)}digest preview my-papers, then digest run my-papers")


@app.command()
def run(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME")] = None,
    all: Annotated[bool, typer.Option("--all", help="All digests, now.")] = False,
    config: ConfigFile = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Fetch, build and send: what is due, the digests named, or all of them."""
    with _setup(context, config, now) as setup:
        from digest import plan
        from digest import run as runs

        chosen = _chosen(setup.config, names or [], all)
        if chosen:
            zones = {name: setup.config.digests[name].timezone for name in chosen}
            slots = {name: plan.wall_time(setup.now, zones[name]) for name in chosen}
            reports = runs.run(setup, slots)
        else:
            reports = runs.overdue(setup, setup.config.digests)
            released = {report.digest for report in reports}
            slots, others = runs.due(setup)
            reports += [report for report in others if report.digest not in released]
            reports += runs.run(setup, slots) if slots else []
            waiting = [report.digest for report in others if report.digest not in released]
            late = {report.digest: report for report in runs.catch_up(setup, waiting)}
            reports = [late.get(report.digest, report) for report in reports]
        runs.attend(setup)
        order = list(setup.config.digests)
        reports.sort(key=lambda report: order.index(report.digest))
    _show_reports(reports, as_json)
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
    with _setup(context, config, now) as setup:
        from digest import run as runs

        found = runs.fetch(setup, _chosen(setup.config, names or [], not names))
    for report in found.values():
        if as_json:
            _print_json(runs.source_words(report))
        else:
            print(_source_line(report))
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
    with _setup(context, config, now) as setup:
        from hashlib import sha256

        from digest import preview as previews
        from digest import run as runs
        from digest.transports.outbox import Outbox

        _chosen(setup.config, [name], False)
        last = _day(end, "--to") or setup.now.date() + timedelta(days=1)
        first = _day(start, "--from") or last - timedelta(days=7)
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
        _print_json({**words, "folder": str(home)})
        return
    print(f"{name}: {_count(papers, 'paper')} from {first} up to {last}; sent to nobody")
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
    with _setup(context, config, now) as setup:
        _chosen(setup.config, [name], False)
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
    with _setup(context, config, now) as setup:
        from digest import backtest as backtests

        _chosen(setup.config, [name], False)
        until = setup.now.date() if now else None
        for day in backtests.backtest(setup, name, days, topic or (), until):
            counted.append((len(day.shown) + len(day.more), day.looked_at))
            odd |= dict.fromkeys(day.warnings)
            if as_json:
                _print_json(backtests.words(day))
            else:
                said += backtests.lines(day)
    for warning in odd:
        _complain(warning)
    total = backtests.totals(counted)
    if as_json:
        _complain(total)
    else:
        print("\n".join([*said, total]))


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
    with _setup(context, config, now) as setup:
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
    with _setup(context, config, now) as setup:
        _opine(setup, id, name, reader, False, undo)


def _opine(
    setup: Setup, id: str, name: str, reader: str | None, is_liked: bool, undo: bool
) -> None:
    from digest import run as runs

    _chosen(setup.config, [name], False)
    address = _reader(reader)
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
    with _setup(context, config, now) as setup:
        from digest import run as runs

        _chosen(setup.config, [name], False)
        found = runs.opinions_of(setup, name, _reader(reader))
    for one in found:
        said = {"id": one.paper.id, "title": one.paper.title, "is_liked": one.is_liked}
        if as_json:
            _print_json({**said, "said_at": one.said_at.isoformat()})
        else:
            print(f"{'likes' if one.is_liked else 'dislikes':<9}{one.paper.title} ({one.paper.id})")
    if not found and not as_json:
        print(f"nothing yet; `digest like ID --digest {name}` says so of a paper")


def _reader(given: str | None) -> str:
    from digest import consent

    return consent.address(given) if given is not None else ""


@app.command()
def demo(as_json: AsJson = False) -> None:
    """Run everything on the sample papers, into outbox/demo/, the same every time."""
    from digest import demo as demos

    with _progress() as notify:
        reports = demos.demo(Path("outbox"), notify)
    if as_json:
        _show_reports(reports, as_json)
        return
    _show_reports(reports, False)
    newest = Path(reports[-1].folder)
    print("\nlook at the newest issue:")
    for page in ("issue.html", "issue.md", "issue.txt"):
        print(f"  {_near(newest / page)}")
    for mail in sorted(newest.glob("*.eml")):
        print(f"  {_near(mail)}")


@app.command()
def status(
    context: typer.Context, config: ConfigFile = None, now: Now = None, as_json: AsJson = False
) -> None:
    """Show each digest's next slot and last report, the sources, and the queue."""
    with _setup(context, config, now) as setup:
        from digest import status as statuses

        found = statuses.status(setup)
    if as_json:
        _print_json(found)
    else:
        print("\n".join(statuses.lines(found)))


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
    with _setup(context, config, now) as setup:
        from digest import run as runs

        _chosen(setup.config, [name], False)
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
    with _setup(context, config, now) as setup:
        from digest import run as runs

        _chosen(setup.config, [name], False)
        report = (runs.drop if drop else runs.approve)(setup, name, slot)
    _show_reports([report], as_json)
    raise typer.Exit(runs.exit_code([report]))


# --- for pipes -----------------------------------------------------------------------------------


@app.command()
def summarize(
    context: typer.Context,
    summarizer: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="Which one: embedded, embedded:FOLDER, lead, hub:ORG/NAME, openai:MODEL@URL, …",
        ),
    ] = EXTRACT,
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="To write in, like zh; default en.")
    ] = None,
    prompt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your own words to the model.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Read JSON lines {"id", "title", "abstract"} and write {"id", "summary", "summarizer"}.

    Where another summarizer had to stand in, "reason" says why. What is under [summarize] in a
    configuration counts when --config names one.
    """
    from digest import registry, run, summarizers, text

    options = _options(config or context.obj, language, prompt)
    made = registry.summarizer(summarizer, options)
    run.make_ready(made, options.language)
    size = 64 if made.extracts else options.batch
    said: list[Summary] = []
    has_failed = False
    with _progress() as notify, _json_lines() as rows:
        for batch in _batches(rows, size):
            notify(f"summarizing, {len(said)} papers done")
            texts = [
                summarizers.Text(text.plain(row["title"]), text.plain(row["abstract"]))
                for row in batch
            ]
            new, may_change = run.without_store(made, texts, options.language)
            has_failed = has_failed or may_change
            for row, one in zip(batch, new, strict=True):
                words = {"id": row["id"], "summary": one.text, "summarizer": one.summarizer}
                _print_json({**words, "reason": one.reason} if one.reason else words)
            said += new
        for warning in (*made.warnings, *run.fallbacks(said)):
            _complain(warning)
    if has_failed:  # a service that is down, say: asked again it may answer
        raise typer.Exit(1)


def _options(config: Path | None, language: str | None, prompt: Path | None) -> Options:
    """What a summarizer is told: by the configuration, if one was named, and by the command."""
    from digest import config as configs

    given: dict[str, Any] = {}
    if language is not None:
        given["language"] = language
    if prompt is not None:
        given["prompt"] = prompt.resolve()
    made = configs.make(given, Path("the command line"))
    if config is not None:
        made = configs.load(configs.find(config)).model_copy(
            update={name: getattr(made, name) for name in given}
        )
    return made.options


@app.command()
def train(
    file: Annotated[
        Path, typer.Argument(help='JSON lines {"title", "abstract", "summary"}.', exists=True)
    ],
    out: Annotated[Path, typer.Option(help="The folder for the model.")] = Path("my-summarizer"),
) -> None:
    """Train the summarizer in the package further on your own pairs. Needs torch."""
    try:
        from digest.training import recipe
    except ImportError as why:
        raise Misuse(
            f"training needs torch, onnx and rouge-score ({why}): pip install torch onnx"
            " rouge-score; torch's build without CUDA is enough, and much smaller"
        ) from why
    work = out.with_name(f"{out.name}.work")
    recipe.own_model(file, work, out, lambda line: print(line, file=sys.stderr, flush=True))
    print(f'wrote {out}; use it with summarizer = "embedded:{out.resolve()}"')


@app.command()
def match(
    topic: Annotated[list[str], typer.Option("--topic", help="What to look for; repeatable.")],
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="TOPIC", help="Papers on it are left out.")
    ] = None,
    author: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Whose papers match, too.")
    ] = None,
    category: Annotated[
        list[str] | None, typer.Option(metavar="CATEGORY", help="Only papers of these.")
    ] = None,
    encoder: Annotated[
        str, typer.Option(metavar="ID", help="embedded, hub:ORG/NAME, openai:MODEL@URL, …")
    ] = "embedded",
) -> None:
    """Read the same and write {"id", "topic", "score", "because"} for every paper and topic.

    A score of 1 and more is a match. The papers may have "authors" and "categories"; those that are
    excluded, or of other categories, get no line.
    """
    from digest import match as matching
    from digest import registry, run, text
    from digest.summarizers import Options
    from digest.types import Paper

    interest = matching.Interest(
        topics=tuple(matching.parse_topic(words) for words in topic),
        exclude=tuple(matching.parse_topic(words) for words in exclude or ()),
        categories=tuple(category or ()),
        authors=tuple(author or ()),
    )
    code = run.Encoding(registry.encoder(encoder, Options()))
    with _json_lines() as rows:
        for batch in _batches(rows, 128):
            papers = [
                Paper(
                    id=str(number),
                    aliases=(),
                    title=text.plain(row["title"]),
                    abstract=text.plain(row["abstract"]),
                    authors=_names(row, "authors"),
                    categories=_names(row, "categories"),
                    announced_on=date.min,
                )
                for number, row in enumerate(batch)
            ]
            for found in run.match_without_store(code, interest, papers):
                said = {"topic": found.topic, "score": found.score, "because": list(found.because)}
                _print_json({"id": batch[int(found.paper.id)]["id"], **said})
    for warning in code.warnings:
        _complain(warning)
    if code.warnings:  # asked again the encoder may answer
        raise typer.Exit(1)


def _names(row: dict[str, Any], key: str) -> tuple[str, ...]:
    given = row.get(key)
    return tuple(one for one in given if isinstance(one, str)) if isinstance(given, list) else ()


@contextlib.contextmanager
def _json_lines() -> Iterator[Iterator[dict[str, Any]]]:
    """The papers on standard input; lines that are none are named, and make the exit code 2."""
    bad = 0

    def read() -> Iterator[dict[str, Any]]:
        nonlocal bad
        for number, line in enumerate(sys.stdin.buffer, 1):
            if not line.strip():
                continue
            try:
                yield _paper_row(line)
            except ValueError as why:
                bad += 1
                _complain(f"line {number} of standard input: {why}")

    yield read()
    if bad:
        raise typer.Exit(2)


def _paper_row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as why:
        raise ValueError(f"not JSON: {why}") from why
    if not isinstance(row, dict) or "id" not in row:
        raise ValueError('not an object with "id", "title" and "abstract"')
    for key in ("title", "abstract"):
        if not isinstance(row.get(key, ""), str | None):
            raise ValueError(f"{key!r} is not text")
        row[key] = row.get(key) or ""
    return row


def _batches(rows: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    from itertools import islice

    while batch := list(islice(rows, size)):
        yield batch


def _print_json(words: dict[str, Any]) -> None:
    # JSON is UTF-8, whatever the terminal is; half a character that came escaped goes escaped.
    line = json.dumps(words, ensure_ascii=False).encode("utf-8", "backslashreplace")
    sys.stdout.flush()
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


# --- what the commands share ---------------------------------------------------------------------


@contextlib.contextmanager
def _setup(context: typer.Context, config: Path | None, now: str | None) -> Iterator[Setup]:
    """The configuration, the open store and the time."""
    from digest import config as configs
    from digest.run import Setup
    from digest.store import open_store

    moment = _moment(now)
    settings = configs.load(configs.find(config or context.obj))
    store = open_store(settings.store, moment)
    try:
        with _progress() as notify:
            yield Setup(config=settings, store=store, now=moment, notify=notify)
    finally:
        store.close()


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A line that says what is being done, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as shown:
        yield lambda words: shown.update(words)


def _moment(given: str | None) -> datetime:
    if given is None:
        return datetime.now(UTC)
    moment = _read_time(given, "--now", "time like 2026-06-22T08:00:00+02:00")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day(given: str | None, option: str) -> date | None:
    return None if given is None else _read_time(given, option, "day like 2026-06-22").date()


def _read_time(given: str, option: str, like: str) -> datetime:
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as why:
        raise Misuse(f"{option} {given!r} is not a {like}") from why
    # Further out, days cannot be reckoned from it; and there were no papers.
    if not 1900 <= moment.year < 2200:
        raise Misuse(f"{option} {given!r} is too far from now")
    return moment


def _chosen(config: Config, names: list[str], all: bool) -> list[str]:
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


def _show_reports(reports: list[Report], as_json: bool) -> None:
    from digest.run import words

    for report in reports:
        if as_json:
            _print_json(words(report))
            continue
        said = f"{report.digest} {report.slot}: {report.reason}".replace(" :", ":")
        if report.reason == "sent":
            said += f", {_count(report.papers, 'paper')}, {_count(report.mails, 'mail')}"
        print(said + (f" ({report.detail})" if report.detail else ""))
        for source in report.sources:
            print(f"  {_source_line(source)}")
        if report.folder:
            print(f"  {_near(Path(report.folder))}/")


def _source_line(source: Any) -> str:
    if source.reason == "sent":
        said = f"{_count(source.new, 'new paper')} of {_count(source.entries, 'entry')}"
    else:
        names = {"all-sent": "nothing new"}
        said = names.get(source.reason, str(source.reason))
        said += f", {_count(source.new, 'new paper')}" if source.new else ""
    return f"{source.source}: {said}" + (f" ({source.detail})" if source.detail else "")


def _count(number: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number} {noun if number == 1 else plural}"


def _near(path: Path) -> Path:
    """The path from here, where it is below here."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path


def _cd(folder: Path) -> str:
    return "" if folder.resolve() == Path.cwd() else f"cd {folder}; "


def _complain(words: str) -> None:
    for line in words.splitlines():
        print(f"digest: {line}", file=sys.stderr)


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
            _complain(_source_line(report))
        if not previews.is_empty(setup, name):
            yield setup
            return
    _complain("no papers yet: these are samples; `digest fetch` gets the real ones")
    with previews.on_samples(setup, name) as sampled:
        yield sampled


def _say_what_was_odd(made: Preview) -> None:
    for words in filter(None, (made.note, *made.warnings)):
        _complain(words)


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
        _complain("no browser could be opened; open the file above, or use --serve PORT")


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
