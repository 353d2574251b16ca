"""Issue and edition → HTML, Markdown and plain text, by Jinja templates. Pure.

An item is rendered once per format, whoever gets it; an edition is a frame (masthead, sections,
footer) into which those fragments are joined. Every word a reader sees stands in a template.

What templates can do stands in `templating`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

import nh3
from jinja2 import Environment
from markdown import markdown
from markupsafe import Markup

from digest.errors import MailTooLarge
from digest.templating import filled, inline, inlined, inlined_fragment, link
from digest.types import Edition, Item, Masthead, Rendered

# Source: Gmail clips a message at about 102 KB of HTML and hides the footer with it.
MAX_HTML_BYTES = 102_000
WARN_HTML_BYTES = 90_000

_PICKS, _TOPICS, _REVISIONS = range(3)  # the kinds of sections, in their order
_MARKER = re.compile(r"<!--item [^ >]+ \d+-->")

# What Markdown may become in a mail; what a paper's title cannot become in any case.
_TAGS = {"h1", "h2", "h3", "p", "br", "hr", "ul", "ol", "li", "a", "em", "strong", "code", "pre"}
_TAGS |= {"blockquote", "sub", "sup"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """One item in every format, ready to be joined."""

    html: str  #: with its CSS in style attributes
    markdown: str
    text: str


#: The fragments of an issue, which all its editions share.
Fragments = Mapping[Item, Fragment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What a frame template gets for each topic."""

    name: str
    items: tuple[str, ...]  #: rendered
    is_picks: bool  #: what editors picked; `name` says nothing then
    is_revisions: bool  #: papers sent before and revised since; nor does it then
    is_headed: bool  #: its name is worth a heading; without one it is what stands behind the picks


# --- the stage -----------------------------------------------------------------------------------


def render_items(items: Iterable[Item], masthead: Masthead, environment: Environment) -> Fragments:
    """Render each item once per format.

    A summary by another than most of them, or than the one asked for, names what made it.

    Raises: BadTemplate
    """
    items = list(items)
    most = usual(items)
    return {item: render_item(item, made_by(item, most), masthead, environment) for item in items}


def usual(items: Iterable[Item]) -> str:
    """What made most of the summaries."""
    makers = Counter(item.summary.summarizer for item in items if item.summary.text)
    return makers.most_common(1)[0][0] if makers else ""


def made_by(item: Item, usual: str) -> str:
    """What made its summary where a reader should know; else empty."""
    summary = item.summary
    is_odd = bool(summary.text) and (bool(summary.reason) or summary.summarizer != usual)
    return summary.summarizer if is_odd else ""


def render_item(item: Item, made_by: str, masthead: Masthead, environment: Environment) -> Fragment:
    """Render one item.

    Raises: BadTemplate
    """
    context = {"item": item, "paper": item.paper, "masthead": masthead, "made_by": made_by}
    html = filled(environment, "item.html.j2", context)
    return Fragment(
        html=inlined_fragment(html, filled(environment, "issue.css", {})),
        markdown=filled(environment, "item.md.j2", context),
        text=filled(environment, "item.txt.j2", context),
    )


