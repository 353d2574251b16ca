"""The HTML of a mail in a real browser: what a reader sees, not what the source says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from build import edition, item, links, masthead, paper, summary

from digest.render import render, render_items
from digest.templating import environment
from digest.types import Links, Signals

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
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

WORD = "Pneumono" * 25

# Every visible piece of text with its contrast (WCAG 2.1, 1.4.3) against what is behind it.
CONTRASTS = """() => {
  const rgba = text => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b]
    .map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgba(getComputedStyle(e).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    const [a, b] = [rgba(getComputedStyle(element).color), behind(element)]
      .map(luminance).sort((x, y) => y - x);
    found.push([walker.currentNode.data.trim(), (a + 0.05) / (b + 0.05)]);
  }
  return found;
}"""


def html(format: Any = "html") -> str:
    """An edition of what is hard to lay out."""
    shown = [
        item(
            paper(
                "An ordinary title",
                links=Links(
                    **{
                        kind: f"https://example.org/{kind}"
                        for kind in ("abstract", "pdf", "code", "discussion")
                    }
                ),
                signals=Signals(upvotes=48, comments=5, stars=120),
            )
        ),
        item(paper("Very long title " * 19, authors=())),
        item(paper("Sixty authors", authors=tuple(f"Author Number{n}" for n in range(60)))),
        item(paper("מודל שפה קטן", authors=("דנה לוי",)), summary=summary("מודל קטן.")),
        item(
            paper(f"\N{FIRE} {WORD}", authors=(WORD,), categories=(WORD,)),
            because=(WORD,),
            summary=summary(f"{WORD} {WORD}"),
            section=WORD,
        ),
        item(paper("Nothing known", abstract="", links=Links()), summary=summary("")),
        item("Revised", is_revision=True),
    ]
    more = [item(paper(WORD, links=links()))] * 42
    of = edition(shown, more, format=format)
    templates = environment([])
    around = masthead(title=f"Reading {WORD}")
    return render(of, around, templates, render_items(shown, around, templates)).html


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def opened(browser: Any, width: int = 375, scheme: str = "light", format: str = "html") -> Any:
    """The mail, open in a page that notes what it asks for and gets nothing."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.asked_for = []
    page.on("request", lambda request: page.asked_for.append(request.url))
    page.route("**/*", lambda route: route.abort())
    page.set_content(html(format))
    return page


@pytest.mark.parametrize("format", ["html", "markdown"])
@pytest.mark.parametrize("width", [320, 375, 1000])
def test_nothing_is_wider_than_the_screen(browser: Any, width: int, format: str) -> None:
    page = opened(browser, width, format=format)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # A cell can also let its text run over its edge without widening the page.
    assert (
        page.evaluate(
            "[...document.querySelectorAll('td, p, h1, h2, h3, li')]"
            ".filter(e => e.getClientRects().length && e.scrollWidth > e.clientWidth + 1).length"
        )
        == 0
    )


def test_the_column_is_600_wide_and_in_the_middle(browser: Any) -> None:
    box = opened(browser, 1000).locator(".sheet").bounding_box()
    assert (box["x"], box["width"]) == (200, 600)


@pytest.mark.parametrize("format", ["html", "markdown"])
def test_dark_readers_get_a_dark_page(browser: Any, format: str) -> None:
    def colors(scheme: str) -> list[str]:
        return [
            opened(browser, scheme=scheme, format=format)
            .locator(selector)
            .first.evaluate(f"e => getComputedStyle(e).{what}")
            for selector, what in ((".sheet", "backgroundColor"), ("h3", "color"))
        ]

    assert colors("light") == ["rgb(255, 255, 255)", "rgb(31, 30, 27)"]
    assert colors("dark") == ["rgb(26, 29, 31)", "rgb(236, 233, 226)"]


@pytest.mark.parametrize("format", ["html", "markdown"])
@pytest.mark.parametrize("scheme", ["light", "dark", "outlook"])
def test_all_text_stands_out_from_its_background(browser: Any, scheme: str, format: str) -> None:
    """Outlook's dark mode is an attribute on the root, and no media query."""
    page = opened(browser, scheme="light" if scheme == "outlook" else scheme, format=format)
    if scheme == "outlook":
        root = page.locator("html")
        root.evaluate("e => ['data-ogsc', 'data-ogsb'].forEach(a => e.setAttribute(a, ''))")
    found = page.evaluate(CONTRASTS)
    assert len(found) > 30
    assert [text for text, contrast in found if contrast < 4.5] == []


def test_no_request_leaves_the_page(browser: Any) -> None:
    page = opened(browser)
    page.wait_for_load_state("networkidle")
    assert page.asked_for == []


def test_the_preheader_is_not_seen(browser: Any) -> None:
    assert not opened(browser).locator(".preheader").is_visible()


def test_right_to_left_titles_start_at_the_right(browser: Any) -> None:
    title = opened(browser).locator("h3", has_text="מודל")
    assert title.evaluate("e => getComputedStyle(e).direction") == "rtl"


def test_a_link_is_tall_enough_for_a_thumb(browser: Any) -> None:
    """24 CSS pixels: WCAG 2.2, 2.5.8."""
    line = opened(browser).locator(".links").first.bounding_box()
    assert line["height"] >= 24
