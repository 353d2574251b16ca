"""A person with a browser and a mailbox: subscribes, confirms, chooses, leaves, comes back."""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from door import ADA, SLOT, TABLES, mails, make, token, words
from serving import Serving

from digest.tokens import PATTERN

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH"),
]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
AXE = """axe.run(document, {runOnly: [
    'wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'
]}).then(found => found.violations.map(one => [one.id, one.nodes.map(node => node.html)]))"""
BACKGROUND = {"light": "rgb(245, 243, 238)", "dark": "rgb(18, 20, 21)"}
WITHIN_S = 10  #: seconds for a confirmation or a welcome

TOML = f"""
[operator]
name = "The Sample Group"
address = "{TABLES["operator"]["address"]}"
contact = "papers@example.org"
[limits]
per_network = 1000
[digests.samples]
title = "Samples & more"
topics = ["fine-tuning or small models", "retrieval or question answering"]
sources = ["sample"]
schedule = "weekdays at 08:00"
[digests.quiet]
topics = ["beekeeping"]
sources = ["sample"]
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which an issue is out."""
    folder: Path = tmp_path_factory.mktemp("served")
    make(folder)
    # The samples are of a day long past, and links in mails last half a year from their issue on.
    with sqlite3.connect(folder / "digest.db") as store:
        store.execute(
            "UPDATE issues SET made_at = ?", [f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"]
        )
    store.close()
    (folder / "digest.toml").write_text(TOML, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[Serving]:
    with Serving(home) as running:
        yield running
        said = running.errors().splitlines()
        assert [line for line in said if not line.startswith("digest: INFO ")] == []


@pytest.fixture(scope="module")
def browser(home: Path) -> Iterator[Any]:
    """Begun after the issue was sent: it keeps a loop running in this thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Any, served: Serving) -> Iterator[Callable[..., Any]]:
    """A fresh visitor's page; all that a browser complains of is the test's failure."""
    contexts, complaints, asked_for = [], [], []

    def made(**settings: Any) -> Any:
        context = browser.new_context(base_url=served.url, **settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda said: complaints.append(f"{said.text} {said.location}"))
        page.on("request", lambda request: asked_for.append(request.url))
        return page

    yield made
    cookies = [cookie for context in contexts for cookie in context.cookies()]
    for context in contexts:
        context.close()
    # It also complains where it is told that what was typed is wrong.
    assert [one for one in complaints if "status of 422" not in one] == []
    assert cookies == []
    assert {url for url in asked_for if not url.startswith(served.url)} == set()


def next_mail(home: Path, to: str, kind: str, known: int = 0) -> EmailMessage:
    """The mail that comes, within ten seconds, with a link to a page of some kind."""
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        found = [mail for mail in mails(home / "outbox", to) if f"/{kind}/" in words(mail)]
        if len(found) > known:
            return found[-1]
        time.sleep(0.1)
    raise AssertionError(f"no mail with a link to {kind} came within {WITHIN_S} s")


def first_link(mail: EmailMessage) -> str:
    """What somebody clicks who reads the mail."""
    html = mail.get_body(("html",))
    assert isinstance(html, EmailMessage)
    link = re.search(r'href="(http[^"]+)"', html.get_content())
    assert link
    return link[1]


def test_a_person_subscribes_chooses_leaves_and_comes_back(
    visit: Callable[..., Any], home: Path
) -> None:
    """Without any script, and with the policy of the pages in force."""
    to = ADA
    page = visit(java_script_enabled=False)
    page.goto("/")
    box = page.locator("form").filter(has_text="Samples & more")
    box.get_by_label("Your e-mail address").fill(to)
    box.get_by_role("button", name="Subscribe").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Check your mail"

    page.goto(first_link(next_mail(home, to, "confirm")))
    assert to in page.locator("main").inner_text()
    page.get_by_role("button", name="Yes, subscribe me").click()
    assert "You are subscribed" in page.get_by_role("heading", level=1).inner_text()

    issue = next_mail(home, to, "unsubscribe")
    assert issue["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "the latest issue" in words(issue)

    page.get_by_role("link", name="Choose topics, days and format").click()
    page.get_by_label("Topics of your own").fill("sparse attention\nprotein folding")
    page.get_by_label("How often").select_option("weekly")
    page.get_by_label("A weekly mail comes on").select_option("fri")
    page.get_by_label("Time zone").fill("Europe/Atlantis")
    page.get_by_role("button", name="Save").click()
    assert "Atlantis" in page.get_by_role("alert").inner_text()
    page.get_by_label("Time zone").fill("Europe/Paris")
    page.get_by_role("button", name="Save").click()
    assert page.get_by_role("status").inner_text() == "Saved."
    page.reload()
    assert page.get_by_label("Topics of your own").input_value().split("\n")[1] == "protein folding"
    assert page.get_by_label("How often").input_value() == "weekly"

    page.goto(f"/unsubscribe/{token('unsubscribe', issue)}")
    page.get_by_role("button", name="Unsubscribe").click()
    assert page.get_by_role("heading", level=1).inner_text() == "You are unsubscribed"

    page.get_by_role("link", name="That was a mistake").click()
    page.get_by_label("Your e-mail address").fill(to)
    page.get_by_role("button", name="Subscribe").click()
    page.goto(first_link(next_mail(home, to, "confirm", known=1)))
    page.get_by_role("button", name="Yes, subscribe me").click()
    assert "You are subscribed" in page.get_by_role("heading", level=1).inner_text()


def test_a_wrong_address_is_shown_with_the_reason_beside_it(visit: Callable[..., Any]) -> None:
    page = visit()
    page.goto("/")
    box = page.locator("form").filter(has_text="Quiet")
    box.get_by_label("Your e-mail address").fill("ada@example")  # fine for a browser
    box.get_by_role("button", name="Subscribe").click()
    field = page.get_by_label("Your e-mail address")
    assert field.input_value() == "ada@example"
    why = page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()
    assert "this is not an e-mail address" in why


def test_the_keyboard_alone_is_enough_and_shows_where_it_is(visit: Callable[..., Any]) -> None:
    page = visit()
    page.goto("/quiet/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to what the page is about")
    assert skip.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "address"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.type("keys@example.org")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Check your mail").wait_for()


@pytest.fixture(scope="module")
def own(browser: Any, served: Serving, home: Path) -> dict[str, str]:
    """A page of every kind."""
    to = "axe@example.org"
    page = browser.new_page(base_url=served.url)
    request = page.context.request

    def subscribe(address: str) -> str:
        request.post("/subscribe", form={"address": address, "digest": "samples"})
        return token("confirm", next_mail(home, address, "confirm"))

    waits = subscribe("waits@example.org")
    confirm = subscribe(to)
    text = request.post(f"/confirm/{confirm}").text()
    link = re.search(rf"/preferences/({PATTERN})", text)
    assert link
    preferences = link[1]
    issue = next_mail(home, to, "unsubscribe")
    request.post(f"/move/{preferences}", form={"address": "moves@example.org"})
    moves = token("address", next_mail(home, "moves@example.org", "address"))
    opinion = re.search(rf"/opinion/{PATTERN}\?paper=[^&]+&(amp;)?like=1", str(html_of(issue)))
    assert opinion
    page.close()
    return {
        "home": "/",
        "archive": "/archive",
        "digest": "/samples/",
        "issue": f"/samples/{SLOT}",
        "privacy": "/privacy",
        "snippet": "/snippet",
        "link": "/link",
        "subscribe": "/subscribe?digest=samples",
        "check": "/check-mail?digest=samples",
        "confirm": f"/confirm/{waits}",
        "confirmed": f"/confirm/{confirm}",
        "preferences": f"/preferences/{preferences}",
        "move": f"/move/{preferences}",
        "leave": f"/leave/{preferences}",
        "erase": f"/erase/{preferences}",
        "unsubscribe": f"/unsubscribe/{token('unsubscribe', issue)}",
        "address": f"/address/{moves}",
        "opinion": opinion[0].replace("&amp;", "&"),
        "no link": "/confirm/nonsense",
        "no page": "/no-such-page",
    }


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


def test_the_policy_of_the_pages_hinders_nothing_of_theirs(
    visit: Callable[..., Any], own: dict[str, str]
) -> None:
    page = visit()
    for name, path in own.items():
        if not name.startswith("no "):
            page.goto(path)
            weight = page.evaluate("getComputedStyle(document.querySelector('.site')).fontWeight")
            assert weight == "600", name


def test_no_page_keeps_anybody_out_or_is_wider_than_the_screen(
    browser: Any, served: Serving, own: dict[str, str]
) -> None:
    axe = Path(__import__("axe_playwright_python").__file__).with_name("axe.min.js").read_text()
    # The policy of the pages lets no script in, so that it has to be off for this one.
    context = browser.new_context(base_url=served.url, bypass_csp=True)
    page = context.new_page()
    faults: dict[tuple[str, int, str], Any] = {}
    for name, path in {**own, "wrong": own["preferences"]}.items():
        page.goto(path)
        if name == "wrong":
            page.get_by_label("Time zone").fill("nowhere")
            page.get_by_role("button", name="Save").click()
        page.evaluate(axe)
        for width in (375, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                background = page.evaluate("getComputedStyle(document.body).backgroundColor")
                assert background == BACKGROUND[scheme]
                if found := page.evaluate(AXE):
                    faults[name, width, scheme] = found
            if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
                faults[name, width, "wide"] = wide
    context.close()
    assert faults == {}
