"""Asking, confirming and unsubscribing, by people, programs and strangers."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from door import ADA, NOW, Door, found, token, words

from digest.run import links, notifying, subscribing
from digest.tokens import Purpose

ONE_CLICK = "List-Unsubscribe=One-Click"


def states(door: Door) -> list[str]:
    return [row[3] for row in door.rows()["subscriptions"] if "samples" in row]


def test_an_address_becomes_a_subscription_by_two_forms_and_a_mail(door: Door) -> None:
    answer = door.post("/subscribe", address=ADA, digest="samples")
    assert (answer.status_code, answer.headers["location"]) == (303, "/check-mail?digest=samples")
    assert door.mails() == []
    door.answer()
    (mail,) = door.mails()
    link = f"/confirm/{token('confirm', mail)}"
    asked = door.get(link)
    assert ADA in asked.text
    assert f'action="{link}"' in asked.text
    assert confirmed(door) == []
    assert "You are subscribed" in door.post(link).text
    assert confirmed(door) == [ADA]
    assert "You are subscribed" in door.post(link).text
    assert "You are subscribed" in door.get(link).text
    assert len(door.rows()["consents"]) == 3


def confirmed(door: Door) -> list[str]:
    rows = door.rows()
    people = {row[0]: row[1] for row in rows["subscribers"]}
    found = [
        next(people[c] for c in row if c in people)
        for row in rows["subscriptions"]
        if "confirmed" in row
    ]
    return [one for one in found if one != "reader@example.org"]


def test_the_evidence_is_of_the_form_and_the_words_on_it(door: Door) -> None:
    shown = door.get("/").text
    door.subscribe()
    asked, sent, done = (row for row in door.rows()["consents"])
    wording = "Send me Samples & more by e-mail. I can leave at any time with one click."
    assert wording.replace("&", "&amp;") in shown
    evidence = {row[3]: row[4] for row in (asked, sent, done)}
    assert evidence["asked"]["wording"] == wording
    assert evidence["asked"]["form"] == evidence["confirmed"]["form"] == "page"
    assert re.fullmatch("[0-9a-f]{32}", evidence["asked"]["client"])
    assert "192.0.2.7" not in str(door.rows())
    assert evidence["confirmed"]["message_id"] == evidence["confirmation sent"]["message_id"]


# --- strangers -----------------------------------------------------------------------------------


def every_kind(door: Door) -> dict[str, str]:
    """An address of each kind that there is."""
    kinds = {kind: f"{kind}@example.org" for kind in ("new", "pending", "active", "left", "erased")}
    door.ask(kinds["pending"])
    door.subscribe(kinds["active"])
    own = door.subscribe(kinds["left"])
    door.post(f"/leave/{own}")
    own = door.subscribe(kinds["erased"])
    assert door.post(f"/erase/{own}").status_code == 200
    return kinds


@pytest.mark.parametrize("form", ["/subscribe", "/link"])
def test_whatever_is_known_of_an_address_the_answer_is_the_same(door: Door, form: str) -> None:
    answers = set()
    for address in every_kind(door).values():
        answer = door.post(form, address=address, digest="samples")
        page = door.get(answer.headers["location"])
        kept = {name: value for name, value in answer.headers.items() if name != "date"}
        answers.add((answer.status_code, str(kept), answer.content, page.content))
        program = door.client.post(
            "/api/subscriptions" if form == "/subscribe" else "/api/links",
            json={"address": address, "digest": "samples"},
        )
        assert program.status_code == 202
        assert program.json() == {
            "detail": "If the address can be written to, a mail is on its way."
        }
    assert len(answers) == 1


@pytest.mark.slow
def test_known_and_unknown_addresses_are_answered_in_the_same_time(door: Door) -> None:
    """How well the faster of two tells who is known: 0.5 is a coin."""
    known = [f"k{number}@example.org" for number in range(40)]
    for address in known:
        door.subscribe(address)
    chance = random.Random(1)
    took: dict[str, list[float]] = {"known": [], "unknown": []}
    for number in range(400):
        pair = [("known", chance.choice(known)), ("unknown", f"u{number}@example.org")]
        chance.shuffle(pair)
        for kind, address in pair:
            before = time.perf_counter()
            door.post("/subscribe", address=address, digest="samples")
            took[kind].append(time.perf_counter() - before)
    pairs = [(one, two) for one in took["known"] for two in took["unknown"]]
    chance_of_more = sum((one > two) + 0.5 * (one == two) for one, two in pairs) / len(pairs)
    # 400 of each: the standard deviation of a coin's is 0.02.
    assert 0.42 < chance_of_more < 0.58


def test_who_fills_the_field_that_nobody_sees_is_told_that_all_is_well(door: Door) -> None:
    before = door.rows()
    honest = door.post("/subscribe", address=ADA, digest="quiet")
    assert door.rows() != before
    before = door.rows()
    answer = door.post("/subscribe", address="b@example.org", digest="quiet", website="http://x")
    assert (answer.status_code, answer.headers["location"]) == (303, honest.headers["location"])
    assert door.rows() == before


@pytest.mark.parametrize(
    "address",
    ["", "nobody", "a@b", "ü@example.org", "a@example.org\r\nBcc: b@example.org",
     "a\x00@example.org", "<script>@example.org", "a" * 300 + "@example.org",
     "a@example.org, b@example.org"],
)  # fmt: skip
def test_what_is_no_address_comes_back_with_the_reason_and_is_kept_nowhere(
    door: Door, address: str
) -> None:
    before = door.rows()
    answer = door.post("/subscribe", address=address, digest="samples")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "<script>" not in answer.text
    assert door.rows() == before


def test_a_digest_that_is_not_there_is_said_to_be_none(door: Door) -> None:
    for form in ({"address": ADA}, {"address": ADA, "digest": "samples'--"}):
        assert door.post("/subscribe", **form).status_code == 404


def test_a_network_that_asks_very_often_has_to_wait(open_door: Callable[..., Door]) -> None:
    door = open_door(limits={"per_network": 3})
    for number in range(3):
        assert door.post("/subscribe", address=f"{number}@a.example", digest="samples").is_redirect
    answer = door.post("/subscribe", address=ADA, digest="samples")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3600")
    body = {"address": ADA, "digest": "samples"}
    assert door.client.post("/api/subscriptions", json=body).status_code == 429
    # Unsubscribing is never counted.
    for _ in range(9):
        id = next(row[0] for row in door.rows()["subscriptions"])
        mine = links.token(door.desk.setup(), Purpose.UNSUBSCRIBE, id, NOW)
        assert door.client.post(f"/unsubscribe/{mine}").status_code == 200
    door.now += timedelta(hours=1)
    assert door.post("/subscribe", address=ADA, digest="samples").is_redirect


@pytest.mark.parametrize(
    ("hops", "said", "client"),
    [
        (0, "198.51.100.1", "192.0.2.7"),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        (2, "203.0.113.9, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
        (2, "198.51.100.1", "192.0.2.7"),
        (1, "a lie", "192.0.2.7"),
        (1, "2001:db8::1", "2001:db8::1"),
        (0, "198.51.100.1:443", "192.0.2.7"),
        (1, "198.51.100.1:443", "198.51.100.1"),
        (1, "[2001:db8::1]:443", "2001:db8::1"),
        (1, "[2001:db8::1]", "2001:db8::1"),
        (2, "203.0.113.9, [2001:db8::1]:443, 10.0.0.1:80", "2001:db8::1"),
        (1, "[198.51.100.1:443", "192.0.2.7"),
        (1, "198.51.100.1:443:443", "192.0.2.7"),
    ],
)
def test_the_client_is_who_our_own_proxies_say(
    open_door: Callable[..., Door], hops: int, said: str, client: str
) -> None:
    door = open_door(web={"hops": hops})
    headers = {"X-Forwarded-For": said, "X-Real-IP": "203.0.113.1", "Forwarded": "for=203.0.113.1"}
    door.client.post("/subscribe", data={"address": ADA, "digest": "samples"}, headers=headers)
    (asked,) = door.rows()["asks"]
    assert door.desk.setup().keys.fingerprint("client", client) in str(asked)


def test_forms_of_other_sites_are_refused_but_the_box_is_made_for_them(door: Door) -> None:
    own = door.subscribe()
    foreign = [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}]
    foreign += [{"Origin": "https://evil.example"}]
    before = door.rows()
    for headers in foreign:
        for path in (f"/leave/{own}", f"/erase/{own}", f"/preferences/{own}", "/link"):
            assert door.client.post(path, headers=headers).status_code == 403, path
        body = {"address": "b@example.org", "digest": "samples"}
        answer = door.client.post("/api/subscriptions", json=body, headers=headers)
        assert (answer.status_code, list(answer.json())) == (403, ["error"])
    assert door.rows() == before
    for headers in (
        {},
        {"Origin": "null"},
        {"Origin": "http://door.test"},
        {"Sec-Fetch-Site": "none"},
    ):
        assert door.client.post(f"/preferences/{own}", headers=headers).status_code == 200


def test_the_box_of_another_site_asks_as_ours_does_and_is_told_apart(door: Door) -> None:
    from html import unescape

    shown = door.get("/snippet").text
    code = unescape(re.findall(r"<textarea[^>]*>(.*?)</textarea>", shown, re.DOTALL)[0])
    action = re.search(r'action="http://127\.0\.0\.1:8080(/[^"]+)"', code)
    assert action
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="(\w+)"', code))
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}
    answer = door.client.post(action[1], data={**fields, "address": ADA}, headers=headers)
    assert answer.status_code == 303
    # A page that only says it is ours is not believed.
    fields["form"] = "page"
    door.client.post(action[1], data={**fields, "address": ADA}, headers=headers)
    assert [row[5]["form"] for row in door.rows()["asks"]] == ["snippet", "snippet"]


@pytest.mark.parametrize("path", ["/subscribe", "/api/subscriptions", "/unsubscribe/" + "a" * 40])
def test_nobody_can_make_us_hold_a_long_body(door: Door, path: str) -> None:
    def without_length() -> object:
        for _ in range(70):
            yield b"x" * 1024

    assert door.client.post(path, content=b"x" * 65_537).status_code == 413
    assert door.client.post(path, content=without_length()).status_code == 413  # type: ignore[arg-type]


# --- unsubscribing -------------------------------------------------------------------------------


def leaving(door: Door) -> str:
    """The path in the List-Unsubscribe header of an issue's mail."""
    door.subscribe()
    door.attend()
    (issue,) = [mail for mail in door.mails() if mail["List-Unsubscribe"]]
    assert issue["List-Unsubscribe-Post"] == ONE_CLICK
    return f"/unsubscribe/{found('unsubscribe', issue['List-Unsubscribe'])}"


