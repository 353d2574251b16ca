"""For operators: who gets what, and the proof that she wants it."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from digest.cli.frame import (
    AsJson,
    ConfigFile,
    Now,
    app,
    chosen,
    complain,
    count,
    opened,
    print_json,
)
from digest.errors import Misuse

if TYPE_CHECKING:
    from digest.run import Setup
    from digest.run.importing import Outcome
    from digest.run.roll import Listed
    from digest.types import SubscriptionState

Address = Annotated[str, typer.Argument(metavar="ADDRESS")]

subscribers = typer.Typer(
    help="Who subscribes to what: list, import, export, erase, suppress and allow.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(subscribers, name="subscribers")


# --- one subscription ----------------------------------------------------------------------------


@app.command()
def subscribe(
    context: typer.Context,
    address: Address,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The digest.")],
    evidence: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="When and how she agreed; confirms at once, and is kept."
        ),
    ] = "",
    config: ConfigFile = None,
    now: Now = None,
) -> None:
    """Ask an address whether it wants a digest; with evidence, subscribe it at once."""
    with opened(context, config, now) as setup:
        from digest.run import importing, notifying, subscribing

        chosen(setup.config, [name], False)
        found = subscribing.subscribe(setup, address, name, evidence)
        shown = found.subscription.address if found.subscription else address
        notifying.post(setup)
        if found.outcome == "confirmed":
            notifying.welcome(setup)
    if found.outcome == "confirm":
        print(f"asked {shown}: it gets {name} once it confirms")
    elif found.outcome == "confirmed":
        print(f"subscribed {shown} to {name}; the evidence is kept")
    elif found.outcome == "already":
        print(f"{shown} is subscribed to {name} already")
    else:
        why = importing.NOT_ASKED.get(found.outcome, found.outcome)
        complain(f"{shown} was not asked: {why}")
        raise typer.Exit(1)


@app.command()
def unsubscribe(
    context: typer.Context,
    address: Address,
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="The digest; else all of them.")
    ] = "",
    config: ConfigFile = None,
    now: Now = None,
) -> None:
    """Take an address out of a digest, or of all; it can come back."""
    with opened(context, config, now) as setup:
        from digest import consent
        from digest.run import subscribing

        address = consent.address(address)
        # A digest that is no longer in the configuration can still be left.
        left = subscribing.unsubscribe_address(setup, address, name)
        if not left and name:
            chosen(setup.config, [name], False)
    where = name or "any digest"
    if left:
        print(f"{address} is out of {name or count(left, 'digest')}")
    else:
        print(f"{address} is not subscribed to {where}")


# --- all of them ---------------------------------------------------------------------------------


@subscribers.command("list")
def list_(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Of one digest.")] = "",
    state: Annotated[
        str, typer.Option(metavar="STATE", help="unconfirmed, confirmed or unsubscribed.")
    ] = "",
    config: ConfigFile = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """List subscriptions, by digest and address."""
    wanted = _state(state)
    with opened(context, config, now) as setup:
        from digest.run import roll

        is_empty = True
        for one in roll.listed(setup, name, wanted):
            is_empty = False
            if as_json:
                print_json(_words(one))
            else:
                print(_line(one))
        if is_empty and not as_json:
            if name:
                chosen(setup.config, [name], False)
            print("nobody yet; `digest subscribe ADDRESS NAME` asks somebody")


def _state(given: str) -> SubscriptionState | None:
    from digest.types import SubscriptionState

    if not given:
        return None
    if given.lower() not in list(SubscriptionState):
        raise Misuse(f"--state {given!r} is not one of {', '.join(SubscriptionState)}")
    return SubscriptionState(given.lower())


def _words(one: Listed) -> dict[str, Any]:
    from digest import consent

    found = one.subscription
    return {
        "address": found.address,
        "digest": found.digest,
        "state": found.state,
        "subscriber": one.subscriber,
        "since": found.since and found.since.isoformat(),
        "ended_at": found.ended_at and found.ended_at.isoformat(),
        "preferences": consent.words(found.preferences),
        "suppressed": one.suppressed,
        "why": one.why,
    }


def _line(one: Listed) -> str:
    from digest import consent

    found = one.subscription
    at = found.ended_at or found.since
    wants = [f"{key} {value}" for key, value in consent.words(found.preferences).items()]
    why = [f"suppressed: {one.suppressed}: {one.why}"] if one.suppressed else []
    more = why + wants
    day = f"{at:%Y-%m-%d}" if at else ""
    said = f"{found.digest:<20} {found.state:<13} {day:<11} {found.address}"
    return said + (f" ({', '.join(more)})" if more else "")


@subscribers.command("import")
def import_(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV with a first line that names its columns.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    config: ConfigFile = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Take in a file of subscribers: address, digest, state, evidence and preferences."""
    totals: Counter[str] = Counter()
    with opened(context, config, now) as setup, _reading(file) as source:
        from digest.run import importing, notifying, sheet

        rows = sheet.read(source, list(setup.config.digests))
        for one in importing.import_rows(setup, rows, is_rehearsal=dry_run):
            totals[one.done] += 1
            if as_json:
                print_json(_outcome(one))
            else:
                why = f": {one.why}" if one.why else ""
                print(f"line {one.line}: {one.address or '(no address)'}: {one.done}{why}")
        if totals[importing.Done.ASKED] and not dry_run:
            notifying.post(setup)
    if as_json:
        print_json({"totals": dict(sorted(totals.items())), "dry_run": dry_run})
    else:
        said = ", ".join(f"{number} {done}" for done, number in sorted(totals.items()))
        print(f"{'would be: ' if dry_run else ''}{said or 'no rows'}")
    if totals[importing.Done.REFUSED] or totals[importing.Done.NOT_ASKED]:
        raise typer.Exit(1)


