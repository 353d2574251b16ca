"""Issue and edition → HTML, Markdown and plain text, by Jinja templates. Pure.

An item is rendered once per format, whoever gets it; an edition is a frame (masthead, sections,
footer) into which those fragments are joined. Every word a reader sees stands in a template.

Text from outside is plain Unicode: HTML templates escape it by themselves, Markdown templates with
the filter `md`; addresses pass only through the filter `link`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from textwrap import fill
from traceback import extract_tb
from typing import Any
from urllib.parse import quote, urlsplit

import css_inline
import nh3
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markdown import markdown
from markupsafe import Markup

from digest.errors import BadTemplate, MailTooLarge
from digest.types import LIKED, LIKENESS, MEANING, Edition, Item, Links, Masthead, Rendered

_IN_WHEEL = Path(__file__).parent / "_templates"
#: The templates we ship: inside the package in a wheel, beside it in a checkout.
BUILT_IN = _IN_WHEEL if _IN_WHEEL.is_dir() else Path(__file__).parent.parent / "templates"

# Source: Gmail clips a message at about 102 KB of HTML and hides the footer with it.
MAX_HTML_BYTES = 102_000
WARN_HTML_BYTES = 90_000

_COLUMNS = 72  #: of plain text
_PICKS, _TOPICS, _REVISIONS = range(3)  # the kinds of sections, in their order
# The last label of a name has a letter, that of an address has none.
_HOST = re.compile(r"([a-z0-9-]+\.)+[a-z0-9-]*[a-z][a-z0-9-]*\.?(:\d+)?", re.IGNORECASE)
_MARKER = re.compile(r"<!--item [^ >]+ \d+-->")

# What Markdown may become in a mail; what a paper's title cannot become in any case.
_TAGS = {"h1", "h2", "h3", "p", "br", "hr", "ul", "ol", "li", "a", "em", "strong", "code", "pre"}
_TAGS |= {"blockquote", "sub", "sup"}

_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, minify_css=True)


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


def environment(folders: Sequence[Path]) -> Environment:
    """Jinja as all our templates expect it; a file in an earlier folder hides the later ones.

    What is in none of the folders comes from `BUILT_IN`.
    """
    made = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([*folders, BUILT_IN]),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,  # all editions of a run come from the same templates
    )
    made.filters.update(
        link=link,
        first_link=first_link,
        md=escape_markdown,
        wrap=wrap,
        excerpt=excerpt,
        reasons=reasons,
    )
    return made


def render_items(items: Iterable[Item], masthead: Masthead, environment: Environment) -> Fragments:
    """Render each item once per format.

    A summary by another than most of them, or than the one asked for, names what made it.

    Raises: BadTemplate
    """
    items = list(items)
    css = _filled(environment, "issue.css", {})
    makers = Counter(item.summary.summarizer for item in items if item.summary.text)
    usual = makers.most_common(1)[0][0] if makers else ""
    return {item: _fragment(item, usual, masthead, environment, css) for item in items}


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
    context = _context(edition, masthead)
    own = [fragments[item] for item in edition.shown]

    def joined(template: str, written: Sequence[str]) -> str:
        sections = _sections(edition.shown, written, masthead.title)
        return _filled(environment, template, context | {"sections": sections})

    in_markdown = joined("issue.md.j2", [fragment.markdown for fragment in own])
    if edition.format == "markdown":
        body = Markup(_html_of_markdown(in_markdown))  # noqa: S704 - cleaned by nh3
        html = _inliner.inline(_filled(environment, "markdown.html.j2", context | {"body": body}))
    else:
        # Only the frame goes through the inliner; the items are put in after it.
        markers = [_marker(edition, place) for place in range(len(own))]
        html_at = {str(marker): item.html for marker, item in zip(markers, own, strict=True)}
        frame = _inliner.inline(joined("issue.html.j2", markers))
        html = _MARKER.sub(lambda found: html_at.get(found[0], ""), frame)
    return Rendered(
        edition=edition.key,
        subject=_filled(environment, "subject.txt.j2", context).strip(),
        html=html,
        markdown=in_markdown,
        text=joined("issue.txt.j2", [fragment.text for fragment in own]),
        warnings=_size_warnings(html) if is_mail and edition.format != "text" else (),
    )


def _fragment(
    item: Item, usual: str, masthead: Masthead, environment: Environment, css: str
) -> Fragment:
    summary = item.summary
    is_odd = bool(summary.text) and (bool(summary.reason) or summary.summarizer != usual)
    context = {
        "item": item,
        "paper": item.paper,
        "masthead": masthead,
        "made_by": summary.summarizer if is_odd else "",
    }
    html = _filled(environment, "item.html.j2", context)
    return Fragment(
        html=_inliner.inline_fragment(html, css),
        markdown=_filled(environment, "item.md.j2", context),
        text=_filled(environment, "item.txt.j2", context),
    )


def _context(edition: Edition, masthead: Masthead) -> dict[str, Any]:
    """What every frame template can use, but the sections."""
    issue, everything = edition.issue, edition.shown + edition.more
    page = f"{masthead.base_url.rstrip('/')}/{quote(issue.digest)}/{quote(issue.slot, safe=':')}"
    return {
        "edition": edition,
        "masthead": masthead,
        "day": date.fromisoformat(issue.slot[:10]),
        "web_url": link(page),
        "titles": [item.paper.title for item in everything[:3]],
        "papers": sum(not item.is_revision for item in edition.shown),
        "papers_in_all": sum(not item.is_revision for item in everything),
        "revised": sum(item.is_revision for item in edition.shown),
        "more": edition.more,
        "summarizers": list(dict.fromkeys(i.summary.summarizer for i in edition.shown)),
        "uses_arxiv": any(a.startswith("arxiv:") for i in everything for a in i.paper.aliases),
    }


def _sections(items: Sequence[Item], written: Sequence[str], title: str) -> list[Section]:
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


def _size_warnings(html: str) -> tuple[str, ...]:
    size = len(html.encode())
    if size > MAX_HTML_BYTES:
        raise MailTooLarge(
            f"the HTML has {size:,} bytes, mail programs clip it at {MAX_HTML_BYTES:,}: "
            "show fewer papers"
        )
    if size > WARN_HTML_BYTES:
        return (f"the HTML has {size:,} bytes, mail programs clip it at {MAX_HTML_BYTES:,}",)
    return ()


# --- templates -----------------------------------------------------------------------------------


def _filled(environment: Environment, template: str, context: Mapping[str, Any]) -> str:
    with _blaming(template):
        return environment.get_template(template).render(context)


@contextmanager
def _blaming(template: str) -> Iterator[None]:
    """Turn whatever goes wrong in a template into BadTemplate, with file and line."""
    try:
        yield
    except Exception as error:  # a template may raise anything: 1 / 0, "a" + 1, ...
        place = _place(error) or template
        problem = error.message if isinstance(error, TemplateError) else repr(error)
        raise BadTemplate(f"{place}: {problem or repr(error)}") from error


def _place(error: Exception) -> str:
    """FILE:LINE of the innermost template that an error came through, or nothing."""
    if filename := getattr(error, "filename", None):
        return f"{filename}:{getattr(error, 'lineno', '?')}"
    # Jinja rewrites tracebacks so that they name templates and their lines.
    frames = [frame for frame in extract_tb(error.__traceback__) if frame.filename.endswith(".j2")]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


# --- filters -------------------------------------------------------------------------------------


def link(url: str) -> str:
    """The address if it is an http(s) one, safe to write in any of the formats; else nothing.

    >>> link(" https://arxiv.org/abs/2401.01234?a=(b) ")
    'https://arxiv.org/abs/2401.01234?a=%28b%29'
    >>> link("javascript:alert(1)"), link("https://arxiv.org@example.org/")
    ('', '')
    """
    try:
        parts = urlsplit(url.strip())
        host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    except ValueError:  # UnicodeError included
        return ""
    # No user name: what stands before an @ looks like the host, and is not.
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host):
        return ""
    # Brackets, quotes, ";" and the like have a meaning in Markdown, HTML entities or plain text.
    rest = quote(parts._replace(scheme="", netloc="").geturl(), safe="/:?#@!$&+,=~%-._")
    return f"{parts.scheme}://{host}{rest}"


def first_link(links: Links) -> str:
    """Where a paper's title leads: its abstract, or else whatever there is."""
    return next(
        filter(None, map(link, (links.abstract, links.pdf, links.code, links.discussion))), ""
    )


