"""The whole way from bytes on loopback to mails in the outbox."""

from __future__ import annotations

import email
import email.policy
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import shapes
from servers import Canned, FeedServer

from digest import config, run
from digest.errors import BadConfig, Misuse
from digest.store import Store, ledger, open_store
from digest.types import DeliveryState, Reason, Report

MON, TUE, WED, THU, FRI = (date(2026, 6, d) for d in (22, 23, 24, 25, 26))
ADA, BEN = "ada@example.org", "ben@example.org"
EVERYTHING = ["adapter OR retrieval OR protein OR image OR question OR number"]


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_STATE_FOLDER", str(tmp_path / "state"))


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as running:
        running.serve("/api/query", Canned(body=shapes.api([])))
        yield running


class World:
    """A configuration that changes from day to day, its store, and its outbox."""

    def __init__(self, folder: Path, server: FeedServer) -> None:
        self.folder, self.server = folder, server
        self.to = [ADA]
        self.digest: dict[str, Any] = {"sources": ["lab"], "topics": EVERYTHING}
        self.more: dict[str, Any] = {}
        self.ids = (f"{n:016x}" for n in count(1))

    def setup(self, at: datetime) -> run.Setup:
        tables = {
            "operator": {"contact": "papers@example.org"},
            "fetch": {"allow_hosts": ["127.0.0.1"], "deadline_s": 1},
            "sources": {
                "other": {"kind": "feed", "url": self.server.url("/other")},
                "arxiv": {"rss": self.server.url(""), "api": self.server.url("/api/query")},
                "lab": {"kind": "feed", "url": self.server.url("/lab")},
            },
            "digests": {"d": {**self.digest, "to": self.to}, **self.more},
        }
        settings = config.make(tables, self.folder / "digest.toml")
        store = open_store(settings.store, at)
        return run.Setup(config=settings, store=store, now=at, new_id=self.ids.__next__)

    @contextmanager
    def at(self, day: date, hour: int = 8) -> Iterator[run.Setup]:
        setup = self.setup(shapes.utc(day, hour))
        try:
            yield setup
        finally:
            setup.store.close()

    def run(self, day: date, hour: int = 8, *names: str) -> Report:
        self.forget_pace()
        with self.at(day, hour) as setup:
            slots = dict.fromkeys(names or ["d"], f"{setup.now:%Y-%m-%dT%H:%M}")
            return run.run(setup, slots)[0]

    def due(self, moment: datetime) -> list[Report]:
        """What `digest run` without names does."""
        self.forget_pace()
        setup = self.setup(moment)
        try:
            return run.run_due(setup)
        finally:
            setup.store.close()

    def forget_pace(self) -> None:
        """The next day comes sooner here than the services would like."""
        for file in (self.folder / "state").glob("*"):
            file.unlink()

    def shows(self, numbers: range, path: str = "/lab") -> None:
        """What the feed shows from now on."""
        self.server.serve(path, Canned(body=feed(numbers)))

    def got(self, address: str) -> Counter[str]:
        """The papers in all mails to an address, by the links of their abstracts."""
        found: Counter[str] = Counter()
        for path in (self.folder / "outbox").rglob(f"{address}-*.eml"):
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
            lines = (line.strip() for line in text.splitlines())
            found.update(
                line.rpartition("/")[2]
                for line in lines
                if line.startswith(("Abstract: https://arxiv.org/abs/", "https://arxiv.org/abs/"))
            )
        return found


@pytest.fixture
def world(tmp_path: Path, server: FeedServer) -> World:
    return World(tmp_path, server)


def feed(numbers: range) -> bytes:
    ids = [f"2606.{n:05d}" for n in numbers]
    return shapes.feed(
        [
            (shapes.title(n), f"https://arxiv.org/abs/{id}", shapes.abstract(n))
            for n, id in zip(numbers, ids, strict=True)
        ]
    )


def papers(*numbers: int) -> Counter[str]:
    return Counter(f"2606.{n:05d}" for n in numbers)