def _outcome(one: Outcome) -> dict[str, Any]:
    return {
        "line": one.line,
        "address": one.address,
        "digest": one.digest,
        "done": one.done,
        "why": one.why,
    }


@contextlib.contextmanager
def _reading(file: Path) -> Iterator[Any]:
    try:
        source = file.open("rb")
    except OSError as why:
        raise Misuse(f"cannot read {file}: {why.strerror}") from why
    with source:
        yield source


@subscribers.command()
def export(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Else standard output.")
    ] = None,
    address: Annotated[
        str, typer.Option(metavar="ADDRESS", help="All that is known of one person, as JSON.")
    ] = "",
    config: ConfigFile = None,
    now: Now = None,
) -> None:
    """Write all subscriptions as CSV that `import` takes; or all that is known of one person."""
    with opened(context, config, now) as setup, _writing(file) as target:
        number = _export(setup, target, address)
    if file:
        print(f"wrote {file}" + ("" if address else f", {count(number, 'subscription')}"))


def _export(setup: Setup, target: TextIO, address: str) -> int:
    import json

    from digest.run import roll, sheet

    if not address:
        return sheet.write(target, roll.rows(setup))
    json.dump(roll.known_of(setup, address), target, ensure_ascii=False, indent=2)
    target.write("\n")
    return 1


@contextlib.contextmanager
def _writing(file: Path | None) -> Iterator[TextIO]:
    """A file that only its owner can read, whole or not there at all."""
    if file is None:
        sys.stdout.flush()
        target = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
        yield target
        target.detach()
        return
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as target:
            yield target
        aside.replace(file)
    except OSError as why:
        raise Misuse(f"cannot write {file}: {why.strerror}") from why
    finally:
        aside.unlink(missing_ok=True)


# --- one person ----------------------------------------------------------------------------------


@subscribers.command()
def erase(
    context: typer.Context,
    address: Address,
    config: ConfigFile = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Forget all that is known of an address, but that it must never be written to again."""
    with opened(context, config, now) as setup:
        from digest.run import roll

        gone = roll.erase(setup, address)
        copies = setup.store.copies()
    if as_json:
        print_json(gone)
        return
    said = ", ".join(f"{number} {what}" for what, number in gone.items() if number)
    said = said.replace("_", " ").replace("files", "mails in the outbox")
    print(f"erased: {said or 'nothing was known'}")
    for copy in copies:
        complain(f"{copy} is a copy from before an upgrade and may still hold the address")
    print("it is never written to again; `digest subscribers allow ADDRESS` lifts that")


@subscribers.command()
def suppress(
    context: typer.Context,
    address: Address,
    reason: Annotated[
        str, typer.Option(metavar="REASON", help="bounce, complaint, request or operator.")
    ] = "operator",
    config: ConfigFile = None,
    now: Now = None,
) -> None:
    """Never write to an address again, whatever it is subscribed to."""
    from digest.types import Suppression

    if reason.lower() not in list(Suppression):
        raise Misuse(f"--reason {reason!r} is not one of {', '.join(Suppression)}")
    with opened(context, config, now) as setup:
        from digest.run import roll

        is_new = roll.suppress(setup, address, Suppression(reason.lower()))
    print(f"{address} is {'' if is_new else 'already '}never written to")


@subscribers.command()
def allow(
    context: typer.Context, address: Address, config: ConfigFile = None, now: Now = None
) -> None:
    """Write to an address again that was suppressed or erased; it has to subscribe anew."""
    with opened(context, config, now) as setup:
        from digest.run import roll

        was = roll.allow(setup, address)
    print(f"{address} may be written to again" if was else f"nothing was against {address}")


# --- keys ----------------------------------------------------------------------------------------


@app.command()
def keys(
    context: typer.Context,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Add one that signs from now on; old links still work.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """The keys that the links in mails are signed with: their numbers, never themselves."""
    from digest import config as configs
    from digest import keys as key_file

    file = configs.load(configs.find(config or context.obj)).keys
    if key_file.ensure(file):
        complain(f"wrote {file}: keep it secret, back it up")
    if rotate:
        print(
            f"added key {key_file.rotate(file)}; a `digest serve` that runs takes it up by itself"
        )
    found = key_file.load(file)
    for number in sorted(found.secrets):
        print(f"key {number}" + (" signs" if number == found.newest else ""))
