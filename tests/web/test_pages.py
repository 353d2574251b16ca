"""What anybody can read, and what stands around every page."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import feedparser
import pytest
from build import issue, item, paper
from door import ADA, NOW, SLOT, Door
from starlette.testclient import TestClient

from digest.errors import Temporary
from digest.run import links
from digest.store import issues, papers
from digest.tokens import Purpose
from digest.web import Desk, create_app

ISSUE = f"/samples/{SLOT}"
PUBLIC = ["/", "/archive", "/samples/", "/quiet/", ISSUE, "/privacy", "/snippet", "/link"]
PUBLIC += ["/check-mail?digest=samples", "/check-mail?digest=samples&for=link"]
PUBLIC += ["/subscribe?digest=samples"]


class Parsed(HTMLParser):
    """The parts of a page that tests ask for."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def private(door: Door) -> list[str]:
    """Every page that wants a token."""
    waits = door.ask("new@example.org")
    own = door.subscribe()
    has = links.token(door.desk.setup(), Purpose.UNSUBSCRIBE, subscription(door), NOW)
    likes = links.token(door.desk.setup(), Purpose.OPINION, subscription(door), NOW)
    door.post(f"/move/{own}", address="ada@new.example.org")
    door.answer()
    from door import token

    moves = token("address", door.mails("ada@new.example.org")[-1])
    papers = door.get(f"/api/digests/samples/issues/{SLOT}").json()["papers"]
    return [
        f"/confirm/{waits}",
        f"/preferences/{own}",
        f"/move/{own}",
        f"/leave/{own}",
        f"/erase/{own}",
        f"/unsubscribe/{has}",
        f"/address/{moves}",
        f"/opinion/{likes}?paper={papers[0]['id']}&like=1",
    ]


def subscription(door: Door, address: str = ADA, digest: str = "samples") -> str:
    rows = door.rows()
    (person,) = [row[0] for row in rows["subscribers"] if row[1] == address]
    (id,) = [r[0] for r in rows["subscriptions"] if person in r and digest in r]
    assert isinstance(id, str)
    return id


def test_every_page_is_whole_and_tells_itself_from_the_others(door: Door) -> None:
    pages = [*PUBLIC, *private(door)]
    titles = []
    for path in pages:
        answer = door.get(path)
        assert answer.status_code == 200, path
        page = Parsed(answer.text)
        assert len(page.all("h1")) == len(page.all("main")) == 1, path
        assert page.all("html") == [{"lang": "en", "dir": "ltr"}]
        assert not page.all("script"), path
        assert not {key for tag in page.tags for key in tag[1] if re.match("on|style", key)}, path
        # A name in braces is one that nobody filled in.
        assert not re.search(r"\{[a-z_]+\}", answer.text), path
        title = re.search(r"<title>(.*)</title>", answer.text)
        assert title, path
        titles.append(title[1])
    # The two pages that say "check your mail" are one for who reads them.
    assert len(set(titles)) == len(pages) - 1


def test_all_that_a_page_loads_is_ours(door: Door) -> None:
    for path in PUBLIC:
        page = Parsed(door.get(path).text)
        (sheet, *_) = page.all("link")
        assert str(sheet["href"]).startswith("/page.css?"), path
        assert not page.all("img")
        assert not page.all("iframe")
    assert door.get("/page.css").headers["content-type"] == "text/css; charset=utf-8"


def test_headers_stand_on_every_answer_whatever_it_is(door: Door) -> None:
    answers = [
        door.get(path) for path in (*PUBLIC, "/nope", "/confirm/x", "/api/digests", "/api/x")
    ]
    answers += [door.post("/archive"), door.client.post("/subscribe", content=b"x" * 70_000)]
    answers += [door.client.request("TRACE", "/"), door.client.options("/")]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; form-action 'self'")
        assert "unsafe" not in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers


def test_pages_of_one_person_are_kept_by_nobody(door: Door) -> None:
    for path in [*private(door), "/confirm/nonsense"]:
        answer = door.get(path)
        assert answer.headers["cache-control"] == "no-store", path
        assert answer.headers["x-robots-tag"] == "noindex", path
        assert '<meta name="robots" content="noindex">' in answer.text
    assert "no-store" not in door.get(ISSUE).headers.get("cache-control", "")


def test_opening_pages_changes_nothing(door: Door) -> None:
    pages = [*PUBLIC, *private(door), "/samples/feed.xml"]
    before = door.rows()
    for path in pages:
        assert door.get(path).status_code == 200
        head = door.client.head(path)
        assert (head.status_code, head.content) == (200, b""), path
    assert door.rows() == before