@pytest.mark.slow
def test_one_click_works_in_both_encodings_at_once_twice_and_for_ever(door: Door) -> None:
    path = leaving(door)
    assert door.get(path).status_code == 200
    assert confirmed(door) == [ADA]
    door.now += timedelta(days=3650)
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://mail.example"}
    urlencoded = {
        "content": ONE_CLICK,
        "headers": {"Content-Type": "application/x-www-form-urlencoded", **foreign},
    }
    multipart = {"files": {"List-Unsubscribe": (None, "One-Click")}, "headers": foreign}
    rows = []
    for body in (multipart, urlencoded, multipart):
        door.client.cookies.clear()
        answer = door.client.post(path, **body)  # type: ignore[arg-type]
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        assert "location" not in answer.headers
        assert confirmed(door) == []
        rows.append(door.rows())
    assert rows[0] == rows[1] == rows[2]
    assert rows[0]["consents"][-1][4]["form"] == "one-click"
    # Who pressed the wrong button comes back by the same page.
    assert 'href="/subscribe?digest=samples"' in door.get(path).text


def test_unsubscribing_who_was_erased_is_done_already(door: Door) -> None:
    own = door.subscribe()
    id = subscribing.look(door.desk.setup(), own, Purpose.PREFERENCES).id
    mine = links.token(door.desk.setup(), Purpose.UNSUBSCRIBE, id, NOW)
    door.post(f"/erase/{own}")
    answer = door.client.post(f"/unsubscribe/{mine}", content=ONE_CLICK)
    assert answer.status_code == 200
    assert "Nothing is known of you here any more, and no mail comes to you." in answer.text
    assert door.client.post(f"/unsubscribe/{mine[:-1]}a", content=ONE_CLICK).status_code == 404


