"""The door for people and cron: `digest …`. Parses what comes in, calls run, shows what comes out.

Everything slow is imported inside the command that needs it: `digest --help` must be quick.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from contextlib import suppress
from threading import Thread
from typing import Annotated, NoReturn

import typer

from digest.cli import (
    editors,
    explaining,
    issues,
    keeping,
    people,
    pipes,
    receiving,
    sending,
    serving,
    signing,
)
from digest.cli.frame import ConfigFile, app, complain
from digest.errors import DigestError, Misuse

_ORDER = [
    one.__name__
    for one in (
        issues,
        explaining,
        sending,
        people,
        serving,
        keeping,
        receiving,
        signing,
        editors,
        pipes,
    )
]
app.registered_commands.sort(key=lambda one: _ORDER.index(getattr(one.callback, "__module__", "")))


def main() -> NoReturn:
    """Run a command; say in one line what was wrong where something was."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # not every terminal has every letter
    try:
        app(prog_name="digest")
    except Misuse as why:
        complain(str(why))
        sys.exit(2)
    except DigestError as why:
        complain(str(why))
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
    attended: Annotated[bool, typer.Option("--attended", hidden=True)] = False,
) -> None:
    context.obj = config
    if attended:
        Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _end_with_parent() -> None:
    """End when standard input does: whoever started us holds its other end, or is dead."""
    with suppress(OSError):
        while os.read(0, 1):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)  # mails on the wire come to their end
    os._exit(1)
