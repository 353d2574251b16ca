"""Notice → text: the mails to one person that are no issue. Pure.

Every word stands in `texts.LANGUAGE.toml` beside the templates; nothing that a stranger typed is
among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Environment

from digest.templating import filled, inlined
from digest.types import Masthead, Notice, Rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where a notice leads."""

    main: str = ""  #: what it asks for
    unsubscribe: str = ""
    privacy: str = ""


def notice(
    of: Notice,
    masthead: Masthead,
    links: Links,
    texts: Mapping[str, str],
    environment: Environment,
    *,
    can_reply: bool = False,
) -> Rendered:
    """A notice as text and HTML; `can_reply` where an answer to it is read.

    Raises: BadTemplate
    """

    def said(key: str) -> str:
        words = texts.get(f"notice.{of.kind}.{key}", "")
        return words.replace("{title}", masthead.title).replace("{contact}", masthead.contact)

    reply = said("reply") if can_reply else ""
    context = {
        "masthead": masthead,
        "language": texts["language"],
        "preheader": said("lead"),
        "subject": said("subject"),
        "heading": said("heading"),
        "lead": said("lead").split("\n"),
        "lines": list(of.lines),
        "button": said("button"),
        "links": links,
        "small": [line for line in (*said("small").split("\n"), reply) if line],
        "foot": texts["notice.foot"],
        "leave": texts["notice.leave"],
        "privacy": texts["notice.privacy"],
    }
    return Rendered(
        edition=of.id,
        subject=" ".join(said("subject").split()),
        html=inlined(environment, "notice.html.j2", context),
        markdown="",
        text=filled(environment, "notice.txt.j2", context),
    )
