"""The HTTP client, against real servers on loopback; most waits are on a clock of our own."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib import resources
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import Canned, FeedServer, bomb, gzipped, redirect

from digest.errors import (
    AddressRefused,
    DigestError,
    Misuse,
    NotAFeed,
    Permanent,
    SourceBlocked,
    SourceDown,
    TooLarge,
)
from digest.fetch import Fetcher, feed_text, longest_wait_s
from digest.fetch.guard import Guard, is_public, parsed_url
from digest.fetch.pace import LONGEST_RETRY_AFTER_S, retry_after_s
from digest.fetch.timer import Timer
from digest.fetch.wire import Network, gunzip
from digest.types import Request, Validators

ROOT = Path(__file__).parents[1]
FEED = b"<rss><channel><title>Papers</title></channel></rss>" * 20
Make = Callable[..., Fetcher]


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 6, 24, 8, tzinfo=UTC)
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Make:
    """A maker of fetchers that share a state folder and the clock, as processes do."""

    def make(**more: Any) -> Fetcher:
        arguments: dict[str, Any] = {
            "contact": "papers@example.org",
            "allow_hosts": ["127.0.0.1"],
            "state_folder": tmp_path / "state",
            "timeout_s": 5,
            "sleep": clock.sleep,
            "now": clock.now,
            "monotonic": clock.monotonic,
            "jitter": random.Random(1),
        }
        return Fetcher(**(arguments | more))

    return make


@pytest.fixture
def fetcher(make: Make) -> Fetcher:
    return make()


@pytest.fixture
def real(make: Make) -> Make:
    """A maker of fetchers under the real clocks."""

    def real(**more: Any) -> Fetcher:
        clocks = {
            "sleep": time.sleep,
            "now": lambda: datetime.now(UTC),
            "monotonic": time.monotonic,
        }
        return make(**(clocks | more))

    return real


def ask(url: str, **more: Any) -> Request:
    """A request with dull values."""
    return Request(**({"url": url, "source": "lab", "kind": "feed", "group": "g"} | more))


def state_of(folder: Path, group: str = "g") -> dict[str, Any]:
    """What the state file of a group says."""
    row = json.loads((folder / "state" / f"{group}.json").read_text())
    assert isinstance(row, dict)
    return row


# --- what is asked and what comes back -----------------------------------------------------------


def test_a_feed_comes_back_whole_with_its_validators(fetcher: Fetcher, server: FeedServer) -> None:
    when = "Wed, 24 Jun 2026 04:00:00 GMT"
    server.serve("/feed", Canned(body=FEED, headers={"ETag": '"1"', "Last-Modified": when}))
    with fetcher:
        response = fetcher.get(ask(server.url("/feed")))
    assert response.body == FEED
    assert not response.is_unchanged
    assert response.validators == Validators(etag='"1"', last_modified=when)


def test_the_request_says_who_asks_and_what_it_can_read(
    fetcher: Fetcher, server: FeedServer
) -> None:
    server.serve("/feed?q=a+b&c=%22d%22", Canned(body=FEED))
    fetcher.get(ask(server.url("/feed?q=a+b&c=%22d%22#top"), accept="text/xml"))
    headers = server.hits[0].headers
    assert headers["user-agent"].startswith("papers-digest/")
    assert headers["user-agent"].endswith(" (+mailto:papers@example.org)")
    assert headers["accept"] == "text/xml"
    assert headers["accept-encoding"] == "gzip"
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert set(headers) == {"host", "user-agent", "accept", "accept-encoding", "connection"}


def test_what_has_not_changed_is_not_sent_again(fetcher: Fetcher, server: FeedServer) -> None:
    server.serve("/feed", Canned(body=FEED, headers={"ETag": '"1"'}))
    first = fetcher.get(ask(server.url("/feed")))
    again = fetcher.get(ask(server.url("/feed")), first.validators)
    assert again.is_unchanged
    assert again.body == b""
    assert again.validators == first.validators


def test_both_validators_are_sent(fetcher: Fetcher, server: FeedServer) -> None:
    server.serve("/feed", Canned(body=FEED))
    fetcher.get(ask(server.url("/feed")), Validators(etag='W/"x"', last_modified="yesterday"))
    assert server.hits[0].headers["if-none-match"] == 'W/"x"'
    assert server.hits[0].headers["if-modified-since"] == "yesterday"


def test_a_304_that_was_not_asked_for_is_an_error(fetcher: Fetcher, server: FeedServer) -> None:
    server.serve("/feed", Canned(status=304))
    with pytest.raises(SourceDown, match="answered 304"):
        fetcher.get(ask(server.url("/feed")))


def test_a_validator_that_cannot_be_sent_back_is_dropped(
    fetcher: Fetcher, server: FeedServer
) -> None:
    server.serve("/feed", Canned(body=FEED, headers={"ETag": '"é"'}))
    assert fetcher.get(ask(server.url("/feed"))).validators == Validators()


@pytest.mark.parametrize("status", [204, 206, 300, 401, 404, 410, 418, 501])
def test_any_other_status_is_an_error_at_once(
    fetcher: Fetcher, server: FeedServer, status: int
) -> None:
    server.serve("/feed", Canned(status=status))
    with pytest.raises(SourceDown, match=rf"^{server.url('/feed')}: answered {status}$"):
        fetcher.get(ask(server.url("/feed")))
    assert len(server.hits) == 1


def test_a_400_that_is_a_feed_is_told_in_its_own_words(
    fetcher: Fetcher, server: FeedServer
) -> None:
    title = "Feed error for query:\n\tnosuch &amp; more" + "x" * 500
    body = f"<rss><channel><title><![CDATA[{title}]]></title></channel></rss>".encode()
    server.serve("/rss", Canned(status=400, body=body))
    with pytest.raises(SourceDown) as caught:
        fetcher.get(ask(server.url("/rss")))
    assert "Feed error for query: nosuch & morexxx" in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_400_that_is_no_feed_is_told_by_its_status(fetcher: Fetcher, server: FeedServer) -> None:
    server.serve("/rss", Canned(status=400, body=b"<html><title>no</title>"))
    with pytest.raises(SourceDown, match=r"answered 400$"):
        fetcher.get(ask(server.url("/rss")))


def test_a_400_that_is_cut_off_is_told_by_its_status(fetcher: Fetcher, server: FeedServer) -> None:
    server.serve("/rss", Canned(status=400, body=FEED, fault="short"))
    with pytest.raises(SourceDown, match=r"answered 400$"):
        fetcher.get(ask(server.url("/rss")))
    assert len(server.hits) == 1


@given(st.binary(max_size=2000))
def test_the_words_of_an_error_are_always_short_and_plain(noise: bytes) -> None:
    text = feed_text(b"<feed><title>" + noise + b"</title><summary>" + noise)
    assert len(text) <= 200
    assert text == "" or text.isprintable()


def test_no_service_is_asked_without_a_contact(make: Make, server: FeedServer) -> None:
    with pytest.raises(Misuse, match=r"set contact under \[operator\] in digest.toml"):
        make(contact="").get(ask(server.url("/feed")))
    assert not server.hits


def test_a_contact_that_is_no_address_is_refused(make: Make, server: FeedServer) -> None:
    with pytest.raises(Misuse, match="contact"):
        make(contact="a@b\r\nX-Evil: 1").get(ask(server.url("/feed")))


def test_a_sample_needs_neither_contact_nor_state(make: Make, tmp_path: Path) -> None:
    names = [f.name for f in resources.files("digest").joinpath("samples").iterdir()]
    if not names:
        pytest.skip("the package has no samples yet")
    body = make(contact="").get(ask(f"sample:{names[0]}", pace_s=0)).body
    assert body == resources.files("digest").joinpath("samples", names[0]).read_bytes()
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("name", ["", "nosuch.xml", "../errors.py", "..", "a/b", "/etc/passwd"])
def test_no_other_file_is_a_sample(fetcher: Fetcher, name: str) -> None:
    with pytest.raises(Permanent, match="samples"):
        fetcher.get(ask(f"sample:{name}"))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a\nb",
        "http://127.0.0.1/\x7f",
        "http://127.0.0.1/\x85",
        "http://user:secret@127.0.0.1/",
        "http:///feed",
        "http://127.0.0.1:99999/",
        "http://[::1/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "feed.xml",
        "",
    ],
)
def test_a_url_that_is_not_one_of_a_service_is_refused(fetcher: Fetcher, url: str) -> None:
    with pytest.raises(Permanent, match="'lab' cannot be asked for") as caught:
        fetcher.get(ask(url))
    assert "secret" not in str(caught.value)


def test_headers_with_control_characters_are_refused(fetcher: Fetcher, server: FeedServer) -> None:
    with pytest.raises(Permanent, match="as Accept"):
        fetcher.get(ask(server.url("/feed"), accept="*/*\r\nX: 1"))
    with pytest.raises(Permanent, match="as If-None-Match"):
        fetcher.get(ask(server.url("/feed")), Validators(etag='"1"\n'))
    with pytest.raises(Permanent, match="as If-Modified-Since"):
        fetcher.get(ask(server.url("/feed")), Validators(last_modified="\x00"))
    assert not server.hits


# --- bodies --------------------------------------------------------------------------------------


def test_gzip_is_decoded(fetcher: Fetcher, server: FeedServer) -> None:
    server.serve("/feed", gzipped(FEED, ETag='"z"'))
    response = fetcher.get(ask(server.url("/feed")))
    assert response.body == FEED
    assert response.validators.etag == '"z"'


@given(st.lists(st.binary(max_size=300), min_size=1), st.integers(1, 50))
def test_gunzip_undoes_gzip_however_it_is_cut_in_pieces(bodies: list[bytes], step: int) -> None:
    packed = b"".join(map(gzip.compress, bodies))
    chunks = [packed[i : i + step] for i in range(0, len(packed), step)]
    assert b"".join(gunzip(chunks)) == b"".join(bodies)


@given(st.binary(max_size=300), st.data())
def test_gunzip_never_takes_a_part_for_the_whole(body: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(body)
    with pytest.raises(EOFError):
        list(gunzip([packed[: data.draw(st.integers(0, len(packed) - 1))]]))


def test_a_gzip_bomb_is_stopped_at_the_limit(make: Make, server: FeedServer) -> None:
    server.serve("/feed", bomb(50_000_000))
    with pytest.raises(TooLarge, match="more than 1000000 bytes"):
        make(max_bytes=1_000_000).get(ask(server.url("/feed")))
    assert len(server.hits) == 1


def test_a_gzip_stream_that_never_brings_a_byte_is_stopped(make: Make, server: FeedServer) -> None:
    nothing = Canned(body=gzip.compress(b"") * 100, headers={"Content-Encoding": "gzip"})
    server.serve("/feed", replace(nothing, has_length=False))
    with pytest.raises(TooLarge):
        make(max_bytes=1000).get(ask(server.url("/feed")))


def test_a_length_past_the_limit_is_enough(make: Make, server: FeedServer) -> None:
    headers = {"Content-Length": "1001"}
    server.serve("/feed", Canned(body=b"the start", headers=headers, has_length=False))
    with pytest.raises(TooLarge):
        make(max_bytes=1000).get(ask(server.url("/feed")))


def test_gzip_gives_a_bomb_no_more_than_a_piece() -> None:
    packed = bomb(10_000_000).body
    assert max(map(len, gunzip([packed]))) <= 65_536


@pytest.mark.parametrize("has_length", [True, False])
def test_more_bytes_than_allowed_are_refused(
    make: Make, server: FeedServer, has_length: bool
) -> None:
    server.serve("/fits", Canned(body=b"x" * 1000, has_length=has_length))
    server.serve("/not", Canned(body=b"x" * 1001, has_length=has_length))
    fetcher = make(max_bytes=1000)
    assert len(fetcher.get(ask(server.url("/fits"))).body) == 1000
    with pytest.raises(TooLarge, match="more than 1000 bytes"):
        fetcher.get(ask(server.url("/not")))


@pytest.mark.parametrize("fault", ["cut", "short"])
def test_a_feed_that_is_cut_off_is_asked_for_again(
    fetcher: Fetcher, server: FeedServer, fault: Any
) -> None:
    server.serve("/feed", Canned(body=FEED, fault=fault), Canned(body=FEED))
    assert fetcher.get(ask(server.url("/feed"))).body == FEED


@pytest.mark.parametrize("fault", ["cut", "short"])
def test_a_feed_that_is_cut_off_three_times_is_no_feed(
    fetcher: Fetcher, server: FeedServer, fault: Any
) -> None:
    server.serve("/feed", Canned(body=FEED, fault=fault, headers={"ETag": '"1"'}))
    words = f"cut off after {len(FEED) // 2} of {len(FEED)} bytes"
    with pytest.raises(NotAFeed, match=words):
        fetcher.get(ask(server.url("/feed")))
    assert len(server.hits) == 3


def test_a_gzip_stream_that_ends_early_is_cut_off(fetcher: Fetcher, server: FeedServer) -> None:
    whole = gzipped(FEED)
    half = Canned(body=whole.body[:-9], headers=whole.headers)
    server.serve("/feed", half)
    with pytest.raises(NotAFeed, match="cut off after"):
        fetcher.get(ask(server.url("/feed")))
    server.serve("/feed", half, whole)
    assert fetcher.get(ask(server.url("/feed"))).body == FEED


@pytest.mark.parametrize("encoding", ["gzip", "br", "gzip, gzip"])
def test_an_encoding_that_cannot_be_read_is_no_feed(
    fetcher: Fetcher, server: FeedServer, encoding: str
) -> None:
    server.serve("/feed", Canned(body=FEED, headers={"Content-Encoding": encoding}))
    with pytest.raises(NotAFeed, match="came as"):
        fetcher.get(ask(server.url("/feed")))
    assert len(server.hits) == 1


def test_a_trickle_that_ends_in_time_is_fine(real: Make, server: FeedServer) -> None:
    server.serve("/feed", Canned(body=FEED, fault="trickle", seconds=0.4))
    assert real(timeout_s=0.3).get(ask(server.url("/feed"))).body == FEED


@pytest.mark.parametrize("fault", ["trickle", "trickle-headers"])
def test_a_trickle_cannot_take_longer_than_an_answer_may(
    real: Make, server: FeedServer, fault: Any
) -> None:
    server.serve("/feed", Canned(body=FEED, fault=fault, seconds=30))
    began = time.monotonic()
    with pytest.raises(SourceDown, match=r"no whole answer in 0\.3 s"):
        real(answer_s=0.3, timeout_s=5).get(ask(server.url("/feed")))
    assert time.monotonic() - began < 1.5
    assert len(server.hits) == 1


# --- trying again --------------------------------------------------------------------------------


def test_a_dropped_connection_is_tried_again(fetcher: Fetcher, server: FeedServer) -> None:
    server.serve("/feed", Canned(fault="drop"), Canned(fault="drop"), Canned(body=FEED))
    assert fetcher.get(ask(server.url("/feed"))).body == FEED


def test_a_dropped_connection_is_tried_three_times(fetcher: Fetcher, server: FeedServer) -> None:
    server.serve("/feed", Canned(fault="drop"))
    with pytest.raises(SourceDown, match=r"disconnected without sending a response$"):
        fetcher.get(ask(server.url("/feed")))
    assert len(server.hits) == 3


def test_a_service_that_says_nothing_is_tried_three_times(make: Make, server: FeedServer) -> None:
    server.serve("/feed", Canned(fault="slow", seconds=30))
    with pytest.raises(SourceDown, match=r"nothing came for 0\.1 s"):
        make(timeout_s=0.1).get(ask(server.url("/feed")))
    assert len(server.hits) == 3


def test_a_port_where_nobody_listens_is_down(make: Make, clock: Clock) -> None:
    with FeedServer() as gone:
        url = gone.url("/feed")
    with pytest.raises(SourceDown, match="refused"):
        make().get(ask(url))
    assert len(clock.slept) >= 2


def test_a_name_that_cannot_be_found_is_down(make: Make) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise OSError("name or service not known")

    with pytest.raises(SourceDown, match=r"cannot find the address of nosuch\.example: name or"):
        make(resolve=resolve).get(ask("http://nosuch.example/feed"))


def test_a_resolver_that_hangs_is_left_alone(make: Make) -> None:
    def resolve(host: str, port: int) -> list[str]:
        time.sleep(5)
        return []

    began = time.monotonic()
    with pytest.raises(SourceDown, match="nothing came"):
        make(resolve=resolve, timeout_s=0.1).get(ask("http://slow.example/feed"))
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("status", [500, 502, 503, 504, 406, 429])
def test_a_failing_service_is_asked_again_after_at_least_its_pace(
    fetcher: Fetcher, server: FeedServer, clock: Clock, status: int
) -> None:
    busy = Canned(status=status)
    server.serve("/feed", busy, busy, Canned(body=FEED))
    assert fetcher.get(ask(server.url("/feed"), pace_s=3)).body == FEED
    assert len(server.hits) == 3
    assert all(wait >= 3 for wait in clock.slept)


@pytest.mark.parametrize(
    ("status", "error"),
    [(500, SourceDown), (503, SourceDown), (406, SourceBlocked), (429, SourceBlocked)],
)
def test_trying_ends_with_the_deadline(
    make: Make, server: FeedServer, clock: Clock, status: int, error: type[DigestError]
) -> None:
    server.serve("/feed", Canned(status=status))
    began = clock.moment
    with pytest.raises(error, match=f"answered {status}"):
        make(deadline_s=100).get(ask(server.url("/feed")))
    assert (clock.moment - began).total_seconds() <= 100
    assert 4 <= len(server.hits) <= 20


def test_the_waits_grow_and_are_spread_over_their_whole_length(
    make: Make, server: FeedServer, clock: Clock
) -> None:
    first, last = [], []
    for seed in range(12):
        server.serve("/feed", *[Canned(status=500)] * 4, Canned(body=FEED))
        clock.slept.clear()
        fetcher = make(jitter=random.Random(seed))
        fetcher.get(ask(server.url("/feed"), pace_s=0, group=f"g{seed}"))
        first.append(clock.slept[0])
        last.append(clock.slept[-1])
    assert max(first) <= longest_wait_s(1)
    assert max(last) <= longest_wait_s(4)
    assert max(last) - min(last) > longest_wait_s(4) / 2
    assert sum(last) > sum(first)


# --- stops ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [406, 429, 503])
def test_a_retry_after_that_fits_is_waited_out(
    fetcher: Fetcher, server: FeedServer, clock: Clock, status: int
) -> None:
    server.serve("/feed", Canned(status=status, headers={"Retry-After": "50"}), Canned(body=FEED))
    assert fetcher.get(ask(server.url("/feed"))).body == FEED
    assert sum(clock.slept) >= 50


def test_a_retry_after_may_be_a_date(fetcher: Fetcher, server: FeedServer, clock: Clock) -> None:
    until = clock.moment + timedelta(seconds=70)
    headers = {"Retry-After": format_datetime(until, usegmt=True)}
    server.serve("/feed", Canned(status=503, headers=headers), Canned(body=FEED))
    assert fetcher.get(ask(server.url("/feed"))).body == FEED
    assert clock.moment >= until


@pytest.mark.parametrize("status", [403, 406, 429, 503])
def test_a_retry_after_past_the_deadline_stops_the_group_at_once(
    make: Make, server: FeedServer, clock: Clock, tmp_path: Path, status: int
) -> None:
    server.serve("/feed", Canned(status=status, headers={"Retry-After": "7200"}), Canned(body=FEED))
    with pytest.raises(SourceBlocked, match="until 2026-06-24 10:00:00 UTC") as caught:
        make().get(ask(server.url("/feed")))
    assert f"{server.url('/feed')}: answered {status}" in str(caught.value)
    assert f"delete {tmp_path / 'state' / 'g.json'}" in str(caught.value)
    assert not clock.slept
    with pytest.raises(SourceBlocked, match=f"answered {status}"):
        make().get(ask(server.url("/other")))
    assert len(server.hits) == 1
    clock.sleep(7200)
    assert make().get(ask(server.url("/feed"))).body == FEED


def test_a_403_stops_the_group_for_everybody(make: Make, server: FeedServer, clock: Clock) -> None:
    server.serve("/a", Canned(status=403))
    server.serve("/b", Canned(body=FEED))
    with pytest.raises(SourceBlocked, match="until 2026-06-24 08:15:00 UTC"):
        make().get(ask(server.url("/a")))
    with pytest.raises(SourceBlocked, match=r"not asked, .* 08:15:00 UTC \(.*/a answered 403\)"):
        make().get(ask(server.url("/b")))
    assert [hit.path for hit in server.hits] == ["/a"]
    make().get(ask(server.url("/b"), group="another"))
    clock.sleep(15 * 60)
    assert make().get(ask(server.url("/b"))).body == FEED


def test_each_further_403_doubles_the_stop_until_a_success(
    make: Make, server: FeedServer, clock: Clock, tmp_path: Path
) -> None:
    stops = []
    server.serve("/a", Canned(status=403))
    server.serve("/b", Canned(body=FEED))
    for _ in range(9):
        with pytest.raises(SourceBlocked):
            make().get(ask(server.url("/a")))
        stops.append(state_of(tmp_path)["stop_s"] / 60)
        clock.sleep(stops[-1] * 60)
    assert stops == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]
    make().get(ask(server.url("/b")))
    with pytest.raises(SourceBlocked):
        make().get(ask(server.url("/a")))
    assert state_of(tmp_path)["stop_s"] == 900


def test_deleting_the_file_that_the_error_names_ends_the_stop(
    make: Make, server: FeedServer
) -> None:
    server.serve("/feed", Canned(status=403), Canned(body=FEED))
    with pytest.raises(SourceBlocked) as caught:
        make().get(ask(server.url("/feed")))
    Path(str(caught.value).rpartition("delete ")[2]).unlink()
    assert make().get(ask(server.url("/feed"))).body == FEED


@given(st.text() | st.from_regex(r"[0-9]+|[A-Z][a-z]{2}, [0-9]+ Jan [0-9]+ [0-9:]+ (GMT|[+-]\d+)"))
def test_whatever_retry_after_says_the_wait_is_sane(text: str) -> None:
    wait_s = retry_after_s(text, datetime(2026, 6, 24, tzinfo=UTC))
    assert wait_s is None or 0 <= wait_s <= LONGEST_RETRY_AFTER_S


@given(st.integers(0, 10**6), st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))
def test_both_forms_of_retry_after_say_the_same(seconds: int, naive: datetime) -> None:
    now = naive.replace(tzinfo=UTC, microsecond=0)
    expected = min(seconds, LONGEST_RETRY_AFTER_S)
    assert retry_after_s(f" {seconds} ", now) == expected
    date = format_datetime(now + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_s(date, now) == expected


def test_the_obsolete_forms_of_dates_are_read() -> None:
    now = datetime(1994, 11, 6, 8, 49, tzinfo=UTC)
    dates = ("Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994")
    assert [retry_after_s(date, now) for date in dates] == [37, 37]


# --- pace ----------------------------------------------------------------------------------------


def test_requests_of_a_group_keep_its_pace(make: Make, server: FeedServer, clock: Clock) -> None:
    server.serve("/feed", Canned(body=FEED))
    make().get(ask(server.url("/feed"), pace_s=3))
    make().get(ask(server.url("/feed"), pace_s=3, group="other"))
    assert clock.slept == []
    make().get(ask(server.url("/feed"), pace_s=3))
    assert sum(clock.slept) == pytest.approx(3, abs=0.1)


def test_redirects_and_retries_keep_the_pace_too(
    fetcher: Fetcher, server: FeedServer, clock: Clock
) -> None:
    server.serve("/a", redirect("/b"))
    server.serve("/b", Canned(fault="drop"), Canned(body=FEED))
    fetcher.get(ask(server.url("/a"), pace_s=3))
    assert [hit.path for hit in server.hits] == ["/a", "/b", "/b"]
    assert sum(clock.slept) >= 6


def test_a_clock_that_jumped_back_costs_one_pace(
    fetcher: Fetcher, server: FeedServer, clock: Clock
) -> None:
    server.serve("/feed", Canned(body=FEED))
    fetcher.get(ask(server.url("/feed"), pace_s=3))
    clock.moment -= timedelta(days=400)
    fetcher.get(ask(server.url("/feed"), pace_s=3))
    assert sum(clock.slept) == pytest.approx(3, abs=0.1)


def test_a_clock_that_jumped_back_makes_no_stop_longer(
    fetcher: Fetcher, server: FeedServer, clock: Clock
) -> None:
    server.serve("/feed", Canned(status=403), Canned(body=FEED))
    with pytest.raises(SourceBlocked):
        fetcher.get(ask(server.url("/feed")))
    clock.moment -= timedelta(days=400)
    with pytest.raises(SourceBlocked):
        fetcher.get(ask(server.url("/feed")))
    clock.sleep(15 * 60)
    assert fetcher.get(ask(server.url("/feed"))).body == FEED


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", "null", "{nonsense", '{"started_at": 3}', b"\xff\xfe", "whole"],
)
def test_a_state_file_that_is_not_ours_is_replaced(
    fetcher: Fetcher, server: FeedServer, tmp_path: Path, content: str | bytes
) -> None:
    server.serve("/feed", Canned(body=FEED))
    path = tmp_path / "state" / "g.json"
    path.parent.mkdir()
    if content == "whole":  # all fields there, and a stop for ever
        times = dict.fromkeys(("started_at", "ended_at", "stopped_at"), "2026-06-24T07:00:00+00:00")
        content = json.dumps(
            times | {"stop_s": float("inf"), "refusals": 0, "why": "", "holder": ""}
        )
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert fetcher.get(ask(server.url("/feed"))).body == FEED
    assert state_of(tmp_path)["started_at"].startswith("2026-06-24T08:00:00")


def test_a_group_of_any_name_stays_in_its_folder(
    fetcher: Fetcher, server: FeedServer, tmp_path: Path
) -> None:
    server.serve("/feed", Canned(body=FEED))
    for group in ("../up", "..", "/up", "lab.example.org:80", ""):
        fetcher.get(ask(server.url("/feed"), group=group))
    assert [p.name for p in tmp_path.iterdir()] == ["state"]
    assert all(p.is_file() for p in (tmp_path / "state").iterdir())


def test_a_state_folder_that_cannot_be_used_is_misuse(
    make: Make, server: FeedServer, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misuse, match="cannot keep the pace in"):
        make(state_folder=tmp_path / "file").get(ask(server.url("/feed")))


def test_threads_share_one_connection_and_one_pace(real: Make, server: FeedServer) -> None:
    server.serve("/feed", Canned(body=FEED, fault="trickle", seconds=0.1))
    fetcher = real()
    request = ask(server.url("/feed"), pace_s=0.2)
    threads = [threading.Thread(target=fetcher.get, args=(request,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_paced(server, hits=4, pace_s=0.2)


ASK = """
import sys
from pathlib import Path
from digest.fetch import Fetcher
from digest.types import Request
url, folder, n = sys.argv[1:]
fetcher = Fetcher(contact="a@example.org", allow_hosts=["127.0.0.1"], state_folder=Path(folder))
for _ in range(int(n)):
    fetcher.get(Request(url=url, source="s", kind="k", group="arxiv", pace_s=0.3))