def test_each_reader_gets_what_she_is_owed_once(world: World) -> None:
    world.shows(range(3))
    assert world.run(MON).mails == 1
    world.shows(range(2, 5))
    world.to = [ADA, BEN]
    assert world.run(TUE).mails == 2
    world.shows(range(4, 7))
    assert world.run(WED).mails == 2
    assert world.got(ADA) == papers(*range(7))
    assert world.got(BEN) == papers(3, 4, 5, 6)


def test_running_again_sends_nothing_and_says_so(world: World) -> None:
    world.shows(range(3))
    world.run(MON)
    again = world.run(MON, 9)
    assert (again.reason, again.mails, again.papers) == (Reason.ALL_SENT, 0, 0)
    assert world.got(ADA) == papers(0, 1, 2)


def test_running_again_at_the_same_minute_loses_nothing(world: World) -> None:
    world.shows(range(3))
    world.run(MON)
    world.shows(range(5))
    assert world.run(MON).mails == 1
    assert world.got(ADA) == papers(*range(5))


def test_nothing_is_sent_twice_in_whatever_digest(world: World) -> None:
    world.more = {"e": {**world.digest, "to": [ADA, BEN]}}
    world.shows(range(3))
    world.run(MON, 8, "d", "e")
    assert world.got(ADA) == papers(0, 1, 2)
    assert world.got(BEN) == papers(0, 1, 2)


def test_a_paper_past_the_cap_is_listed_and_counts_as_delivered(world: World) -> None:
    world.digest["papers"] = 2
    world.shows(range(5))
    assert world.run(MON).papers == 5
    assert world.got(ADA) == papers(*range(5))
    assert world.run(TUE).mails == 0


def test_what_a_mail_has_no_room_for_is_in_a_page_beside_it(world: World) -> None:
    world.digest["papers"] = 1
    world.shows(range(50))
    world.run(MON)
    folder = world.folder / "outbox/d/2026-06-22T08:00"
    assert "and 9 more, all in all.html beside this mail" in (folder / "issue.txt").read_text()
    page = (folder / "all.html").read_text()
    assert all(f"https://arxiv.org/abs/2606.{n:05d}" in page for n in range(50))


def test_who_joins_between_issues_gets_the_latest_at_once(world: World) -> None:
    world.shows(range(2))
    world.run(MON)
    world.shows(range(2, 4))
    world.run(TUE)
    world.to = [ADA, BEN]
    assert world.run(TUE, 12).mails == 1
    assert world.got(BEN) == papers(2, 3)


def test_who_left_gets_no_more(world: World) -> None:
    world.to = [ADA, BEN]
    world.shows(range(2))
    world.run(MON)
    world.to = [ADA]
    world.shows(range(2, 4))
    assert world.run(TUE).mails == 1
    assert world.got(BEN) == papers(0, 1)


def test_a_digest_new_to_an_old_store_begins_with_the_newest_day_there(world: World) -> None:
    world.shows(range(3))
    world.run(MON)
    world.more = {"e": {**world.digest, "to": [BEN]}}
    assert world.run(WED, 8, "e").mails == 1
    assert world.got(BEN) == papers(0, 1, 2)


def test_a_transport_that_cannot_be_made_is_said_before_anything_is_asked(world: World) -> None:
    with world.at(MON) as setup:
        odd = setup.config.model_copy(update={"transport": "os:getcwd"})
        with pytest.raises(BadConfig, match="transport 'os:getcwd' cannot be made"):
            run.run(replace(setup, config=odd), {"d": "2026-06-22T08:00"})
    assert world.server.hits == []


def test_new_topics_do_not_bring_back_what_went_by(world: World) -> None:
    world.digest["topics"] = ['"no such words"']
    world.shows(range(3))
    assert world.run(MON).reason is Reason.NO_MATCH
    world.run(TUE)
    world.digest["topics"] = EVERYTHING
    world.shows(range(3, 5))
    assert world.run(THU).mails == 1
    assert world.got(ADA) == papers(3, 4)


def test_topics_changed_between_two_issues_lose_nothing_of_the_time_between(world: World) -> None:
    world.shows(range(2))
    world.run(MON)
    world.shows(range(4))
    with world.at(WED) as setup:
        world.forget_pace()
        run.fetch(setup, ["d"])
    world.digest["topics"] = [*EVERYTHING, '"another"']
    world.shows(range(5))
    world.run(FRI)
    assert world.got(ADA) == papers(*range(5))


