"""For whoever looks after the sending: send, deliveries, hold, release, cancel and test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

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
    from datetime import datetime

    from digest.run import Setup
    from digest.run.sending import Sent
    from digest.run.steering import Account

_MOST_LINES = 50

IssueName = Annotated[
    str, typer.Argument(metavar="ISSUE", help="DIGEST/SLOT, or DIGEST for its latest issue.")
]


@app.command()
def send(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ISSUE", help="With --retry: only these issues, as DIGEST/SLOT or DIGEST."
        ),
    ] = None,
    retry: Annotated[
        str | None,
        typer.Option(
            metavar="STATE", help="Send again, now, only what is deferred, failed or in-doubt."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent; send nothing.")
    ] = False,
    config: ConfigFile = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Send what is queued, and what is due to be tried again."""
    with opened(context, config, now) as setup:
        from digest import run as runs
        from digest.run import steering

        if dry_run:
            _would_send(setup, retry, names or [], as_json)
            return
        if retry:
            asked, sent = steering.retry(setup, _state(retry), names or [])
            if not as_json:
                print(f"{count(asked, 'mail')} to try again", flush=True)
        elif names:
            raise Misuse("which issues is said with --retry only; `digest hold` keeps others back")
        else:
            sent = runs.send(setup)
        left, first = steering.waiting(setup)
    _say(sent, left, first, as_json)
    raise typer.Exit(1 if sent.problems or sent.is_stopped else 0)


def _say(sent: Sent, left: int, first: datetime | None, as_json: bool) -> None:
    problems = [f"{name}: {one}" for name, some in sent.problems.items() for one in some]
    problems += [f"{name}: and {n} more like these" for name, n in sent.left_out.items()]
    if sent.is_stopped:
        problems.append(f"stopped; {count(sent.left, 'mail')} left, `digest send` goes on")
    if as_json:
        print_json({"mails": sent.mails, "problems": problems, "to_be_tried_again": left})
        return
    for name, number in sent.mails.items():
        print(f"{name}: {count(number, 'mail')} sent")
    if not sent.mails and not problems:
        print("nothing is due")
    if left and first:
        print(f"{count(left, 'mail')} to be tried again from {first:%Y-%m-%d %H:%M} UTC on")
    for problem in problems:
        complain(problem)


def _state(asked: str) -> Any:
    from digest.run.steering import RETRYABLE

    if asked not in RETRYABLE:
        raise Misuse(f"--retry {asked!r} is not known; there are {', '.join(RETRYABLE)}")
    return RETRYABLE[RETRYABLE.index(asked)]


def _would_send(setup: Setup, retry: str | None, names: list[str], as_json: bool) -> None:
    from digest.run import steering

    if retry:
        state = _state(retry)
        every = names or list(steering.accounts(setup))
        found = [steering.account(setup, name, [state]) for name in every]
        counts = {one.issue: one.states[state] for one in found if one.states.get(state)}
    else:
        counts = steering.would_send(setup)
    if as_json:
        print_json({"mails": counts})
        return
    for issue, number in counts.items():
        print(f"{issue}: {count(number, 'mail')} would be sent")
    if not counts:
        print("nothing is due")


@app.command()
def deliveries(
    context: typer.Context,
    issue: Annotated[
        str | None,
        typer.Argument(metavar="ISSUE", help="DIGEST/SLOT, or DIGEST for its latest issue."),
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="Only what is sent, failed, …; repeatable."),
    ] = None,
    domain: Annotated[str, typer.Option(metavar="DOMAIN", help="Only addresses there.")] = "",
    all: Annotated[bool, typer.Option("--all", help="Every reader, however many.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say who got an issue, who did not, and why; without ISSUE, how far each is."""
    with opened(context, config, None) as setup:
        from digest.run import steering

        if issue is None:
            _overview(steering.accounts(setup), as_json)
            return
        found = steering.account(setup, issue, state or [], domain)
    if as_json:
        for one in found.deliveries:
            print_json({"issue": found.issue, **_plain(one)})
        return
    _show(found, all or bool(state) or bool(domain))


def _overview(found: dict[str, dict[str, int]], as_json: bool) -> None:
    for issue, states in found.items():
        if as_json:
            print_json({"issue": issue, **states})
        else:
            print(f"{issue}: {_counted(states)}")
    if not found and not as_json:
        print("no issue has been sent yet")


def _counted(states: Any) -> str:
    return ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()))


def _show(found: Account, every: bool) -> None:
    print(f"{found.issue}: {_counted(found.states) or 'no deliveries'}")
    if found.is_cancelled:
        print(f"  {found.held}")
    elif found.held:
        print(f"  held: {found.held}; `digest release {found.issue}` goes on")
    for state, why, number in found.by_reason()[:20]:
        print(f"  {number:>6,} {state}: {why or 'no reason given'}")
    domains = found.by_domain()
    if len(domains) > 1:
        print("by domain")
        for domain, states in domains[:20]:
            print(f"  {domain}: {_counted(states)}")
        if len(domains) > 20:
            print(f"  and {count(len(domains) - 20, 'other')}")
    print("readers")
    shown = found.deliveries if every else found.deliveries[:_MOST_LINES]
    for one in shown:
        at = f"{one['updated_at']:%Y-%m-%d %H:%M}"
        again = f", again {one['next_at']:%Y-%m-%d %H:%M}" if one["state"] == "deferred" else ""
        why = f": {one['detail']}" if one["detail"] else ""
        print(f"  {one['address']}  {one['state']} {at}{again}{why}")
    if left := len(found.deliveries) - len(shown):
        print(f"  and {left:,} more; --all shows them, --state or --domain some")


def _plain(one: Any) -> dict[str, Any]:
    return {
        key: value.isoformat() if hasattr(value, "isoformat") else value
        for key, value in one.items()
    }


@app.command()
def hold(context: typer.Context, issue: IssueName, config: ConfigFile = None) -> None:
    """Stop the sending of an issue; what is on the wire comes to its end."""
    with opened(context, config, None) as setup:
        from digest.run import steering

        id = steering.hold(setup, issue)
    print(f"{id} is held; `digest release {id}` goes on, `digest cancel {id}` gives it up")


@app.command()
def release(context: typer.Context, issue: IssueName, config: ConfigFile = None) -> None:
    """Go on with an issue that was held; `digest send` or `digest serve` sends it."""
    with opened(context, config, None) as setup:
        from digest.run import steering

        id, was_held = steering.release(setup, issue)
    print(f"{id} goes on" if was_held else f"{id} was not held, or is cancelled")


@app.command()
def cancel(context: typer.Context, issue: IssueName, config: ConfigFile = None) -> None:
    """Give up what is left of an issue; its papers come with the next one."""
    with opened(context, config, None) as setup:
        from digest.run import steering

        id, number = steering.cancel(setup, issue)
    print(f"{id}: {count(number, 'mail')} cancelled")


@app.command("test")
def to_oneself(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of which digest.")],
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Where it goes.")],
    config: ConfigFile = None,
    now: Now = None,
) -> None:
    """Send the latest issue to yourself, as readers get it; the ledger is not touched."""
    with opened(context, config, now) as setup:
        from digest.run import steering

        chosen(setup.config, [name], False)
        issue, receipt = steering.test(setup, name, to)
    print(f"{issue.id} sent to {to}: {receipt.detail}")