"""


def test_processes_share_one_connection_and_one_pace(server: FeedServer, tmp_path: Path) -> None:
    server.serve("/feed", Canned(body=FEED, fault="trickle", seconds=0.1))
    command = [sys.executable, "-c", ASK, server.url("/feed"), str(tmp_path / "state"), "3"]
    children = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [child.wait(timeout=30) for child in children] == [0, 0]
    assert_paced(server, hits=6, pace_s=0.3)


def test_a_killed_process_gives_its_turn_back(
    real: Make, server: FeedServer, tmp_path: Path
) -> None:
    server.serve("/feed", Canned(fault="slow", seconds=30), Canned(body=FEED))
    command = [sys.executable, "-c", ASK, server.url("/feed"), str(tmp_path / "state"), "1"]
    child = subprocess.Popen(command, cwd=ROOT)
    while not server.hits:
        time.sleep(0.01)
    child.kill()
    child.wait()
    request = ask(server.url("/feed"), group="arxiv", pace_s=0.3)
    assert real(deadline_s=5).get(request).body == FEED
    assert server.asked_s()[1] - server.asked_s()[0] >= 0.25


def assert_paced(server: FeedServer, *, hits: int, pace_s: float) -> None:
    """So many requests came, `pace_s` apart, and never two connections at once.

    The times are those of the server's threads, hence the allowance; over all of them it is small.
    """
    asked = sorted(server.asked_s())
    assert len(asked) == hits
    gaps = [after - before for before, after in pairwise(asked)]
    assert min(gaps) >= 0.7 * pace_s
    assert asked[-1] - asked[0] >= (hits - 1) * pace_s - 0.1
    connections = sorted(server.connections, key=lambda c: c.opened_s)
    assert len(connections) == hits
    for one, other in pairwise(connections):
        assert one.closed_s is not None
        assert one.closed_s <= other.opened_s + 0.02


def test_waiting_for_a_turn_ends_with_the_deadline(real: Make, server: FeedServer) -> None:
    server.serve("/slow", Canned(fault="slow", seconds=0.5))
    request = ask(server.url("/slow"))
    holder = threading.Thread(target=real().get, args=(request,))
    holder.start()
    while not server.hits:
        time.sleep(0.01)
    with pytest.raises(SourceDown, match="another process or thread holds the group 'g'"):
        real(deadline_s=0.2).get(request)
    holder.join()
    assert len(server.hits) == 1


def test_a_process_with_slow_requests_lets_others_in_between(
    real: Make, server: FeedServer
) -> None:
    server.serve("/greedy", Canned(fault="trickle", body=FEED, seconds=0.08))
    server.serve("/modest", Canned(body=FEED))
    greedy, modest = real(), real()

    def be_greedy() -> None:
        for _ in range(8):
            greedy.get(ask(server.url("/greedy"), pace_s=0))

    thread = threading.Thread(target=be_greedy)
    thread.start()
    while not server.hits:
        time.sleep(0.01)
    modest.get(ask(server.url("/modest"), pace_s=0))
    place = [hit.path for hit in server.hits].index("/modest")
    thread.join()
    assert place < 4


# --- redirects -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(fetcher: Fetcher, server: FeedServer, status: int) -> None:
    server.serve("/a/b", redirect("../c?d=1#e", status))
    server.serve("/c?d=1", Canned(body=FEED, headers={"ETag": '"c"'}))
    response = fetcher.get(ask(server.url("/a/b")), Validators(etag='"old"'))
    assert response.body == FEED
    assert [hit.headers["if-none-match"] for hit in server.hits] == ['"old"', '"old"']


def test_a_circle_of_redirects_ends(fetcher: Fetcher, server: FeedServer) -> None:
    server.serve("/feed", redirect("/feed"))
    with pytest.raises(SourceDown, match="more than 5 redirects"):
        fetcher.get(ask(server.url("/feed")))
    assert len(server.hits) == 6


@pytest.mark.parametrize(
    "to", ["", "file:///etc/passwd", "ftp://127.0.0.1/", "http://a:b@127.0.0.1/", "http://["]
)
def test_a_redirect_to_what_is_not_a_service_is_an_error(
    fetcher: Fetcher, server: FeedServer, to: str
) -> None:
    server.serve("/feed", redirect(to))
    with pytest.raises(SourceDown, match="redirected"):
        fetcher.get(ask(server.url("/feed")))
    assert len(server.hits) == 1


def test_a_redirect_to_another_host_carries_nothing_of_the_first(
    make: Make, server: FeedServer
) -> None:
    with FeedServer() as other:
        server.serve("/feed?key=secret", redirect(other.url("/feed")))
        other.serve("/feed", Canned(body=FEED))
        make().get(ask(server.url("/feed?key=secret")))
        headers = other.hits[0].headers
    assert "secret" not in str(headers)
    assert headers["host"] == f"127.0.0.1:{other.port}"


def test_a_redirect_to_a_private_address_is_refused(make: Make, server: FeedServer) -> None:
    server.serve("/feed", redirect(server.url("/inside", host="inside.example")))
    server.serve("/inside", Canned(body=b"secrets"))
    fetcher = make(
        allow_hosts=[f"127.0.0.1:{server.port}"], resolve=lambda host, port: ["127.0.0.1"]
    )
    with pytest.raises(AddressRefused, match=r"inside\.example has the address 127\.0\.0\.1"):
        fetcher.get(ask(server.url("/feed")))
    assert [hit.path for hit in server.hits] == ["/feed"]


# --- addresses -----------------------------------------------------------------------------------

_PRIVATE = """
    0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 192.0.2.1
    192.168.1.1 198.18.0.1 203.0.113.5 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b::8.8.8.8
    64:ff9b:1::a00:1 100::1 2001::1 2001:0:7f00:1:: 2001:db8::1 2002:7f00:1:: 2002:808:808::
    3fff::1 5f00::1 fc00::1 fd12::1 fe80::1 fe80::1%lo fec0::1 ff02::1 ff0e::1