FAULTS = {
    "403": (Canned(status=403), Reason.BLOCKED),
    "429": (Canned(status=429, headers={"Retry-After": "60"}), Reason.BLOCKED),
    "500": (Canned(status=500), Reason.DOWN),
    "404": (Canned(status=404), Reason.DOWN),
    "html": (Canned(body=b"<html>just a moment</html>"), Reason.DOWN),
    "truncated": (Canned(body=feed(range(5, 9))[:-200]), Reason.DOWN),
    "cut": (Canned(body=feed(range(5, 9)), fault="cut"), Reason.DOWN),
    "drop": (Canned(fault="drop"), Reason.DOWN),
    "empty": (Canned(body=feed(range(0))), Reason.QUIET),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_loses_nothing_and_the_next_good_day_catches_up(
    world: World, fault: str
) -> None:
    answer, reason = FAULTS[fault]
    world.shows(range(3))
    world.run(MON)
    world.server.serve("/lab", answer)
    report = world.run(TUE)
    (source,) = report.sources
    assert source.reason is reason
    assert report.mails == 0
    assert report.reason is not Reason.SENT
    world.shows(range(8))
    assert world.run(WED).reason is Reason.SENT
    assert world.got(ADA) == papers(*range(8))


def test_one_source_that_fails_does_not_stop_the_others(world: World) -> None:
    world.digest["sources"] = ["other", "lab"]
    world.server.serve("/other", Canned(body=b"not a feed"))
    world.shows(range(3))
    report = world.run(MON)
    assert report.reason is Reason.SENT
    assert [s.reason for s in report.sources] == [Reason.DOWN, Reason.SENT]
    assert run.exit_code([report]) == 1


def test_a_feed_that_could_not_be_read_is_asked_for_in_full_again(world: World) -> None:
    """Its ETag must not be kept, or it would be "unchanged" for ever."""
    world.digest["sources"] = ["lab"]
    tag = {"ETag": '"v1"'}
    whole = shapes.feed([("A fine paper on retrieval", "https://arxiv.org/abs/2606.00001", "x")])
    world.server.serve("/lab", Canned(body=whole[:-40], headers=tag))
    assert world.run(MON).reason is Reason.DOWN
    world.server.serve("/lab", Canned(body=whole, headers=tag))
    assert world.run(MON, 9).mails == 1
    world.run(MON, 10)
    assert [hit.headers.get("if-none-match") for hit in world.server.hits] == [None, None, '"v1"']


def test_a_crash_between_claiming_and_sending_loses_no_mail(world: World) -> None:
    world.shows(range(3))
    with world.at(MON) as setup:
        run.fetch(setup, ["d"])
        run.build(setup, "d", "2026-06-22T08:00")
        with setup.store.write() as connection:
            (one,) = ledger.in_state(connection, [DeliveryState.QUEUED])
            ledger.move(connection, one, one.state, DeliveryState.SENDING, setup.now)
    assert world.got(ADA) == papers()
    assert world.run(MON, 9).mails == 1
    assert world.got(ADA) == papers(0, 1, 2)


def test_a_mail_that_cannot_be_written_is_tried_again(world: World) -> None:
    world.shows(range(3))
    (world.folder / "outbox").write_text("in the way")
    report = world.run(MON)
    assert "cannot write" in report.detail
    assert run.exit_code([report]) == 1
    (world.folder / "outbox").unlink()
    assert world.run(MON, 9).mails == 1
    assert world.got(ADA) == papers(0, 1, 2)


def test_revised_papers_are_told_to_those_who_had_them_once(world: World) -> None:
    world.digest |= {"sources": ["arxiv"], "categories": ["cs.CL"], "revised": True}

    def announce(day: date, *rows: shapes.Row) -> None:
        world.server.serve("/rss/cs.CL", Canned(body=shapes.rss(day, rows)))

    first, second, third = (shapes.rows(day, 1)[0] for day in (MON, TUE, WED))
    announce(MON, first)
    world.run(MON)
    world.to = [ADA, BEN]
    announce(TUE, second, (first[0], "replace", ("cs.CL",)))
    world.run(TUE)
    announce(WED, third)
    world.run(WED)

    def texts(address: str) -> str:
        mails = sorted((world.folder / "outbox").rglob(f"{address}-*.eml"))
        found = [
            email.message_from_bytes(m.read_bytes(), policy=email.policy.default) for m in mails
        ]
        return "".join(m.get_body(("plain",)).get_content() for m in found)  # type: ignore[union-attr]

    assert texts(ADA).count("Revised since you got them") == 1
    assert "Revised since you got them" not in texts(BEN)


def test_an_unreachable_address_does_not_stop_the_others(world: World) -> None:
    world.to = [ADA, BEN]
    world.shows(range(3))
    with world.at(MON) as setup:
        run.fetch(setup, ["d"])
        run.build(setup, "d", "2026-06-22T08:00")
        _spoil(setup.store, ADA)
        sent = run.send(setup)
    assert sent.mails == {"d": 1}
    assert "a mail failed" in sent.problems["d"][0]
    assert world.got(BEN) == papers(0, 1, 2)


def _spoil(store: Store, address: str) -> None:
    from sqlalchemy import update

    from digest.store.tables import subscribers

    with store.write() as connection:
        change = update(subscribers).where(subscribers.c.address == address)
        connection.execute(change.values(address="a\r\nBcc: x@example.org"))


def test_real_sources_want_a_contact_before_anything_is_asked(world: World) -> None:
    with world.at(MON) as setup:
        silent = setup.config.operator.model_copy(update={"contact": ""})
        setup = replace(setup, config=setup.config.model_copy(update={"operator": silent}))
        with pytest.raises(Misuse, match=r"set contact under \[operator\]"):
            run.fetch(setup, ["d"])
    assert world.server.hits == []


def test_a_schedule_makes_a_slot_due_once(world: World) -> None:
    world.digest |= {"schedule": "weekdays at 08:00", "timezone": "Europe/Paris"}
    world.shows(range(3))

    assert [one.slot for one in world.due(shapes.utc(MON, 7))] == ["2026-06-22T08:00"]
    assert world.due(shapes.utc(MON, 8)) == []
    assert world.due(shapes.utc(TUE, 5)) == []
    assert [one.slot for one in world.due(shapes.utc(TUE, 6))] == ["2026-06-23T08:00"]


def test_a_slot_that_came_to_nothing_is_tried_again_after_a_while(world: World) -> None:
    world.digest["schedule"] = "daily at 08:00"
    world.server.serve("/lab", Canned(status=404))
    at = shapes.utc(MON, 8)
    tried = [world.due(at + timedelta(minutes=minutes)) for minutes in (0, 5, 20)]
    assert [[one.reason for one in some] for some in tried] == [[Reason.DOWN], [], [Reason.DOWN]]
    assert "looked at again at 08:15 UTC" in tried[0][0].detail


def test_an_issue_that_would_be_clipped_is_made_shorter(world: World) -> None:
    world.digest["papers"] = 100
    world.shows(range(95))
    report = world.run(MON)
    assert "so that the mail is not clipped" in report.detail
    assert len(world.got(ADA)) >= 80
    page = next((world.folder / "outbox").rglob("issue.html"))
    assert page.stat().st_size <= 102_000


@pytest.mark.parametrize("format", ["html", "markdown", "text"])
def test_every_format_gives_pages_and_a_mail(world: World, format: str) -> None:
    world.digest["format"] = format
    world.shows(range(3))
    world.run(MON)
    folder = world.folder / "outbox/d/2026-06-22T08:00"
    assert {p.name for p in folder.iterdir() if p.suffix != ".eml"} == {
        "issue.html",
        "issue.md",
        "issue.txt",
    }
    mail = email.message_from_bytes(next(folder.glob("*.eml")).read_bytes())
    kinds = {part.get_content_type() for part in mail.walk() if not part.is_multipart()}
    expected = {
        "html": {"text/plain", "text/html"},
        "markdown": {"text/plain", "text/markdown", "text/html"},
        "text": {"text/plain"},
    }
    assert kinds == expected[format]


def test_a_users_own_template_takes_the_place_of_ours(world: World) -> None:
    (world.folder / "templates").mkdir()
    (world.folder / "templates/item.txt.j2").write_text("OWN {{ paper.title }}\n")
    world.shows(range(2))
    world.run(MON)
    text = next((world.folder / "outbox").rglob("issue.txt")).read_text()
    assert text.count("OWN On ") == 2


def test_two_runs_at_once_send_everything_once(world: World) -> None:
    from concurrent.futures import ThreadPoolExecutor

    world.shows(range(6))
    world.to = [f"r{n}@example.org" for n in range(8)]

    def one(minute: int) -> int:
        setup = world.setup(shapes.utc(MON) + timedelta(minutes=minute))
        try:
            return run.run(setup, {"d": f"2026-06-22T08:{minute:02d}"})[0].mails
        finally:
            setup.store.close()

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(one, range(2))) == 8
    for reader in world.to:
        assert world.got(reader) == papers(*range(6))


