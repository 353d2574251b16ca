"""For pipes: summarize, train and match, JSON lines in and out."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.frame import (
    ConfigFile,
    app,
    complain,
    print_json,
    progress,
)
from digest.errors import Misuse
from digest.summarizers import EXTRACT

if TYPE_CHECKING:
    from digest.summarizers import Options
    from digest.types import Summary

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
    with progress() as notify, json_lines() as rows:
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
                print_json({**words, "reason": one.reason} if one.reason else words)
            said += new
        for warning in (*made.warnings, *run.fallbacks(said)):
            complain(warning)
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
    print(f"{work} has the checkpoint that a kill would have left; you may delete it")


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
    with json_lines() as rows:
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
                print_json({"id": batch[int(found.paper.id)]["id"], **said})
    for warning in code.warnings:
        complain(warning)
    if code.warnings:  # asked again the encoder may answer
        raise typer.Exit(1)


def _names(row: dict[str, Any], key: str) -> tuple[str, ...]:
    given = row.get(key)
    return tuple(one for one in given if isinstance(one, str)) if isinstance(given, list) else ()


@contextlib.contextmanager
def json_lines() -> Iterator[Iterator[dict[str, Any]]]:
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
                complain(f"line {number} of standard input: {why}")

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
