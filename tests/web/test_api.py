"""The same for programs: what is described is what happens, and nothing breaks it."""

from __future__ import annotations

import string
from typing import Any

import pytest
import schemathesis
from door import ADA, NOW, SLOT, Door, token
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance as accepted

from digest.run import links, subscribing
from digest.tokens import LENGTH, Purpose

KINDS = ["confirm", "preferences", "unsubscribe", "leave", "erase", "address", "move", "opinion"]
BOUNDED = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
#: What may stand in a token, and what people and programs make of it.
TOKENS = st.one_of(
    st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=LENGTH, max_size=LENGTH),
    st.text(string.printable, min_size=1, max_size=60),
    st.text(min_size=1, max_size=60),
)
VALUES = st.one_of(
    st.text(max_size=300), st.sampled_from(["\x00", "a\r\nb: c", "\ud800", "9" * 99])
)


def test_a_program_does_all_that_a_page_does(door: Door) -> None:
    api = door.client
    asked = {"address": ADA, "digest": "samples"}
    assert api.post("/api/subscriptions", json=asked).status_code == 202
    door.answer()
    has = api.post(f"/api/confirmations/{token('confirm', door.mails()[-1])}").json()
    assert (has["address"], has["state"]) == (ADA, "confirmed")
    assert api.post("/api/links", json=asked).status_code == 202
    door.answer()
    mine = f"/api/subscriptions/{token('preferences', door.mails()[-1])}"
    assert api.get(mine).json() == has
    assert api.get(mine).headers["cache-control"] == "no-store"
    wishes = {"topics": ["sparse attention"], "frequency": "weekly", "weekday": "fri", "papers": 5}
    assert wishes.items() <= api.put(mine, json=wishes).json()["preferences"].items()
    changed = api.put(mine, json={"hour": 7, "timezone": "Europe/Paris"}).json()["preferences"]
    assert (changed["hour"], changed["topics"], changed["frequency"]) == (7, [], None)
    for _ in range(2):
        assert api.delete(mine).json()["state"] == "unsubscribed"


def test_a_program_changes_the_address_from_the_new_one(door: Door) -> None:
    own, new = door.subscribe(), "ada@new.example.org"
    path = f"/api/subscriptions/{own}/address"
    asked = door.client.post(path, json={"address": new})
    assert asked.status_code == 202
    known = door.client.post(path, json={"address": "reader@example.org"})
    assert (known.status_code, known.content) == (202, asked.content)
    assert door.client.post(path, json={"address": "nobody"}).status_code == 422
    door.client.post(path, json={"address": new})
    door.answer()
    link = token("address", door.mails(new)[-1])
    assert door.get(f"/api/subscriptions/{own}").json()["address"] == ADA
    for _ in range(2):
        moved = door.client.post(f"/api/addresses/{link}")
        assert (moved.status_code, moved.json()) == (200, {"address": new})
    assert door.get(f"/api/subscriptions/{own}").json()["address"] == new
    assert door.client.post(path, json={"address": ADA}).status_code == 429


def test_a_program_says_what_a_reader_likes(door: Door) -> None:
    own = door.subscribe()
    path = f"/api/opinions/{signed(door, own, Purpose.OPINION)}"
    paper = door.get(f"/api/digests/samples/issues/{SLOT}").json()["papers"][0]
    for like in (True, False):
        said = door.client.post(path, json={"paper": paper["id"], "like": like})
        assert said.json() == {"paper": paper["id"], "title": paper["title"], "like": like}
        (kept,) = door.rows()["opinions"]
        assert like in kept
        assert (not like) not in kept
    for bad, status in (
        ({"paper": "nothing", "like": True}, 404),
        ({"paper": "\x00", "like": True}, 404),
        ({"paper": paper["id"], "like": 1}, 422),
        ({"paper": paper["id"]}, 422),
    ):
        assert door.client.post(path, json=bad).status_code == status, bad
    wrong = f"/api/opinions/{own}"
    assert door.client.post(wrong, json={"paper": paper["id"], "like": True}).status_code == 404


