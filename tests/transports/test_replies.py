from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.transports.smtp.greeting import features
from digest.transports.smtp.replies import MAX_BYTES, Broken, Reader, Reply

SAID = (
    b"220 hi\r\n250-mx\r\n250-SIZE 10\r\n250 8BITMIME\r\n354\r\n"
    b"550-5.1.1 no such\r\n550 5.1.1 user\r\n250 ok\n"
)
READ = [(220, "hi"), (250, "mx SIZE 10 8BITMIME"), (354, ""), (550, "5.1.1 no such 5.1.1 user")]


def read(*pieces: bytes) -> list[Reply]:
    reader = Reader()
    return [reply for piece in pieces for reply in reader.feed(piece)]


@given(cuts=st.lists(st.integers(0, len(SAID)), max_size=12))
def test_replies_are_the_same_however_they_are_cut(cuts: list[int]) -> None:
    marks = [0, *sorted(cuts), len(SAID)]
    pieces = [SAID[a:b] for a, b in itertools.pairwise(marks)]
    found = [(reply.code, reply.words) for reply in read(*pieces)]
    assert found == [*READ, (250, "ok")]


def test_a_reply_seen_before_is_read_the_same_again() -> None:
    reader = Reader()
    assert reader.feed(b"250 ok\r\n") == reader.feed(b"250 ok\r\n") == [Reply(250, (b"ok",))]
    assert reader.feed(b"250-half\r\n") == []
    assert reader.feed(b"250 ok\r\n") == [Reply(250, (b"half", b"ok"))]


NO_REPLIES = """
    hello||25 x|2500 x|150 x|650 x|250+x|250x|\x00\x00|\xb2\xb5\xb0 x
"""


@pytest.mark.parametrize("said", [*NO_REPLIES.strip().split("|"), "250-a\r\n251 b"])
def test_what_is_no_reply_is_broken(said: str) -> None:
    with pytest.raises(Broken, match="no reply"):
        read(said.encode("latin-1") + b"\r\n")


@pytest.mark.parametrize("said", [b"250-x\r\n" * MAX_BYTES, b"2" * (MAX_BYTES + 1)])
def test_a_reply_without_an_end_is_broken(said: bytes) -> None:
    for pieces in ([said], [said[at : at + 1000] for at in range(0, len(said), 1000)]):
        with pytest.raises(Broken):
            read(*pieces)


@given(said=st.binary(max_size=300))
def test_words_can_be_shown_whatever_was_said(said: bytes) -> None:
    words = Reply(550, tuple(said.split(b"\n"))).words
    assert words.isprintable()
    assert len(str(Reply(550, (said * 3,)))) <= 200


def test_the_enhanced_status_is_the_first_word_or_none() -> None:
    for words, status in ((b"5.1.1 no", "5.1.1"), (b"no 5.1.1", ""), (b"5.1.1.1 x", ""), (b"", "")):
        assert Reply(550, (words,)).status == status


def test_what_a_server_can_do_is_read_in_any_spelling() -> None:
    lines = (b"mx", b"pipelining", b"Size", b"AUTH=LOGIN", b"AUTH PLAIN cram-md5", b"", b"STARTTLS")
    found = features(Reply(250, lines))
    assert found.pipelining
    assert found.starttls
    assert not found.eight_bit
    assert found.size == 0
    assert found.auth == {"LOGIN", "PLAIN", "CRAM-MD5"}
    assert features(Reply(250, (b"SIZE 5",))).size is None
    assert features(Reply(250, (b"mx", b"SIZE 5"))).size == 5
    assert features(Reply(250, (b"mx", b"SIZE " + b"9" * 5000))).size == 0