# --- picks ---------------------------------------------------------------------------------------


def arxiv(n: int) -> str:
    return f"2606.{n:05d}"


def page(world: World, slot: str, digest: str = "d") -> str:
    return (world.folder / f"outbox/{digest}/{slot}/issue.txt").read_text()


def fetch(world: World, day: date, hour: int = 8) -> None:
    world.forget_pace()
    with world.at(day, hour) as setup:
        run.fetch(setup, ["d"])


def pick(world: World, day: date, n: int, note: str = "", hour: int = 8) -> None:
    with world.at(day, hour) as setup:
        run.pick(setup, "d", arxiv(n), note)


def test_a_pick_is_on_top_of_the_next_issue_once_with_the_editors_words(world: World) -> None:
    world.shows(range(4))
    fetch(world, MON)
    pick(world, MON, 3, "Read this.")
    assert world.run(MON).papers == 4
    text = page(world, "2026-06-22T08:00")
    assert "Picked by the editors: Read this." in text
    order = [line for line in text.splitlines() if line.startswith(("On ", "Editors’ picks"))]
    assert order[0] == "Editors’ picks"
    assert shapes.title(3) in order[1]
    world.shows(range(5))
    world.run(TUE)
    assert "Editors’ picks" not in page(world, "2026-06-23T08:00")
    assert world.got(ADA) == papers(*range(5))