def test_a_program_leaves_by_what_a_mail_has(door: Door) -> None:
    own, other = door.subscribe(), door.subscribe(digest="quiet")
    path = f"/api/unsubscriptions/{signed(door, own, Purpose.UNSUBSCRIBE)}"
    for _ in range(2):
        said = door.client.post(path)
        assert (said.status_code, said.json()["detail"]) == (
            200,
            "You get no mail of Samples & more any more.",
        )
    assert state(door, own) == "unsubscribed"
    assert state(door, other) == "confirmed"
    # It is good for leaving one digest, and for nothing else.
    for method, wrong in (("GET", ""), ("POST", "/leave"), ("DELETE", "")):
        link = path.replace("unsubscriptions", "subscriptions")
        assert door.client.request(method, link + wrong).status_code == 404
    for _ in range(2):
        assert door.client.post(f"/api/subscriptions/{own}/leave").status_code == 200
    assert (state(door, own), state(door, other)) == ("unsubscribed", "unsubscribed")


def test_a_program_erases_and_twice_is_as_calm_as_once(door: Door) -> None:
    own = door.subscribe()
    leaves = signed(door, own, Purpose.UNSUBSCRIBE)
    assert door.client.delete(f"/api/people/{leaves}").status_code == 404
    assert door.mails()
    once, twice = (door.client.delete(f"/api/people/{own}") for _ in range(2))
    assert (once.status_code, twice.status_code) == (200, 200)
    assert once.json() != twice.json()
    assert ADA not in str(door.rows())
    assert door.mails() == []
    left = door.client.post(f"/api/unsubscriptions/{leaves}")
    assert left.status_code == 200
    assert "Nothing is known of you here" in left.json()["detail"]
    assert door.client.delete(f"/api/people/{'a' * LENGTH}").status_code == 404


def test_nothing_private_is_kept_on_the_way(door: Door) -> None:
    own = door.subscribe()
    for answer in (
        door.get(f"/api/subscriptions/{own}"),
        door.client.put(f"/api/subscriptions/{own}", json={}),
        door.client.delete(f"/api/subscriptions/{own}"),
        door.get(f"/api/subscriptions/{'a' * LENGTH}"),
    ):
        assert answer.headers["cache-control"] == "no-store"


def signed(door: Door, own: str, purpose: Purpose) -> str:
    """A token of hers for something else, as a mail has it."""
    setup = door.desk.setup()
    return links.token(setup, purpose, subscribing.look(setup, own, Purpose.PREFERENCES).id, NOW)


def state(door: Door, own: str) -> str:
    said: str = door.get(f"/api/subscriptions/{own}").json()["state"]
    return said


def test_a_program_reads_what_a_page_shows(door: Door) -> None:
    (samples, quiet) = door.get("/api/digests").json()
    assert (samples["title"], quiet["schedule"]) == ("Samples & more", "")
    (one,) = door.get("/api/digests/samples/issues").json()
    whole = door.get(f"/api/digests/samples/issues/{one['slot']}").json()
    assert one["slot"] == SLOT
    assert len(whole["papers"]) == one["papers"] > 2
    assert one["page"].endswith(f"/samples/{SLOT}")
    assert door.get(f"/api/digests/samples/issues?before={SLOT}").json() == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "JSON"),
        (b'{"address": "a@example.org"}', "digest"),
        (b'{"address": "nobody", "digest": "samples"}', "e-mail"),
        (b'{"address": "a@example.org", "digest": "samples", "state": "confirmed"}', "state"),
        # A stranger must not choose for who is asked.
        (
            b'{"address": "a@example.org", "digest": "samples", "preferences": {"hour": 7}}',
            "preferences",
        ),
    ],
)
def test_what_cannot_be_is_named_and_not_kept(door: Door, body: bytes, why: str) -> None:
    before = door.rows()
    headers = {"Content-Type": "application/json"}
    answer = door.client.post("/api/subscriptions", content=body, headers=headers)
    assert answer.status_code == 422
    assert list(answer.json()) == ["error"]
    assert why in answer.json()["error"]
    assert door.rows() == before


