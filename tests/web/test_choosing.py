"""What a subscriber does with her own link."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from door import ADA, NOW, Door, token

from digest.run import links, subscribing
from digest.tokens import Purpose
from digest.types import Preferences, Subscription

WISHES = {
    "topics": "sparse attention\r\n\r\n  protein   folding \r\n",
    "frequency": "weekly",
    "weekday": "fri",
    "hour": "7",
    "timezone": "Europe/Paris",
    "format": "text",
    "papers": "5",
    "paused_until": "2026-04-01",
}


def mine(door: Door, own: str) -> Subscription:
    return subscribing.look(door.desk.setup(), own, Purpose.PREFERENCES)


def test_what_is_chosen_is_kept_and_shown(door: Door) -> None:
    own = door.subscribe()
    answer = door.post(f"/preferences/{own}", **WISHES)
    assert 'role="status"' in answer.text
    assert mine(door, own).preferences == Preferences(
        topics=("sparse attention", "protein folding"),
        frequency="weekly",
        weekday="fri",
        hour=7,
        timezone="Europe/Paris",
        format="text",
        papers=5,
        paused_until=date(2026, 4, 1),
    )
    text = door.get(f"/preferences/{own}").text
    assert ">sparse attention\nprotein folding</textarea>" in text
    for option in ("weekly", "fri", "7", "text"):
        assert f'<option value="{option}" selected>' in text
    for value in ("Europe/Paris", "5", "2026-04-01"):
        assert f'value="{value}"' in text
    door.post(f"/preferences/{own}")
    assert mine(door, own).preferences == Preferences()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("topics", "NOT"),
        ("topics", "\n".join(f"topic {n}" for n in range(21))),
        ("topics", "x" * 201),
        ("topics", "a\x00b"),
        ("frequency", "hourly"),
        ("hour", "24"),
        ("hour", "-1"),
        ("timezone", "../../etc/passwd"),
        ("timezone", "Mars/Olympus"),
        ("timezone", "\x00"),
        ("timezone", "x" * 5000),
        ("format", "pdf"),
        ("papers", "0"),
        ("papers", "1" * 5000),
        ("paused_until", "2026-02-30"),
        ("paused_until", "soon"),
    ],
)
def test_what_cannot_be_is_named_and_nothing_is_changed(door: Door, field: str, value: str) -> None:
    own = door.subscribe()
    before = door.rows()
    answer = door.post(f"/preferences/{own}", **{**WISHES, field: value})
    assert answer.status_code == 422
    assert f'role="alert">{field}: ' in answer.text
    assert 'value="2026-04-01"' in answer.text or field == "paused_until"  # what was typed stays
    assert door.rows() == before


def test_markup_in_topics_is_text(door: Door) -> None:
    own = door.subscribe()
    text = door.post(f"/preferences/{own}", topics='"</textarea><script>x</script>"').text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_another_address_is_confirmed_from_there(door: Door) -> None:
    own = door.subscribe()
    new = "ada@new.example.org"
    answer = door.post(f"/move/{own}", address=new)
    assert "Check the mail at your new address" in answer.text
    known = door.post(f"/move/{own}", address="reader@example.org")
    assert known.content == answer.content
    door.post(f"/move/{own}", address=new)
    door.answer()
    (mail, *_) = door.mails(new)
    link = f"/address/{token('address', mail)}"
    assert new in door.get(link).text
    assert mine(door, own).address == ADA
    for _ in range(2):
        assert new in door.post(link).text
    assert mine(door, own).address == new


def test_one_subscriber_cannot_have_us_write_to_all_the_world(door: Door) -> None:
    own = door.subscribe()
    answers = [door.post(f"/move/{own}", address=f"{n}@a.example").status_code for n in range(9)]
    assert answers == [200] * 3 + [429] * 6
    door.answer()
    sent = [row for row in door.rows()["notices"] if "address" in row]
    assert len(sent) == 3


def test_leaving_one_digest_keeps_the_others(door: Door) -> None:
    own, other = door.subscribe(), door.subscribe(digest="quiet")
    assert "You also get: Quiet." in door.get(f"/preferences/{own}").text
    assert "You are unsubscribed" in door.post(f"/leave/{own}", what="this").text
    assert [mine(door, one).state for one in (own, other)] == ["unsubscribed", "confirmed"]
    assert "You have left this digest" in door.get(f"/preferences/{own}").text


def test_leaving_everything_leaves_all_and_can_be_undone(door: Door) -> None:
    own, other = door.subscribe(), door.subscribe(digest="quiet")
    assert "You have left everything" in door.post(f"/leave/{own}").text
    assert {mine(door, one).state for one in (own, other)} == {"unsubscribed"}
    back = door.subscribe()
    assert mine(door, back).state == "confirmed"


def test_erasing_forgets_all_but_the_promise_that_only_the_operator_lifts(door: Door) -> None:
    own = door.subscribe()
    door.answer()
    assert door.mails()
    asked = door.get(f"/erase/{own}").text
    assert "papers@example.org" in asked
    assert "operator alone" in asked
    assert "Everything is erased" in door.post(f"/erase/{own}").text
    assert ADA not in str(door.rows())
    assert door.mails() == []
    assert len(door.rows()["suppressions"]) == 1
    assert door.get(f"/preferences/{own}").status_code == 404
    again = door.post(f"/erase/{own}")
    assert again.status_code == 200
    assert "Nothing is known of you here" in again.text
    assert door.post(f"/erase/{'a' * 40}").status_code == 404
    assert door.post("/subscribe", address=ADA, digest="samples").is_redirect
    door.answer()
    assert door.mails() == []


def test_an_opinion_is_said_by_a_button_and_only_of_papers_that_are_there(door: Door) -> None:
    own = door.subscribe()
    likes = links.token(door.desk.setup(), Purpose.OPINION, mine(door, own).id, NOW)
    paper = door.get("/api/digests/samples/issues/2026-03-03T09:00").json()["papers"][0]
    path = f"/opinion/{likes}?paper={paper['id']}&like="
    shown = door.get(f"{path}1")
    assert paper["title"] in shown.text
    assert "&amp;like=1" in shown.text
    assert door.rows()["opinions"] == []
    assert paper["title"] in door.client.post(f"{path}1").text
    assert door.client.post(f"{path}0").status_code == 200
    (said,) = door.rows()["opinions"]
    assert False in said
    for bad in ("?paper=nothing&like=1", "?paper=%00&like=1", "", "?like=2", f"{'?paper=x' * 99}"):
        assert door.client.post(f"/opinion/{likes}{bad}").status_code == 404, bad
        assert door.get(f"/opinion/{likes}{bad}").status_code == 404, bad
    door.post(f"/leave/{own}")
    assert door.client.post(f"{path}1").status_code == 404


def test_a_link_to_preferences_ends_after_half_a_year(door: Door) -> None:
    own = door.subscribe()
    door.now += timedelta(days=181)
    assert door.get(f"/preferences/{own}").status_code == 404
