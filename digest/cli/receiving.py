"""Mail that comes in."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import typer

from digest.cli.frame import ConfigFile, Now, app, complain, count, moment, opened
from digest.errors import DigestError, Misuse

#: What makes a mail server keep the message and try again. Source: sysexits.h, EX_TEMPFAIL.
TRY_AGAIN = 75


@app.command()
def inbox(
    context: typer.Context,
    config: ConfigFile = None,
    imap: Annotated[
        bool, typer.Option("--imap", help="Collect the unseen messages of the mailbox.")
    ] = False,
    lmtp: Annotated[
        bool, typer.Option("--lmtp", help="Take messages from a mail server on this machine.")
    ] = False,
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Whom the message came to; repeatable."),
    ] = None,
    now: Now = None,
) -> None:
    """Do what people ask for by mail: read one message from standard input, or many.

    The exit code is 0 once a message is accounted for, and 75 where it should be handed over again.
    """
    if imap and lmtp:
        raise Misuse("--imap and --lmtp are two ways; choose one")
    if (imap or lmtp) and to:
        raise Misuse("--to goes with a message on standard input")
    if lmtp:
        _listen(context, config, now)
    elif imap:
        _collect(context, config, now)
    else:
        _read_one(context, config, now, to or [])


def _read_one(context: typer.Context, config: ConfigFile, now: Now, to: list[str]) -> None:
    if sys.stdin.isatty():
        raise Misuse("give it one raw message on standard input, or use --imap or --lmtp")
    with _kept_by_the_mail_server(), opened(context, config, now) as setup:
        from digest.run import attend
        from digest.run.receiving import MAX_BYTES, receive

        content = sys.stdin.buffer.read(MAX_BYTES + 1)
        while sys.stdin.buffer.read(65536):  # or the mail server takes us for broken
            pass
        print(receive(setup, content, recipients=to))
        try:
            attend(setup)
        except DigestError as why:  # the mail itself is done
            complain(f"what follows from it waits: {why}")


@contextlib.contextmanager
def _kept_by_the_mail_server() -> Iterator[None]:
    """Whatever goes wrong, the mail is not lost: the operator mends it, and it comes again."""
    try:
        yield
    except typer.Exit:
        raise
    except DigestError as why:
        complain(str(why))
        raise typer.Exit(TRY_AGAIN) from why
    except Exception as why:
        import traceback

        complain(traceback.format_exc())
        raise typer.Exit(TRY_AGAIN) from why


def _collect(context: typer.Context, config: ConfigFile, now: Now) -> None:
    with opened(context, config, now) as setup:
        from digest.config import imap_password
        from digest.run.collecting import collect

        found = collect(setup, imap_password())
        for problem in found.problems:
            complain(problem)
        print(count(found.taken, "message"))
        if found.problems:
            raise typer.Exit(1)


def _listen(context: typer.Context, config: ConfigFile, now: Now) -> None:
    with opened(context, config, now) as setup:
        from digest.inbox.lmtp import HOST
        from digest.run.collecting import listen

        listen(
            lambda: replace(setup, now=moment(now)),
            complain=complain,
            ready=lambda port: print(f"LMTP on {HOST}:{port}", flush=True),
        )