"""
PRIVATE = _PRIVATE.split()


@pytest.mark.parametrize("address", PRIVATE)
def test_no_private_address_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "151.101.3.42", "2606:4700::1", "2a04:4e42::810"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


ADDRESSES = st.ip_addresses() | st.sampled_from(PRIVATE).map(ip_address)


@given(ADDRESSES)
def test_nothing_that_is_not_global_is_ever_taken_for_public(
    address: IPv4Address | IPv6Address,
) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_private


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_is_reached_by_way_of_ipv6(address: IPv4Address) -> None:
    inside = f"{int(address):08x}"
    high, low = inside[:4], inside[4:]
    for form in (
        f"::{high}:{low}",
        f"::ffff:{high}:{low}",
        f"64:ff9b::{high}:{low}",
        f"2002:{high}:{low}::1",
        f"2001:0:{high}:{low}::1",
    ):
        assert not is_public(form)


@given(st.lists(ADDRESSES.map(str), max_size=4))
def test_a_host_is_let_through_only_if_all_its_addresses_are_public(found: list[str]) -> None:
    guard = Guard([], lambda host, port: found)
    try:
        let_through = guard.addresses("papers.example", 80, 5)
    except (AddressRefused, OSError):
        assert not found or not all(map(is_public, found))
    else:
        assert let_through == found
        assert all(map(is_public, found))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]"]
)
def test_no_spelling_of_this_machine_is_let_through(
    make: Make, server: FeedServer, host: str
) -> None:
    with pytest.raises(AddressRefused) as caught:
        make(allow_hosts=[]).get(ask(server.url("/feed", host=host)))
    name = host.strip("[]")
    assert f'add "{name}" to allow_hosts under [fetch] in digest.toml' in str(caught.value)
    assert str(caught.value).startswith(server.url("/feed", host=host))
    assert not server.hits


@pytest.mark.parametrize("allow", ["LAB.example", "lab.example:{port}"])
def test_a_listed_host_may_have_a_private_address(
    make: Make, server: FeedServer, allow: str
) -> None:
    server.serve("/feed", Canned(body=FEED))
    fetcher = make(
        allow_hosts=[allow.format(port=server.port)], resolve=lambda host, port: ["127.0.0.1"]
    )
    assert fetcher.get(ask(server.url("/feed", host="Lab.Example"))).body == FEED
    assert server.hits[0].headers["host"] == f"lab.example:{server.port}"


def test_a_listed_port_opens_no_other() -> None:
    guard = Guard(["lab.example:80", "::1", "[::2]:8000"], lambda host, port: ["10.0.0.1"])
    for host, port in (("lab.example", 80), ("::1", 5), ("::2", 8000)):
        assert guard.addresses(host, port, 5) == ["10.0.0.1"]
    for host, port in (("lab.example", 81), ("b.lab.example", 80), ("::2", 80)):
        with pytest.raises(AddressRefused):
            guard.addresses(host, port, 5)


@pytest.mark.parametrize("entry", ["", "http://lab.example", "lab.example/feed", "a@b", "a:b"])
def test_an_entry_of_allow_hosts_that_is_no_host_is_misuse(entry: str) -> None:
    with pytest.raises(Misuse, match="allow_hosts"):
        Guard([entry])


class Detour(httpcore.NetworkBackend):
    """Notes where a connection was to go, and takes it to the test's server."""

    def __init__(self, server: FeedServer) -> None:
        self.went_to: list[str] = []
        self._server = server

    def connect_tcp(self, host: str, port: int, *rest: Any, **more: Any) -> httpcore.NetworkStream:
        self.went_to.append(host)
        return httpcore.SyncBackend().connect_tcp("127.0.0.1", self._server.port)


