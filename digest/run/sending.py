"""send(): pages are laid out, and every queued delivery goes to the transport."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from digest import registry, transports
from digest.config import ALL_PAPERS, Config
from digest.errors import DigestError, Misuse, Permanent, Temporary
from digest.run.desk import Desk
from digest.run.editions import fit, whole
from digest.run.setup import Setup
from digest.run.subscribing import fingerprint
from digest.store import asks, issues, ledger
from digest.types import Delivery, DeliveryState, Issue


@dataclass(slots=True)
class Sent:
    """What a sending came to, by digest."""

    mails: dict[str, int] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)

    def note(self, digest: str, problem: str) -> None:
        """Keep a problem in words."""
        self.problems.setdefault(digest, []).append(problem)


def send(setup: Setup, fresh: Sequence[Issue] = ()) -> Sent:
    """Lay out the pages of fresh issues, and hand every queued delivery to the transport."""
    config, store, sent = setup.config, setup.store, Sent()
    transport = transport_of(config)
    # One sender at a time; who waited here finds the queue as the other left it.
    with store.exclusive("send"):
        _recover(setup, transport, sent)
        for issue in fresh:
            _publish(setup, issue, transport, sent)
        with store.read() as connection:
            queue = ledger.in_state(connection, [DeliveryState.QUEUED, DeliveryState.DEFERRED])
        # Pages that could not be laid out when their issue was fresh go with its mails.
        late = {one.issue for one in queue} - {issue.id for issue in fresh}
        with store.read() as connection:
            old = [issues.load(connection, id) for id in sorted(late)]
        for found in old:
            if found and found.digest in config.digests:
                _publish(setup, found, transport, sent)
        desk = Desk(setup)
        for number, delivery in enumerate(queue, 1):
            setup.notify(f"mail {number} of {len(queue)}")
            _deliver(setup, transport, delivery, desk, sent)
    return sent


def transport_of(config: Config) -> transports.Transport:
    """The transport of the configuration.

    Raises: BadConfig.
    """
    return registry.make("transport", config.transport, transports.BUILTIN, folder=config.outbox)


def _recover(setup: Setup, transport: transports.Transport, sent: Sent) -> None:
    """Whoever claimed a delivery before us is dead, for we hold the sender's lock."""
    after = DeliveryState.QUEUED if transport.is_repeatable else DeliveryState.IN_DOUBT
    with setup.store.write() as connection:
        for one in ledger.in_state(connection, [DeliveryState.CLAIMED]):
            ledger.move(connection, one, one.state, DeliveryState.QUEUED, setup.now)
        for one in ledger.in_state(connection, [DeliveryState.SENDING]):
            ledger.move(connection, one, one.state, after, setup.now, "the sender died meanwhile")
            if after is DeliveryState.IN_DOUBT:
                sent.note(one.issue.partition("/")[0], f"{one.issue}: one mail is in doubt")


def _publish(setup: Setup, issue: Issue, transport: transports.Transport, sent: Sent) -> None:
    try:
        edition, rendered = fit(
            setup, issue.digest, issue, issue.items, format="html", is_public=True
        )
        pages = {
            "issue.html": rendered.html,
            "issue.md": rendered.markdown,
            "issue.txt": rendered.text,
        }
        if edition.more:
            pages[ALL_PAPERS] = whole(setup, issue).html
        if folder := transport.publish(issue.id, pages):
            sent.folders[issue.digest] = str(folder)
    except DigestError as why:
        sent.note(issue.digest, str(why))


def _deliver(
    setup: Setup,
    transport: transports.Transport,
    delivery: Delivery,
    desk: Desk,
    sent: Sent,
) -> None:
    digest = delivery.issue.partition("/")[0]
    state = delivery.state

    def moves(after: DeliveryState, detail: str = "") -> bool:
        nonlocal state
        with setup.store.write() as connection:
            is_ours = ledger.move(connection, delivery, state, after, setup.now, detail)
        state = after if is_ours else state
        return is_ours

    with setup.store.read() as connection:
        is_suppressed = asks.suppressed(connection, [fingerprint(setup, delivery.address)])
    if is_suppressed:
        moves(DeliveryState.SUPPRESSED, "the address is suppressed")
        return
    if not moves(DeliveryState.CLAIMED):
        return
    try:
        edition = desk.load([delivery])[delivery.edition]
        mail = desk.mail(delivery, edition)
        moves(DeliveryState.SENDING)
        receipt = transport.send(mail, delivery.issue)
        moves(DeliveryState.SENT, receipt.detail)
        sent.mails[digest] = sent.mails.get(digest, 0) + 1
    except (Temporary, Misuse) as why:
        # A template or sender that the operator can mend loses no mail.
        moves(DeliveryState.DEFERRED, str(why))
        sent.note(digest, f"a mail will be tried again: {why}")
    except Permanent as why:
        moves(DeliveryState.FAILED, str(why))
        sent.note(digest, f"a mail failed: {why}")