def test_what_is_not_there_says_so_and_shows_a_way_on(door: Door) -> None:
    for path in ("/nope", "/nope/", "/samples/2026-03-03", f"/quiet/{SLOT}", "/samples/a/b"):
        answer = door.get(path)
        assert answer.status_code == 404, path
        assert "There is no such page." in answer.text
        assert 'href="/"' in answer.text
    answer = door.get(f"/confirm/{'a' * 40}")
    assert answer.status_code == 404
    assert 'href="/link"' in answer.text


def test_a_method_that_is_not_there_names_the_ones_that_are(door: Door) -> None:
    answer = door.post("/archive")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    answer = door.client.put(f"/confirm/{'a' * 40}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


def test_the_home_page_shows_each_digest_and_what_came_last(door: Door) -> None:
    text = door.get("/").text
    assert "Get Samples &amp; more by e-mail" in text
    assert "Get Quiet by e-mail" in text
    assert "The &lt;b&gt;Sample&lt;/b&gt; Group" in text
    assert "<b>" not in text
    assert "weekdays at 08:00 (UTC)" in text
    papers = door.get(f"/api/digests/samples/issues/{SLOT}").json()["papers"]
    assert papers[0]["title"] in text
    assert papers[0]["summary"] in text
    forms = [form for form in Parsed(text).all("form") if form["action"] == "/subscribe"]
    assert len(forms) == 2
    emails = [one for one in Parsed(text).all("input") if one.get("type") == "email"]
    assert len(emails) == 2


def test_an_issue_has_all_its_papers_and_nothing_of_a_reader(door: Door) -> None:
    text = door.get(ISSUE).text
    papers = door.get(f"/api/digests/samples/issues/{SLOT}").json()["papers"]
    places = [text.index(one["summary"]) for one in papers]
    assert places == sorted(places)
    assert not re.search(r"/(unsubscribe|preferences|opinion)/[a-z2-7]{40}", text)


def test_a_draft_is_on_no_page(door: Door) -> None:
    secret = paper("A secret paper", number="2603.99999")
    made = issue([item(secret)], digest="samples", slot="2026-03-04T08:00", made_at=NOW)
    with door.store.write() as connection:
        papers.save(connection, [secret], [], NOW)
        issues.save(connection, replace(made, draft_until=NOW + timedelta(hours=9)))
    for path in ("/", "/archive", "/samples/", "/samples/feed.xml", "/api/digests/samples/issues"):
        answer = door.get(path)
        assert answer.status_code == 200
        assert not re.search("secret|2026-03-04", answer.text), path
    assert door.get("/samples/2026-03-04T08:00").status_code == 404
    assert door.get("/api/digests/samples/issues/2026-03-04T08:00").status_code == 404
    with door.store.write() as connection:
        issues.save(connection, made)
    assert "A secret paper" in door.get("/samples/2026-03-04T08:00").text


def test_the_archive_goes_on_to_older_issues(door: Door) -> None:
    known = paper("Known", number="2603.99999")
    slots = [f"2026-01-{day:02d}T08:{minute:02d}" for day in range(1, 31) for minute in (0, 30)]
    with door.store.write() as connection:
        papers.save(connection, [known], [], NOW)
        for slot in slots:
            issues.save(connection, issue([item(known)], digest="samples", slot=slot))
    first = door.get("/samples/").text
    older = re.search(r'href="(/samples/\?before=[^"]+)"', first)
    assert older
    second = door.get(older[1]).text
    for slot in slots:
        assert (f"/samples/{slot}" in first) != (f"/samples/{slot}" in second)
    assert door.get("/samples/?before=%00'--").status_code == 200


def test_the_feed_is_one_that_readers_take(door: Door) -> None:
    answer = door.get("/samples/feed.xml")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    read = feedparser.parse(answer.content)
    assert (read.bozo, read.version) == (False, "atom10")
    assert read.feed.title == "Samples & more"
    assert read.feed.author == "The <b>Sample</b> Group"
    assert read.feed.updated == "2026-03-03T09:00:00Z"
    (entry,) = read.entries
    assert entry.id == entry.link == f"http://127.0.0.1:8080/samples/{SLOT}"
    assert entry.updated == "2026-03-03T09:00:00Z"
    for one in door.get(f"/api/digests/samples/issues/{SLOT}").json()["papers"]:
        assert one["title"] in entry.content[0].value
    empty = feedparser.parse(door.get("/quiet/feed.xml").content)
    assert (empty.bozo, empty.entries) == (False, [])


def test_a_feed_is_xml_whatever_the_titles_hold() -> None:
    from digest.web.feed import Entry, atom

    bad = "a\x00b\x0b\ud800]]><&"
    entry = Entry(url="http://h/1", title=bad, updated=NOW, papers=[bad])
    made = atom(
        title=bad, author="", home="http://h/", here="http://h/f", language="en", entries=[entry]
    )
    read = feedparser.parse(made)
    assert (read.bozo, len(read.entries)) == (False, 1)


def test_the_privacy_page_says_what_the_configuration_says(open_door: Callable[..., Door]) -> None:
    text = open_door(keep={"unconfirmed_days": 11, "requests_days": 77}).get("/privacy").text
    for words in ("forgotten after 11 days", "kept for 77 days", "papers@example.org"):
        assert words in text
    assert "1 Example Street" in text
    assert "Send me Samples &amp; more by e-mail." in text
    assert "Mail that you send us" not in text


def test_pages_speak_the_language_of_the_configuration(
    open_door: Callable[..., Door], tmp_path: Path
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/texts.de.toml").write_text(
        'language = "de"\n[page.home]\ntitle = "Neue Arbeiten per E-Mail"\n', encoding="utf-8"
    )
    text = open_door(language="de").get("/").text
    assert '<html lang="de"' in text
    assert "Neue Arbeiten per E-Mail" in text
    assert "Subscribe" in text  # what is not translated is English


def test_pages_below_a_folder_of_their_host_link_to_each_other(
    open_door: Callable[..., Door],
) -> None:
    door = open_door(base_url="https://example.org/papers")
    for path in PUBLIC:
        page = Parsed(door.get(path).text)
        links = [
            str(a.get("href") or a.get("action"))
            for tag in ("a", "form", "link")
            for a in page.all(tag)
        ]
        ours = [link for link in links if link.startswith("/")]
        assert ours
        assert all(link.startswith("/papers/") for link in ours)
    answer = door.post("/subscribe", address=ADA, digest="samples")
    assert answer.headers["location"].startswith("/papers/check-mail")


def test_a_digest_cannot_be_called_like_a_page(open_door: Callable[..., Door]) -> None:
    from digest.errors import BadConfig

    with pytest.raises(BadConfig, match=r"\[digests.archive\]: /archive is a page of ours"):
        open_door(digests={"archive": {"topics": ["x"], "sources": ["sample"]}})


def test_all_first_words_of_our_addresses_are_reserved(door: Door) -> None:
    from digest.web import api, asking, choosing, reading, watching
    from digest.web.desk import RESERVED

    routers = [made.routes(door.desk) for made in (api, asking, choosing, reading, watching)]
    firsts = {route.path.split("/")[1] for router in routers for route in router.routes}
    assert firsts - {"", "{digest}"} == RESERVED


def test_a_fault_of_ours_is_an_error_page_that_tells_nothing(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    with door.store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE asks RENAME TO gone")
    form = {"address": ADA, "digest": "samples"}
    page = door.client.post("/subscribe", data=form)
    program = door.client.post("/api/links", json=form)
    assert (page.status_code, program.status_code) == (500, 500)
    assert "it is not your fault" in page.text
    assert list(program.json()) == ["error"]
    for answer in (page, program):
        assert not re.search("Traceback|asks|sqlite", answer.text)
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
    assert [one.message for one in caplog.records] == [
        "POST /subscribe failed",
        "POST /api/links failed",
    ]


def test_a_fault_behind_a_link_is_logged_without_the_link(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    own = door.subscribe()
    with door.store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE consents RENAME TO gone")
    assert door.post(f"/preferences/{own}", hour="7").status_code == 500
    (logged,) = caplog.records
    assert logged.message == "POST /preferences/{token} failed"
    assert own not in caplog.text


def test_what_cannot_be_done_now_says_when_to_come_back(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    asleep = True

    def clock() -> datetime:
        if asleep:
            raise Temporary("the store is busy")
        return NOW

    asleep = False
    app = create_app(Desk(door.config, door.store, clock))
    asleep = True
    with TestClient(app) as client:
        form = {"address": ADA, "digest": "samples"}
        page = client.post("/subscribe", data=form)
        program = client.post("/api/subscriptions", json=form)
    for answer in (page, program):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert answer.headers["cache-control"] == "no-store"
        assert "This cannot be done right now." in answer.text
    assert "<h1>" in page.text
    assert [(one.message, one.exc_info) for one in caplog.records] == [
        ("not now: the store is busy", None)
    ] * 2


def test_a_template_that_is_broken_is_no_fault_of_the_visitor(
    open_door: Callable[..., Door], tmp_path: Path
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/page-archive.html.j2").write_text("{{ nothing.like.it }}")
    door = open_door()
    answer = door.get("/archive")
    assert answer.status_code == 500
    assert "it is not your fault" in answer.text
    assert "nothing.like" not in answer.text


def test_where_no_page_can_be_made_the_answer_is_plain_and_as_guarded(
    open_door: Callable[..., Door], tmp_path: Path
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/page.html.j2").write_text("{{ nothing.like.it }}")
    answer = open_door().get("/")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"


def test_robots_are_kept_from_links_of_readers(door: Door) -> None:
    lines = door.get("/robots.txt").text.splitlines()
    assert "Disallow: /unsubscribe/" in lines
    assert "Disallow: /" not in lines