def reasons(because: Sequence[str]) -> str:
    """Why a paper is there: the phrases found, a sentence, the papers that somebody liked.

    >>> reasons(["adapters", "small models"])
    'Matches “adapters”, “small models”'
    >>> reasons(["adapters", "like “Tiny Adapters”, which you liked"])
    'Matches “adapters” · like “Tiny Adapters”, which you liked'
    >>> reasons(["like “Tiny Adapters”, which you liked"])
    'Like “Tiny Adapters”, which you liked'
    >>> reasons(["close in meaning: “We fold maps.”"])
    'Close in meaning: “We fold maps.”'
    """
    whole = (LIKENESS, MEANING, LIKED)
    phrases = [reason for reason in because if not reason.startswith(whole)]
    said = [f"Matches “{'”, “'.join(phrases)}”"] if phrases else []
    said += [reason for reason in because if reason.startswith(whole)]
    words = " · ".join(said)
    return words[:1].upper() + words[1:]


def escape_markdown(text: str) -> str:
    r"""Text that stays as it is, on one line, in Markdown and in what becomes of it.

    >>> print(escape_markdown("1. A*-search [in C#] for x < y"))
    1\. A\*-search \[in C\#\] for x &lt; y
    """
    line = re.sub(r"&(?=#?\w+;)", "&amp;", " ".join(text.split()))
    line = re.sub(r"[\\`*_\[\]#]", r"\\\g<0>", line)
    # Python-Markdown knows no backslash before these, nor one before the ] of a reference.
    for mark, entity in (("<", "&lt;"), ("|", "&#124;"), ("~", "&#126;"), ("]:", "]&#58;")):
        line = line.replace(mark, entity)
    return re.sub(r"^(\d*)([-+>.)])", r"\1\\\2", line)  # a list or a quotation


def wrap(text: str, indent: str = "", first: str | None = None) -> str:
    """Lines of at most 72 columns, if no word is longer."""
    start = indent if first is None else first
    return fill(
        " ".join(text.split()),
        _COLUMNS,
        initial_indent=start,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def excerpt(text: str, length: int) -> str:
    """The beginning, cut between words and marked with an ellipsis if anything is left out.

    >>> excerpt("to be or not to be", 9)
    'to be or…'
    """
    if len(text) <= length:
        return text
    cut = text[: length + 1].rsplit(maxsplit=1)[0] if " " in text[:length] else text[:length]
    return cut[:length].rstrip(" ,;:") + "…"
