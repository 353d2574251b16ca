from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from build import NOW
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import BadLink
from digest.tokens import LENGTH, NOBODY, Keys, Purpose, read, sign

KEYS = Keys({1: b"a" * 32})
ID = "00112233445566ff"
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"

ids = st.binary(min_size=8, max_size=8).map(bytes.hex).filter(NOBODY.__ne__)
purposes = st.sampled_from(Purpose)
moments = st.datetimes(datetime(2020, 1, 1, 1), datetime(2200, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


@given(purposes, ids, st.none() | moments)
def test_what_was_signed_is_read_until_it_ends(
    purpose: Purpose, id: str, until: datetime | None
) -> None:
    token = sign(KEYS, purpose, id, until)
    assert len(token) == LENGTH
    assert read(KEYS, token, purpose, until or NOW) == id
    assert read(KEYS, token.upper(), purpose, until or NOW) == id


@given(purposes, ids, st.integers(0, LENGTH - 1), st.sampled_from(LETTERS))
def test_any_changed_letter_is_refused(purpose: Purpose, id: str, place: int, letter: str) -> None:
    token = sign(KEYS, purpose, id)
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        with pytest.raises(BadLink):
            read(KEYS, changed, purpose, NOW)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_token_is_for_one_purpose_alone(purpose: Purpose) -> None:
    token = sign(KEYS, purpose, ID)
    for other in set(Purpose) - {purpose}:
        with pytest.raises(BadLink, match="for something else"):
            read(KEYS, token, other, NOW)


def test_a_token_ends_with_its_hour_and_never_before() -> None:
    until = NOW + timedelta(days=3, minutes=20)
    token = sign(KEYS, Purpose.CONFIRM, ID, until)
    for minutes in (-60, 0, 39, 40):  # the hour that began when it ends is still good
        assert read(KEYS, token, Purpose.CONFIRM, until + timedelta(minutes=minutes)) == ID
    with pytest.raises(BadLink, match="expired"):
        read(KEYS, token, Purpose.CONFIRM, until + timedelta(minutes=40, seconds=1))


def test_a_token_that_ended_before_we_began_to_count_is_no_token_without_end() -> None:
    token = sign(KEYS, Purpose.CONFIRM, ID, datetime(1999, 1, 1, tzinfo=UTC))
    with pytest.raises(BadLink, match="expired"):
        read(KEYS, token, Purpose.CONFIRM, NOW)


def test_an_unsubscribe_link_is_good_for_ever() -> None:
    token = sign(KEYS, Purpose.UNSUBSCRIBE, ID)
    assert read(KEYS, token, Purpose.UNSUBSCRIBE, datetime(2999, 1, 1, tzinfo=UTC)) == ID


def test_after_a_rotation_old_links_are_good_and_new_ones_are_signed_anew() -> None:
    old = sign(KEYS, Purpose.UNSUBSCRIBE, ID)
    rotated = Keys({1: KEYS.secrets[1], 2: b"b" * 32})
    new = sign(rotated, Purpose.UNSUBSCRIBE, ID)
    assert new != old
    assert read(rotated, old, Purpose.UNSUBSCRIBE, NOW) == ID
    assert read(rotated, new, Purpose.UNSUBSCRIBE, NOW) == ID
    with pytest.raises(BadLink, match="not one of ours"):
        read(KEYS, new, Purpose.UNSUBSCRIBE, NOW)


def test_what_is_known_by_its_fingerprint_is_known_after_a_rotation() -> None:
    rotated = Keys({1: KEYS.secrets[1], 2: b"b" * 32})
    mark = KEYS.fingerprint("address", "ada@example.org")
    assert rotated.fingerprint("address", "ada@example.org") == mark
    assert KEYS.fingerprint("network", "ada@example.org") != mark
    assert Keys({1: b"c" * 32}).fingerprint("address", "ada@example.org") != mark


def test_a_link_of_a_preview_leads_to_nobody() -> None:
    with pytest.raises(BadLink, match="preview"):
        read(KEYS, sign(KEYS, Purpose.UNSUBSCRIBE, NOBODY), Purpose.UNSUBSCRIBE, NOW)


@given(st.text(max_size=60) | st.text(alphabet=LETTERS, min_size=LENGTH, max_size=LENGTH))
def test_whatever_is_no_token_is_refused_with_words(text: str) -> None:
    with pytest.raises(BadLink, match="this link"):
        read(KEYS, text, Purpose.CONFIRM, NOW)