def test_a_name_that_changes_its_address_gains_nothing(server: FeedServer, clock: Clock) -> None:
    """DNS rebinding: the first answer is public and checked, the next would be this machine."""
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])
    guard = Guard([], lambda host, port: next(answers))
    server.serve("/feed", Canned(body=FEED))
    detour = Detour(server)
    network = Network(guard, Timer(60, clock.monotonic), lambda: None, detour)
    with httpcore.ConnectionPool(network_backend=network) as pool:
        headers = [("Host", "rebind.example"), ("Connection", "close")]
        assert pool.request("GET", "http://rebind.example/feed", headers=headers).content == FEED
        assert detour.went_to == ["93.184.216.34"]
        with pytest.raises(AddressRefused, match=r"127\.0\.0\.1"):
            pool.request("GET", "http://rebind.example/feed", headers=headers)
    assert detour.went_to == ["93.184.216.34"]
    assert len(server.hits) == 1


def test_a_name_is_looked_up_once_for_a_connection(make: Make, server: FeedServer) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    server.serve("/a", redirect("/b"))
    server.serve("/b", Canned(body=FEED))
    fetcher = make(allow_hosts=["lab.example"], resolve=resolve)
    fetcher.get(ask(server.url("/a", host="lab.example")))
    assert asked == ["lab.example", "lab.example"]