@pytest.mark.parametrize(
    ("wishes", "why"), [({"hour": 24}, "hour"), ({"topics": ["NOT"]}, "topics"), ({"x": 1}, "x")]
)
def test_wishes_that_cannot_be_are_named_and_not_kept(
    door: Door, wishes: dict[str, Any], why: str
) -> None:
    path = f"/api/subscriptions/{door.subscribe()}"
    before = door.rows()
    answer = door.client.put(path, json=wishes)
    assert answer.status_code == 422
    assert why in answer.json()["error"]
    assert door.rows() == before


def test_a_method_that_is_not_there_names_the_ones_that_are(door: Door) -> None:
    for method, path, there in (
        ("GET", "/api/subscriptions", "POST"),
        ("PATCH", f"/api/subscriptions/{'a' * 40}", "DELETE, GET, HEAD, PUT"),
        ("DELETE", "/api/digests", "GET, HEAD"),
    ):
        answer = door.client.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, there)


def test_a_digest_that_is_not_there_is_said_to_be_none(door: Door) -> None:
    asked = {"address": ADA, "digest": "nope"}
    for answer in (
        door.client.post("/api/subscriptions", json=asked),
        door.get("/api/digests/nope/issues"),
    ):
        assert answer.status_code == 404
        assert "no digest 'nope'" in answer.json()["error"]


@pytest.mark.slow
def test_the_description_is_true_of_every_answer(door: Door) -> None:
    """Every operation, with bodies and addresses as described, and with some that are not."""
    own = door.subscribe()
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", door.app)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == 15

    for operation in operations:
        said = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]

        @given(case=st.one_of(said), real=st.booleans())
        @BOUNDED
        def check(case: Any, real: bool) -> None:
            if real and "token" in (case.path_parameters or {}):
                case.path_parameters["token"] = own
            # What is an address, a topic or a time zone no pattern can say.
            has_words = case.operation.method in ("post", "put") and case.body
            case.call_and_validate(excluded_checks=[accepted] if has_words else [])

        check()


@pytest.mark.slow
def test_nothing_that_is_sent_breaks_a_page_or_is_kept_by_it(door: Door) -> None:
    own = door.subscribe()
    before = {name: rows for name, rows in door.rows().items() if name not in ("tallies",)}
    fields = ["address", "digest", "topics", "hour", "paper", "what", "website", "form"]

    @given(
        kind=st.sampled_from(KINDS),
        token=TOKENS,
        form=st.dictionaries(st.sampled_from(fields), VALUES, max_size=5),
        raw=st.one_of(st.none(), st.binary(max_size=200)),
        content_type=st.sampled_from(
            [
                "application/x-www-form-urlencoded",
                "multipart/form-data",
                "multipart/form-data; boundary=x",
                "application/x-www-form-urlencoded; charset=utf-99",
                "text/plain",
                "\xff",
            ]
        ),
    )
    @BOUNDED
    def check(
        kind: str, token: str, form: dict[str, str], raw: bytes | None, content_type: str
    ) -> None:
        from urllib.parse import quote, urlencode

        body = raw if raw is not None else urlencode(form, errors="replace").encode()
        headers = {"Content-Type": content_type.encode("latin-1")}
        where = quote(token, safe="", errors="replace")
        for path in (f"/{kind}/{where}", f"/{where}", f"/samples/{where}", "/link", "/subscribe"):
            for answer in (
                door.client.post(path, content=body, headers=headers),
                door.get(path),
                door.get(f"{path}?paper={where}&like=1&digest={where}&before={where}"),
            ):
                assert answer.status_code < 500, (path, answer.text)
                assert "Traceback" not in answer.text
        answer = door.client.post(
            f"/preferences/{own}", content=b"hour=99&" + body, headers=headers
        )
        assert answer.status_code < 500

    check()
    after = {name: rows for name, rows in door.rows().items() if name in before}
    for name, rows in before.items():
        # Whoever knows her own link may have changed her own wishes, and noted that.
        if name not in ("asks", "subscriptions", "consents"):
            assert after[name] == rows, name
    from digest import consent

    for row in after["asks"]:
        assert consent.address(row[2]) == row[2]
        assert row[3] in door.config.digests