@pytest.mark.parametrize(
    "page", ["confirm", "preferences", "leave", "erase", "address", "move", "opinion"]
)
def test_no_link_does_what_another_is_for(door: Door, page: str) -> None:
    own = door.subscribe()
    id = subscribing.look(door.desk.setup(), own, Purpose.PREFERENCES).id
    mine = links.token(door.desk.setup(), Purpose.UNSUBSCRIBE, id, NOW)
    before = door.rows()
    answer = door.post(f"/{page}/{mine}", paper="x", like="1", address="b@example.org")
    assert answer.status_code == 404
    assert "something else; please open it again from the mail" in answer.text
    assert 'href="/link"' in answer.text
    assert door.rows() == before


def test_a_confirmation_ends_after_three_days_and_shows_a_way_on(door: Door) -> None:
    link = f"/confirm/{door.ask()}"
    door.now += timedelta(days=4)
    for answer in (door.get(link), door.post(link)):
        assert answer.status_code == 404
        assert "This link has expired; please ask for a new one." in answer.text
        assert 'href="/link"' in answer.text
    assert confirmed(door) == []


def test_who_never_confirms_is_forgotten_as_the_privacy_page_says(door: Door) -> None:
    door.ask()
    assert "forgotten after 30 days" in door.get("/privacy").text
    door.now += timedelta(days=29)
    notifying.forget(door.desk.setup())
    assert door.mails() != []
    door.now += timedelta(days=2)
    notifying.forget(door.desk.setup())
    assert door.mails() == []
    assert ADA not in str(door.rows())


def test_a_link_comes_by_mail_to_who_subscribed_and_to_nobody_else(door: Door) -> None:
    door.subscribe()
    for address in (ADA, "stranger@example.org"):
        answer = door.post("/link", address=address, digest="samples")
        assert answer.headers["location"] == "/check-mail?digest=samples&for=link"
    door.answer()
    assert door.mails("stranger@example.org") == []
    link = token("preferences", door.mails()[-1])
    assert door.get(f"/preferences/{link}").status_code == 200
    assert "link to change how" in words(door.mails()[-1])


def test_a_key_that_is_added_while_the_pages_run_is_known_at_once(door: Door) -> None:
    import os

    from digest import keys

    old = door.subscribe()
    keys.rotate(door.config.keys)
    os.utime(door.config.keys, (1, 1))
    fresh = keys.load(door.config.keys)
    assert fresh.newest == 2
    id = subscribing.look(door.desk.setup(), old, Purpose.PREFERENCES).id
    from digest import tokens

    new = tokens.sign(fresh, Purpose.PREFERENCES, id)
    assert door.get(f"/preferences/{new}").status_code == 200
    assert door.get(f"/preferences/{old}").status_code == 200
