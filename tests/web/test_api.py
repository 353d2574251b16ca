"""The same for programs: what is described is what happens, and nothing breaks it."""

from __future__ import annotations

import string
from typing import Any

import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance as accepted
from door import ADA, SLOT, Door
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.tokens import LENGTH

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
    wishes = {"topics": ["sparse attention"], "frequency": "weekly", "weekday": "fri", "papers": 5}
    asked = {"address": ADA, "digest": "samples", "preferences": wishes}
    assert api.post("/api/subscriptions", json=asked).status_code == 202
    door.answer()
    from door import token

    has = api.post(f"/api/confirmations/{token('confirm', door.mails()[-1])}").json()
    assert (has["address"], has["state"]) == (ADA, "confirmed")
    assert wishes.items() <= has["preferences"].items()
    assert api.post("/api/links", json={"address": ADA, "digest": "samples"}).status_code == 202
    door.answer()
    mine = f"/api/subscriptions/{token('preferences', door.mails()[-1])}"
    assert api.get(mine).json() == has
    assert api.get(mine).headers["cache-control"] == "no-store"
    changed = api.put(mine, json={"hour": 7, "timezone": "Europe/Paris"}).json()["preferences"]
    assert (changed["hour"], changed["topics"], changed["frequency"]) == (7, [], None)
    for _ in range(2):
        assert api.delete(mine).json()["state"] == "unsubscribed"


def test_a_program_reads_what_a_page_shows(door: Door) -> None:
    (samples, quiet) = door.get("/api/digests").json()
    assert (samples["title"], quiet["schedule"]) == ("Samples & more", "")
    (one,) = door.get("/api/digests/samples/issues").json()
    whole = door.get(f"/api/digests/samples/issues/{one['slot']}").json()
    assert one["slot"] == SLOT and len(whole["papers"]) == one["papers"] > 2
    assert one["page"].endswith(f"/samples/{SLOT}")
    assert door.get(f"/api/digests/samples/issues?before={SLOT}").json() == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "JSON"),
        (b'{"address": "a@example.org"}', "digest"),
        (b'{"address": "nobody", "digest": "samples"}', "e-mail"),
        (b'{"address": "a@example.org", "digest": "samples", "state": "confirmed"}', "state"),
        (
            b'{"address": "a@example.org", "digest": "samples", "preferences": {"hour": 24}}',
            "preferences.hour",
        ),
        (
            b'{"address": "a@example.org", "digest": "samples", "preferences": {"topics": ["\\u0000"]}}',
            "topics",
        ),
    ],
)
def test_what_cannot_be_is_named_and_not_kept(door: Door, body: bytes, why: str) -> None:
    before = door.rows()
    headers = {"Content-Type": "application/json"}
    answer = door.client.post("/api/subscriptions", content=body, headers=headers)
    assert answer.status_code == 422
    assert list(answer.json()) == ["error"] and why in answer.json()["error"]
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
        assert answer.status_code == 404 and "no digest 'nope'" in answer.json()["error"]


@pytest.mark.slow
def test_the_description_is_true_of_every_answer(door: Door) -> None:
    """Every operation, with bodies and addresses as described, and with some that are not."""
    own = door.subscribe()
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", door.app)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == 9

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
        assert consent.address(row[2]) == row[2] and row[3] in door.config.digests