def render(
    edition: Edition,
    masthead: Masthead,
    environment: Environment,
    fragments: Fragments,
    *,
    is_mail: bool = True,
) -> Rendered:
    """Join the fragments of an edition's items into its frames.

    The HTML of a Markdown edition is made from the Markdown, as its mail needs it. What is no
    mail, but a page, may be of any length.

    Raises: BadTemplate; MailTooLarge (show fewer papers, and try again)
    """
    around = context(edition, masthead)
    own = [fragments[item] for item in edition.shown]

    def joined(template: str, written: Sequence[str]) -> str:
        grouped = sections(edition.shown, written, masthead.title)
        return filled(environment, template, around | {"sections": grouped})

    in_markdown = joined("issue.md.j2", [fragment.markdown for fragment in own])
    if edition.format == "markdown":
        body = Markup(_html_of_markdown(in_markdown))  # noqa: S704 - cleaned by nh3
        html = inlined(environment, "markdown.html.j2", around | {"body": body})
    else:
        # Only the frame goes through the inliner; the items are put in after it.
        markers = [_marker(edition, place) for place in range(len(own))]
        html_at = {str(marker): item.html for marker, item in zip(markers, own, strict=True)}
        frame = inline(joined("issue.html.j2", markers))
        html = _MARKER.sub(lambda found: html_at.get(found[0], ""), frame)
    return Rendered(
        edition=edition.key,
        subject=filled(environment, "subject.txt.j2", around).strip(),
        html=html,
        markdown=in_markdown,
        text=joined("issue.txt.j2", [fragment.text for fragment in own]),
        warnings=size_warnings(len(html.encode())) if is_mail and edition.format != "text" else (),
    )


def context(edition: Edition, masthead: Masthead) -> dict[str, Any]:
    """What every frame template can use, but the sections."""
    issue, everything = edition.issue, edition.shown + edition.more
    page = f"{masthead.base_url.rstrip('/')}/{quote(issue.digest)}/{quote(issue.slot, safe=':')}"
    return {
        "edition": edition,
        "masthead": masthead,
        "day": date.fromisoformat(issue.slot[:10]),
        "web_url": link(page),
        "language": edition.language,
        "preheader": preheader(edition),
        "papers": sum(not item.is_revision for item in edition.shown),
        "papers_in_all": sum(not item.is_revision for item in everything),
        "revised": sum(item.is_revision for item in edition.shown),
        "more": edition.more,
        "summarizers": list(dict.fromkeys(i.summary.summarizer for i in edition.shown)),
        "uses_arxiv": any(a.startswith("arxiv:") for i in everything for a in i.paper.aliases),
    }


def preheader(edition: Edition) -> str:
    """What mail programs show beside the subject."""
    titles = [item.paper.title for item in (*edition.shown[:3], *edition.more[:3])]
    return " · ".join(titles[:3])


def sections(items: Sequence[Item], written: Sequence[str], title: str) -> list[Section]:
    """Group what was written of the items: picks, topics in order of appearance, revisions."""
    groups: dict[tuple[int, str], list[str]] = {}
    for item, text in zip(items, written, strict=True):
        kind = _REVISIONS if item.is_revision else _PICKS if item.is_pick else _TOPICS
        key = (kind, item.section if kind == _TOPICS else "")
        groups.setdefault(key, []).append(text)
    is_obvious = list(groups) == [(_TOPICS, title)]
    has_picks = (_PICKS, "") in groups
    return [
        Section(
            name=name[:1].upper() + name[1:],
            items=tuple(texts),
            is_picks=kind == _PICKS,
            is_revisions=kind == _REVISIONS,
            # A digest of whole categories has no topics to name.
            is_headed=kind != _TOPICS or has_picks or bool(name and not is_obvious),
        )
        for (kind, name), texts in sorted(groups.items(), key=lambda group: group[0][0])
    ]


def _marker(edition: Edition, place: int) -> Markup:
    # The key, a hash of all the text there is, keeps the text from containing a marker.
    return Markup("<!--item {} {}-->").format(edition.key, place)


def _html_of_markdown(text: str) -> str:
    return nh3.clean(
        markdown(text, output_format="html"),
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
    )


def size_warnings(size: int) -> tuple[str, ...]:
    """What to say of so many bytes of HTML.

    Raises: MailTooLarge
    """
    if size > MAX_HTML_BYTES:
        raise MailTooLarge(
            f"the HTML has {size:,} bytes, mail programs clip it at {MAX_HTML_BYTES:,}: "
            "show fewer papers"
        )
    if size > WARN_HTML_BYTES:
        return (f"the HTML has {size:,} bytes, mail programs clip it at {MAX_HTML_BYTES:,}",)
    return ()