def test_a_pick_wins_over_topics_and_exclusions_but_what_is_not_picked_never_does(
    world: World,
) -> None:
    world.digest |= {"topics": EVERYTHING, "exclude": ["number OR on"]}
    world.shows(range(4))
    assert world.run(MON).papers == 0
    pick(world, MON, 2)
    report = world.run(MON, 9)
    assert (report.reason, report.papers) == (Reason.SENT, 1)
    assert world.got(ADA) == papers(2)


def test_a_pick_of_what_a_reader_had_in_another_digest_does_not_come_twice(world: World) -> None:
    world.more = {"e": {**world.digest, "topics": ['"nothing"'], "to": [ADA, BEN]}}
    world.shows(range(2))
    world.run(MON, 8, "d", "e")
    with world.at(MON, 9) as setup:
        run.pick(setup, "e", arxiv(1))
    world.run(MON, 9, "e")
    assert world.got(ADA) == papers(0, 1)
    assert world.got(BEN) == papers(1)


def test_what_cannot_be_picked_is_said_with_what_to_do(world: World) -> None:
    world.shows(range(2))
    world.run(MON)
    with world.at(MON, 9) as setup:
        with pytest.raises(Misuse, match=r"was in the issue d/2026-06-22T08:00; nobody gets"):
            run.pick(setup, "d", arxiv(1))
        with pytest.raises(Misuse, match=r"no paper '2606.00099'; `digest fetch` reads"):
            run.pick(setup, "d", "2606.00099")
        with pytest.raises(Misuse, match=r"went out with the issue d/2026-06-22T08:00"):
            run.unpick(setup, "d", arxiv(1))
    world.shows(range(3))
    fetch(world, TUE)
    with world.at(TUE, 9) as setup:
        with pytest.raises(Misuse, match=r"is no pick of 'd'; `digest status` lists them"):
            run.unpick(setup, "d", arxiv(2))
        with pytest.raises(Misuse, match=r"has 501 characters, 500 are the most"):
            run.pick(setup, "d", arxiv(2), "x" * 501)