def test_the_next_address_is_tried_where_one_does_not_answer(
    make: Make, server: FeedServer
) -> None:
    server.serve("/feed", Canned(body=FEED))
    fetcher = make(allow_hosts=["lab.example"], resolve=lambda h, p: ["::1", "127.0.0.1"])
    assert fetcher.get(ask(server.url("/feed", host="lab.example"))).body == FEED


class DeadNetwork(httpcore.NetworkBackend):
    """Notes how long each address was given, and takes that long for nothing."""

    def __init__(self, clock: Clock) -> None:
        self.shares_s: list[float] = []
        self._clock = clock

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *rest: Any, **more: Any
    ) -> httpcore.NetworkStream:
        assert timeout is not None
        self.shares_s.append(timeout)
        self._clock.sleep(timeout)
        raise httpcore.ConnectTimeout


def test_each_address_gets_its_share_of_the_time(clock: Clock) -> None:
    """Else a dead IPv6 would leave no time for IPv4."""
    guard = Guard([], lambda host, port: ["2a04:4e42::1", "2a04:4e42::2", "8.8.8.8", "8.8.4.4"])
    dead = DeadNetwork(clock)
    network = Network(guard, Timer(60, clock.monotonic), lambda: None, dead)
    with pytest.raises(httpcore.ConnectTimeout):
        network.connect_tcp("papers.example", 80, 20)
    assert dead.shares_s == pytest.approx([5, 5, 5, 5])


