"""Jinja and CSS as all our templates expect them, and the filters they have.

Text from outside is plain Unicode: HTML templates escape it by themselves, Markdown templates with
the filter `md`; addresses pass only through the filter `link`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import fill
from traceback import extract_tb
from typing import Any
from urllib.parse import quote, urlsplit

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from digest.errors import BadTemplate
from digest.types import LIKED, LIKENESS, MEANING, Links

_IN_WHEEL = Path(__file__).parent / "_templates"
#: The templates we ship: inside the package in a wheel, beside it in a checkout.
BUILT_IN = _IN_WHEEL if _IN_WHEEL.is_dir() else Path(__file__).parent.parent / "templates"

_COLUMNS = 72  #: of plain text
# The last label of a name has a letter, that of an address has none.
_HOST = re.compile(r"([a-z0-9-]+\.)+[a-z0-9-]*[a-z][a-z0-9-]*\.?(:\d+)?", re.IGNORECASE)

_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, minify_css=True)


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


def filled(environment: Environment, template: str, context: Mapping[str, Any]) -> str:
    """What a template makes of its values.

    Raises: BadTemplate
    """
    with _blaming(template):
        return environment.get_template(template).render(context)


def inline(html: str) -> str:
    """HTML with the rules of its style sheet in style attributes, as mail programs need it."""
    return _inliner.inline(html)


def inlined(environment: Environment, template: str, context: Mapping[str, Any]) -> str:
    """The same of what a template makes.

    Raises: BadTemplate
    """
    return inline(filled(environment, template, context))


def inlined_fragment(html: str, css: str) -> str:
    """The same of a piece of a page, with rules from elsewhere."""
    return _inliner.inline_fragment(html, css)


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