@pytest.mark.parametrize(
    "name",
    [
        "2606.00001",
        "arxiv:2606.00001",
        "arXiv:2606.00001v3",
        " https://arxiv.org/abs/2606.00001v1 ",
        "https://arxiv.org/pdf/2606.00001.pdf",
        "10.48550/arXiv.2606.00001",
        "https://doi.org/10.48550/arXiv.2606.00001",
    ],
)
def test_a_paper_can_be_named_as_people_do(world: World, name: str) -> None:
    world.shows(range(3))
    fetch(world, MON)
    with world.at(MON) as setup:
        assert run.pick(setup, "d", name).title == shapes.title(1)
        assert run.unpick(setup, "d", name).title == shapes.title(1)


def test_a_preview_shows_picks_and_uses_up_none(world: World) -> None:
    from digest import preview

    world.shows(range(4))
    fetch(world, MON)
    pick(world, MON, 3, "Read this.")
    for _ in range(2):
        with world.at(MON) as setup:
            shown = preview.upcoming(setup, "d")
        assert "Picked by the editors: Read this." in shown.rendered.text
        assert len(shown.edition.issue.items) == 4


# --- drafts --------------------------------------------------------------------------------------

REVIEWED = {"review": True, "review_hours": 6}


def approve(world: World, day: date, hour: int, **how: Any) -> Report:
    with world.at(day, hour) as setup:
        return run.approve(setup, "d", **how)


def test_a_reviewed_issue_waits_and_the_report_says_until_when_and_what_to_do(
    world: World,
) -> None:
    world.digest |= {**REVIEWED, "timezone": "Europe/Paris"}
    world.shows(range(3))
    report = world.run(MON)
    assert (report.reason, report.papers, report.mails) == (Reason.NOT_DUE, 3, 0)
    assert "the draft 2026-06-22T08:00 waits until 2026-06-22T16:00 Europe/Paris" in report.detail
    assert "`digest approve d` sends it now" in report.detail
    assert run.exit_code([report]) == 0
    assert not (world.folder / "outbox").exists()


def test_an_approved_draft_goes_out_once(world: World) -> None:
    world.digest |= REVIEWED
    world.shows(range(3))
    world.run(MON)
    report = approve(world, MON, 9, slot="2026-06-22T08:00")
    assert (report.reason, report.papers, report.mails) == (Reason.SENT, 3, 1)
    assert Path(report.folder, "issue.html").exists()
    with pytest.raises(Misuse, match="no draft of 'd' waits"):
        approve(world, MON, 9)
    assert world.run(MON, 20).reason is Reason.ALL_SENT
    assert world.got(ADA) == papers(0, 1, 2)


def test_a_draft_that_nobody_looks_at_goes_out_when_its_time_has_come(world: World) -> None:
    world.digest |= REVIEWED
    world.shows(range(3))
    world.run(MON)
    for hour, out in ((13, 0), (14, 1), (15, 0)):
        with world.at(MON, hour) as setup:
            reports = run.overdue(setup, ["d"])
        assert [r.mails for r in reports] == [1] * out
    assert world.got(ADA) == papers(0, 1, 2)


def test_while_a_draft_waits_there_is_no_other_issue_and_then_nothing_is_missing(
    world: World,
) -> None:
    world.digest |= REVIEWED
    world.shows(range(3))
    world.run(MON)
    world.shows(range(5))
    report = world.run(MON, 10)
    assert (report.slot, report.reason) == ("2026-06-22T08:00", Reason.NOT_DUE)
    with world.at(TUE, 8) as setup:
        world.forget_pace()
        first, second = run.run(setup, {"d": "2026-06-23T08:00"})
    assert (first.slot, first.reason, first.mails) == ("2026-06-22T08:00", Reason.SENT, 1)
    assert (second.slot, second.reason, second.papers) == ("2026-06-23T08:00", Reason.NOT_DUE, 2)
    approve(world, TUE, 9)
    assert world.got(ADA) == papers(*range(5))