def test_no_proxy_is_taken_from_the_environment(
    make: Make, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.serve("/feed", Canned(body=FEED))
    assert make().get(ask(server.url("/feed"))).body == FEED


@given(st.text(max_size=60) | st.from_regex(r"https?://[^/]{1,20}/.{0,20}"))
def test_a_url_that_passes_has_a_scheme_a_host_and_no_password(text: str) -> None:
    try:
        url = parsed_url(text, httpx.URL("https://papers.example/feed"))
    except ValueError:
        return
    assert url.scheme in ("http", "https")
    assert url.host
    assert not url.userinfo
    assert all(33 <= byte < 127 for byte in url.raw_path + url.raw_host)


# --- TLS -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of its own for papers.test, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    names = ["-subj", "/CN=papers.test", "-addext", "subjectAltName=DNS:papers.test"]
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "cert")]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    try:
        command = ["openssl", "req", "-x509", *kind, *names, *files]
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs the openssl command")
    both = folder / "both.pem"
    both.write_bytes((folder / "key").read_bytes() + (folder / "cert").read_bytes())
    return both


def test_a_certificate_is_checked_for_the_name_not_for_the_address(
    make: Make, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = ["papers.test", "other.test"]
    with FeedServer(certificate) as server:
        server.serve("/feed", Canned(body=FEED))
        server.serve("/down", redirect(server.url("/feed").replace("https:", "http:")))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        fetcher = make(allow_hosts=hosts, resolve=lambda host, port: ["127.0.0.1"])
        assert fetcher.get(ask(server.url("/feed", host="papers.test"))).body == FEED
        with pytest.raises(SourceDown, match="certificate_verify_failed"):
            fetcher.get(ask(server.url("/feed", host="other.test")))
        with pytest.raises(SourceDown, match="redirected from https to http://"):
            fetcher.get(ask(server.url("/down", host="papers.test")))
        monkeypatch.delenv("SSL_CERT_FILE")
        monkeypatch.delenv("SSL_CERT_DIR", raising=False)
        fetcher = make(allow_hosts=hosts, resolve=lambda host, port: ["127.0.0.1"])
        with pytest.raises(SourceDown, match="certificate_verify_failed"):
            fetcher.get(ask(server.url("/feed", host="papers.test")))


def test_a_file_of_certificates_that_is_missing_is_misuse(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    with pytest.raises(Misuse, match="SSL_CERT_FILE"):
        fetcher.get(ask("https://127.0.0.1:9/"))


# --- messages ------------------------------------------------------------------------------------


def test_every_error_names_the_url_in_lower_case_without_a_full_stop(
    make: Make, server: FeedServer
) -> None:
    faults = {
        "/status": Canned(status=404),
        "/refused": Canned(status=403),
        "/drop": Canned(fault="drop"),
        "/cut": Canned(body=FEED, fault="short"),
        "/large": Canned(body=FEED * 99),
        "/away": redirect("file:///"),
        "/bad": Canned(body=FEED, headers={"Content-Encoding": "gzip"}),
    }
    for path, fault in faults.items():
        server.serve(path, fault)
        with pytest.raises(DigestError) as caught:
            make(max_bytes=5000).get(ask(server.url(path), group=path))
        words = str(caught.value)
        assert words.startswith(server.url(path) + ": ")
        assert words[len(server.url(path)) + 2].islower()
        assert not words.endswith(".")
