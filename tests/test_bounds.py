"""Whatever strangers, readers and operators do in whatever order: who is never written to."""

from __future__ import annotations

import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from desk import Desk
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from digest.errors import BadLink, Misuse
from digest.run import importing, links, notifying, roll, subscribing
from digest.run.sheet import Row
from digest.store import people
from digest.tokens import Purpose
from digest.types import SubscriptionState, Suppression

ADDRESSES = ("ada@example.org", "ADA@example.org", "ben@example.org")
addresses = st.sampled_from(ADDRESSES)
digests = st.sampled_from(["d", "e"])
purposes = st.sampled_from(Purpose)


class Strangers(RuleBasedStateMachine):
    """Anything may happen; what must never happen is looked for after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="digest-strangers-")
        self.desk = Desk(Path(self.folder.name))
        self.suppressed: dict[str, int] = {}  #: mailbox → mails it had when that began
        self.seen: Counter[str] = Counter()  #: mailbox → confirmations that were looked at
        self.last: dict[tuple[str, str], float] = {}  #: mailbox and subject → hour of the last one
        self.unanswered: Counter[str] = Counter()  #: mailbox → confirmations since the last answer
        self.hours = 0.0

    def teardown(self) -> None:
        self.desk.setup.store.close()
        self.folder.cleanup()

    def count(self, box: str) -> int:
        return len(self.desk.mails(box))

    def act(self, box: str) -> None:
        """Look at the confirmations that a step caused: three in all, one a day and digest."""
        notifying.post(self.desk.setup)
        mails = [one for one in self.desk.mails(box) if str(one["Subject"]).startswith("Please")]
        for one in mails[self.seen[box] :]:
            self.unanswered[box] += 1
            assert self.unanswered[box] <= 3
            key = (box, str(one["Subject"]))
            assert self.hours - self.last.get(key, -24) >= 24
            self.last[key] = self.hours
        self.seen[box] = len(mails)

    def answered(self, box: str) -> None:
        """She did what a mail asked for, so she may be asked again."""
        self.unanswered[box] = 0
        self.last = {key: hour for key, hour in self.last.items() if key[0] != box}

    @rule(address=addresses, digest=digests, wants_link=st.booleans())
    def ask(self, address: str, digest: str, wants_link: bool) -> None:
        subscribing.ask(self.desk.setup, address, digest, "page", wants_link=wants_link)
        subscribing.answer(self.desk.setup)
        self.act(address.lower())

    @rule(address=addresses, digest=digests)
    def ask_and_be_heard_later(self, address: str, digest: str) -> None:
        subscribing.ask(self.desk.setup, address, digest, "page")
        subscribing.answer(self.desk.setup)

    @rule(address=addresses, days=st.integers(2, 5))
    def insist(self, address: str, days: int) -> None:
        for _ in range(days):
            for digest in ("d", "e"):
                self.ask(address, digest, wants_link=False)
            self.time_goes_by(24.0)

    @rule(address=addresses, digest=digests, has_evidence=st.booleans())
    def operator_asks(self, address: str, digest: str, has_evidence: bool) -> None:
        try:
            subscribing.subscribe(self.desk.setup, address, digest, "x" if has_evidence else "")
        except Misuse:
            assert address.lower() in self.suppressed
            return
        if has_evidence and self.desk.has(address, digest):
            self.reset_if_confirmed(address.lower())
        self.act(address.lower())

    @rule(address=addresses, digest=digests, state=st.sampled_from(SubscriptionState))
    def operator_imports(self, address: str, digest: str, state: SubscriptionState) -> None:
        row = Row(line=2, address=address, digest=digest, state=state, evidence="list")
        list(importing.import_rows(self.desk.setup, [row]))
        self.reset_if_confirmed(address.lower())
        self.act(address.lower())

    @rule(address=addresses, digest=digests, purpose=purposes, hours=st.sampled_from([0, 100]))
    def follow_a_link(self, address: str, digest: str, purpose: Purpose, hours: float) -> None:
        has = self.desk.has(address, digest)
        if has is None:
            return
        setup = self.desk.setup
        token = links.token(setup, purpose, has.id, setup.now - timedelta(hours=hours))
        try:
            if purpose is Purpose.CONFIRM:
                subscribing.confirm(setup, token)
            elif purpose is Purpose.PREFERENCES:
                subscribing.leave(setup, token)
            else:
                subscribing.unsubscribe(setup, token)
        except BadLink:
            return
        self.answered(address.lower())

    @rule(address=addresses)
    def suppress(self, address: str) -> None:
        roll.suppress(self.desk.setup, address, Suppression.COMPLAINT)
        self.suppressed.setdefault(address.lower(), self.count(address))

    @rule(address=addresses)
    def erase(self, address: str) -> None:
        roll.erase(self.desk.setup, address)
        self.suppressed[address.lower()] = 0
        self.seen[address.lower()] = 0
        self.answered(address.lower())

    @rule(hours=st.sampled_from([1.0, 24.0, 80.0]))
    def time_goes_by(self, hours: float) -> None:
        subscribing.answer(self.desk.setup)
        for box in {address.lower() for address in ADDRESSES}:
            self.act(box)
        notifying.welcome(self.desk.setup)
        self.hours += hours
        self.desk.at(hours=hours)

    def reset_if_confirmed(self, box: str) -> None:
        with self.desk.setup.store.read() as connection:
            found = people.known(connection, [box])
        states = {one.state for person in found.values() for one in person.subscriptions}
        if SubscriptionState.CONFIRMED in states or SubscriptionState.UNSUBSCRIBED in states:
            self.answered(box)

    @invariant()
    def nobody_suppressed_was_written_to(self) -> None:
        for box, before in self.suppressed.items():
            assert self.count(box) <= before

    @invariant()
    def who_is_confirmed_has_evidence(self) -> None:
        for one in roll.listed(self.desk.setup):
            has = one.subscription
            if has.state is SubscriptionState.CONFIRMED:
                noted = roll.known_of(self.desk.setup, has.address)["consents"]
                whats = [n["what"] for n in noted if n["digest"] == has.digest]
                assert "confirmed" in whats
                last = [what for what in whats if what in ("confirmed", "unsubscribed")][-1]
                assert last == "confirmed"


TestStrangers = Strangers.TestCase
TestStrangers.settings = settings(
    max_examples=12,
    stateful_step_count=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # making a story short takes minutes
    suppress_health_check=[HealthCheck.too_slow],
)
TestStrangers = pytest.mark.slow(TestStrangers)


@pytest.mark.slow
def test_ten_thousand_sign_ups_cause_at_most_the_allowed_mails(tmp_path: Path) -> None:
    """1,000 addresses at 10 domains, each asked for ten times, from 100 networks within an hour."""
    limits = {"per_network": 1000, "per_domain": 60, "overall": 500}
    desk = Desk(tmp_path, limits=limits)
    # Ten thousand transactions on the disk would be the disk's test.
    raw = desk.setup.store.writer.raw_connection()
    raw.cursor().execute("PRAGMA synchronous=OFF")
    raw.close()
    outcomes: Counter[str] = Counter()
    for n in range(10_000):
        subscribing.ask(
            desk.setup,
            f"victim{n % 1000}@mail{n % 10}.example.org",
            "de"[n % 2],
            "page",
            client=f"10.0.{n % 100}.{n % 250 + 1}",
        )
    outcomes.update(subscribing.answer(desk.setup))
    notifying.post(desk.setup)
    assert sum(outcomes.values()) == 10_000
    sent = desk.mails()
    assert len(sent) == outcomes["confirm"] == 500
    assert max(Counter(one["To"] for one in sent).values()) == 1
    assert max(Counter(one["To"].partition("@")[2] for one in sent).values()) <= 60
    desk.setup.store.close()