def test_a_slot_held_up_by_a_draft_is_due_when_the_draft_is_out(world: World) -> None:
    world.digest |= {**REVIEWED, "review_hours": 30, "schedule": "daily at 08:00"}
    world.shows(range(3))
    (first,) = world.due(shapes.utc(MON, 8))
    assert (first.slot, first.reason) == ("2026-06-22T08:00", Reason.NOT_DUE)
    assert world.due(shapes.utc(TUE, 8)) == []
    world.run(TUE)  # by hand, and in vain
    approve(world, TUE, 9)
    (second,) = world.due(shapes.utc(TUE, 9))
    assert (second.slot, second.reason) == ("2026-06-23T08:00", Reason.ALL_SENT)


def test_a_dropped_draft_gives_back_its_papers_and_its_picks(world: World) -> None:
    world.digest |= REVIEWED
    world.shows(range(3))
    fetch(world, MON)
    pick(world, MON, 2, "Still this.")
    world.run(MON)
    with world.at(MON, 9) as setup:
        with pytest.raises(Misuse, match=r"waits for '2026-06-21T08:00'; there is 2026-06-22T08"):
            run.drop(setup, "d", "2026-06-21T08:00")
        report = run.drop(setup, "d")
    assert (report.reason, report.mails) == (Reason.NOT_DUE, 0)
    assert world.got(ADA) == papers()
    world.digest["review"] = False
    world.shows(range(4))
    assert world.run(TUE).papers == 4
    assert "Picked by the editors: Still this." in page(world, "2026-06-23T08:00")
    assert world.got(ADA) == papers(*range(4))


def test_who_joins_while_a_draft_waits_gets_the_latest_issue_and_then_the_draft(
    world: World,
) -> None:
    world.shows(range(2))
    world.run(MON)
    world.digest |= REVIEWED
    world.shows(range(2, 4))
    world.run(TUE)
    world.to = [ADA, BEN]
    report = world.run(TUE, 9)
    assert (report.reason, report.mails) == (Reason.SENT, 1)
    assert world.got(BEN) == papers(0, 1)
    assert approve(world, TUE, 10).mails == 2
    assert world.got(BEN) == world.got(ADA) == papers(*range(4))


def test_who_joins_with_the_first_draft_gets_nothing_before_it(world: World) -> None:
    world.digest |= REVIEWED
    world.shows(range(2))
    world.run(MON)
    world.to = [ADA, BEN]
    assert world.run(MON, 9).mails == 0
    assert approve(world, MON, 10).mails == 2


def test_picks_made_and_taken_back_while_a_draft_waits_count(world: World) -> None:
    world.digest |= {**REVIEWED, "topics": ["number 2 OR number 3"]}
    world.shows(range(6))
    fetch(world, MON)
    pick(world, MON, 1)
    world.run(MON)
    with world.at(MON, 9) as setup:
        run.unpick(setup, "d", arxiv(1))
    pick(world, MON, 3, "On second thoughts.", hour=9)
    assert approve(world, MON, 10).papers == 2
    assert world.got(ADA) == papers(2, 3)
    text = page(world, "2026-06-22T08:00")
    assert in_order(text, "Editors’ picks", shapes.title(3), "On second thoughts.")


def in_order(text: str, *parts: str) -> bool:
    places = [" ".join(text.split()).find(part) for part in parts]
    return -1 not in places and places == sorted(places)


def test_a_draft_of_nothing_but_a_pick_that_was_taken_back_is_dropped(world: World) -> None:
    world.digest |= {**REVIEWED, "topics": ['"no such words"']}
    world.shows(range(2))
    fetch(world, MON)
    pick(world, MON, 1)
    assert world.run(MON).papers == 1
    with world.at(MON, 9) as setup:
        run.unpick(setup, "d", arxiv(1))
    report = approve(world, MON, 10)
    assert (report.mails, report.detail) == (0, "no paper is left in the draft")
    pick(world, MON, 1, hour=11)
    world.digest["review"] = False
    assert world.run(TUE).mails == 1


