"""What operators ask of the ledger: who got an issue, hold, release, cancel, try again, test."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from digest import consent, plan, tokens
from digest import mail as letters
from digest.errors import Misuse
from digest.run import links, sending
from digest.run.editions import fit
from digest.run.sending.sent import Sent
from digest.run.setup import Setup
from digest.run.signing import signer
from digest.run.subscribing import fingerprint
from digest.store import Connection, asks, issues
from digest.store import sending as rows
from digest.store.ledger import CANCELLED
from digest.types import Delivery, DeliveryState, Issue, Receipt

#: What `retry` may be asked for.
RETRYABLE = (DeliveryState.DEFERRED, DeliveryState.FAILED, DeliveryState.IN_DOUBT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who got an issue, who did not, and why."""

    issue: str
    held: str  #: why it is; empty: it is not
    states: Mapping[str, int]
    deliveries: Sequence[Mapping[str, Any]]

    @property
    def is_cancelled(self) -> bool:
        """Is it held for good?"""
        return self.held == CANCELLED

    def by_domain(self) -> list[tuple[str, Counter[str]]]:
        """Domain → how many in each state, those with most mails first."""
        found: dict[str, Counter[str]] = {}
        for one in self.deliveries:
            domain = one["address"].rpartition("@")[2]
            found.setdefault(domain, Counter())[one["state"]] += 1
        return sorted(found.items(), key=lambda pair: (-pair[1].total(), pair[0]))

    def by_reason(self) -> list[tuple[str, str, int]]:
        """State, reason and how often, of what was not sent."""
        found = Counter(
            (one["state"], one["detail"])
            for one in self.deliveries
            if one["state"] not in (DeliveryState.SENT, DeliveryState.QUEUED)
        )
        return [(state, why, number) for (state, why), number in found.most_common()]


def issue_id(connection: Connection, asked: str) -> str:
    """The issue that a name stands for: "DIGEST/SLOT", or the latest of "DIGEST".

    Raises: Misuse, naming what there is.
    """
    name, _, slot = asked.partition("/")
    if not slot:
        if found := issues.latest(connection, name):
            return found.id
        raise Misuse(f"no issue of {name!r} is out yet; `digest status` shows what there is")
    slots = sorted(issues.taken_slots(connection, name))
    if slot in slots:
        return asked
    near = difflib.get_close_matches(slot, slots, n=1) or slots[-1:]
    hint = f"did you mean {name}/{near[0]}?" if near else f"{name!r} has had none"
    raise Misuse(f"there is no issue {asked!r}; {hint}")


def account(setup: Setup, asked: str, states: Sequence[str] = (), domain: str = "") -> Account:
    """Who got an issue, who did not, and why.

    Raises: Misuse
    """
    for state in states:
        if state not in list(DeliveryState):
            known = ", ".join(DeliveryState)
            raise Misuse(f"--state {state!r} is not known; there are {known}")
    with setup.store.read() as connection:
        id = issue_id(connection, asked)
        return Account(
            issue=id,
            held=rows.held(connection).get(id, ""),
            states=rows.counts(connection, id).get(id, {}),
            deliveries=rows.listed(connection, id, states, domain),
        )


def accounts(setup: Setup) -> dict[str, dict[str, int]]:
    """Issue → state → how many deliveries, of all issues."""
    with setup.store.read() as connection:
        return rows.counts(connection)


def hold(setup: Setup, asked: str, why: str = "held by the operator") -> str:
    """Send nothing more of an issue but what is on the wire; returns its id.

    Raises: Misuse
    """
    with setup.store.write() as connection:
        id = issue_id(connection, asked)
        rows.hold(connection, id, why, setup.now)
    return id


def release(setup: Setup, asked: str) -> tuple[str, bool]:
    """Go on with an issue; returns its id, and whether it was held.

    Raises: Misuse
    """
    with setup.store.write() as connection:
        id = issue_id(connection, asked)
        return id, rows.release(connection, id)


def cancel(setup: Setup, asked: str) -> tuple[str, int]:
    """Give up what is left of an issue; returns its id, and how many mails that were.

    Raises: Misuse
    """
    with setup.store.write() as connection:
        id = issue_id(connection, asked)
        return id, rows.cancel(connection, id, setup.now)


def retry(setup: Setup, state: DeliveryState, asked: Sequence[str] = ()) -> tuple[int, Sent]:
    """Send exactly the deliveries that are in a state, of some issues or of all, now.

    Returns how many there were.

    Raises: Misuse
    """
    tag = f"retry {setup.new_id()}"
    with setup.store.write() as connection:
        wanted = [issue_id(connection, one) for one in asked] or list(rows.counts(connection))
        number = rows.retry(connection, state, wanted, tag, setup.now)
    if not number:
        return 0, Sent()
    try:
        return number, sending.send(setup, tag=tag)
    finally:
        with setup.store.write() as connection:
            rows.untag(connection, tag)


def would_send(setup: Setup) -> dict[str, int]:
    """Issue → how many mails would go out now."""
    with setup.store.read() as connection:
        return rows.due_by_issue(connection, setup.now)


def waiting(setup: Setup) -> tuple[int, datetime | None]:
    """How many deliveries are to be tried again, and when the first of them."""
    with setup.store.read() as connection:
        return rows.waiting(connection)


def test(setup: Setup, name: str, to: str) -> tuple[Issue, Receipt]:
    """Send the latest issue of a digest to oneself; no row of the ledger is touched.

    Raises: Misuse; what the transport raises.
    """
    address = consent.address(to)
    with setup.store.read() as connection:
        issue = issues.latest(connection, name)
        mark = fingerprint(setup, address)
        gone = asks.suppressed(connection, [mark])
    if issue is None:
        raise Misuse(f"no issue of {name!r} is out yet; `digest build {name} --queue` makes one")
    if gone:
        raise Misuse(
            f"{address} is suppressed ({gone[mark]}) and gets no mail by any way;"
            f" `digest subscribers allow {address}` lets it"
        )
    edition, rendered = fit(setup, name, issue, issue.items)
    masthead = links.masthead(setup, name)
    holders = list(links.placeholders(setup).values())
    letter = letters.prepare(
        rendered,
        masthead,
        setup.now,
        edition.format,
        placeholders=holders,
        signer=signer(setup, masthead.sender),
    )
    delivery = Delivery(
        issue=issue.id,
        subscriber="test",
        address=address,
        edition=edition.key,
        # Another each time: some mail servers drop what they have seen.
        message_id=plan.message_id(issue.id, setup.new_id(), letter.sender.rpartition("@")[2]),
        queued_at=setup.now,
    )
    mail = letters.address(
        letter, delivery, links.of_reader(setup, tokens.NOBODY, setup.now, delivery.message_id)
    )
    return issue, sending.transport_of(setup.config).send(mail, f"{name}/test")