def test_two_who_approve_at_once_queue_once(world: World) -> None:
    from concurrent.futures import ThreadPoolExecutor

    world.digest |= REVIEWED
    world.to = [ADA, BEN]
    world.shows(range(3))
    world.run(MON)

    def one(_: int) -> int:
        with world.at(MON, 9) as setup:
            try:
                return run.approve(setup, "d").mails
            except Misuse:
                return 0

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(one, range(3))) == 2
    assert world.got(ADA) == world.got(BEN) == papers(0, 1, 2)


def test_a_crash_after_the_approval_loses_no_mail(world: World) -> None:
    world.digest |= REVIEWED
    world.shows(range(3))
    world.run(MON)
    (world.folder / "outbox").write_text("in the way")
    report = approve(world, MON, 9)
    assert run.exit_code([report]) == 1
    (world.folder / "outbox").unlink()
    assert world.run(MON, 10).mails == 1
    assert world.got(ADA) == papers(0, 1, 2)


def test_an_approval_is_not_taken_for_a_look_at_new_topics(world: World) -> None:
    """What was announced between the draft and the approval is held against the new topics."""
    world.digest |= REVIEWED
    world.shows(range(2))
    world.run(MON)
    world.shows(range(4))
    fetch(world, TUE)
    approve(world, WED, 7)
    world.digest |= {"topics": [*EVERYTHING, '"another"'], "review": False}
    world.shows(range(5))
    world.run(WED)
    assert world.got(ADA) == papers(*range(5))


def test_a_draft_is_previewed_with_its_picks(world: World) -> None:
    from digest import preview

    world.digest |= REVIEWED
    world.shows(range(3))
    world.run(MON)
    world.shows(range(4))
    fetch(world, MON, 9)
    pick(world, MON, 3, "Look.", hour=9)
    with world.at(MON, 10) as setup:
        shown = preview.upcoming(setup, "d")
        past = preview.past(setup, "d", "2026-06-22T08:00")
        hers = preview.for_reader(setup, "d", ADA)
    for one in (shown, past, hers):
        assert "`digest approve d` sends it now" in one.note
        assert len(one.edition.issue.items) == 4
        assert "Picked by the editors: Look." in one.rendered.text


def test_a_cap_of_a_section_holds_back_and_loses_nothing(world: World) -> None:
    world.digest |= {
        "topics": ["retrieval OR nothing", "adapter OR protein"],
        "per_section": 1,
        "papers": 2,
    }
    world.shows(range(12))
    report = world.run(MON)
    assert report.papers > 4
    text = page(world, "2026-06-22T08:00").partition(" more\n=")[0]
    assert "\nRetrieval OR nothing\n" in text
    assert "\nAdapter OR protein\n" in text
    assert world.got(ADA).total() == report.papers


def test_a_pick_names_the_issue_that_used_it(world: World) -> None:
    from sqlalchemy import select

    from digest.store.tables import picks

    world.digest |= REVIEWED
    world.shows(range(3))
    fetch(world, MON)
    pick(world, MON, 1)
    world.run(MON)
    used = []
    for hour in (9, 10):
        with world.at(MON, hour) as setup:
            with setup.store.read() as connection:
                used.append(connection.scalar(select(picks.c.issue_id)))
            if hour == 9:
                run.approve(setup, "d")
    assert used == [None, "d/2026-06-22T08:00"]


def test_an_issue_is_made_when_it_goes_out_and_so_owed_to_who_joined_meanwhile(
    world: World,
) -> None:
    world.digest |= REVIEWED
    world.shows(range(3))
    world.run(MON)
    world.to = [ADA, BEN]
    world.run(MON, 9)
    approve(world, MON, 10)
    with world.at(MON, 11) as setup, setup.store.write() as connection:
        for one in ledger.in_state(connection, [DeliveryState.SENT]):
            if one.address == BEN:
                ledger.move(connection, one, one.state, DeliveryState.FAILED, setup.now)
    world.digest["review"] = False
    world.shows(range(4))
    world.run(TUE)
    assert world.got(BEN) == papers(0, 1, 2, 0, 1, 2, 3)
