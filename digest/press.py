"""Editions of one issue → letters, where each reader may have an edition of her own. Pure.

What `render` and `mail` make of an edition takes milliseconds, and nearly all of it was made for
another edition already. Here items are rendered, encoded and cut once; so are frames, with markers
in them for what differs from reader to reader. The bytes are those of the slow way, which is still
gone where that cannot be promised: with frames of the operator's own, which may do anything with
what they get, and for Markdown, whose HTML is made of the whole text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment
from markupsafe import Markup, escape

from digest import dkim, render
from digest.mail import Letter, letter, prepare
from digest.mail.body import Cut, cut, joined, quoted, whole
from digest.templating import BUILT_IN, excerpt, filled, inline, inlined_fragment
from digest.types import Edition, Issue, Item, Links, Masthead

_FRAMES = (
    "issue.html.j2",
    "issue.txt.j2",
    "issue.css",
    "mail.html.j2",
    "subject.txt.j2",
    "words.j2",
)
_MOST = 4000  #: kept of a kind; past it they are made again
_SHOWN = 40  #: of what is past the cap, as the frames have it
_PREHEADER = 140  #: letters of it, as the frames have it

Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class _Piece:
    """Something rendered that many editions have."""

    html: Cut
    text: Cut
    html_bytes: int  #: before it was encoded


@dataclass(frozen=True, slots=True)
class _Slot:
    """A place in a frame."""

    kind: str  #: "section", "more" or "preheader"
    number: int = 0  #: of the section
    before: str = ""  #: on the line of the preheader
    after: str = ""


@dataclass(frozen=True, slots=True)
class _Frame:
    """What stands around the items, in the order of the mail."""

    subject: str
    html: tuple[Cut | _Slot, ...]
    text: tuple[Cut | _Slot, ...]
    html_bytes: int
    lists_more: bool


class _Unlike(Exception):
    """A template or fragment is not of the form that allows the fast way."""


class Press:
    """Makes the letters of one issue."""

    def __init__(
        self,
        masthead: Masthead,
        environment: Environment,
        made_at: datetime,
        placeholders: Sequence[str] = (),
        signer: dkim.Signer | None = None,
    ) -> None:
        self._masthead, self._environment = masthead, environment
        self._made_at, self._signer = made_at, signer
        self._placeholders = tuple(placeholders)
        self._fragments: dict[tuple[Item, str], render.Fragment] = {}
        self._items: dict[tuple[Item, str], _Piece] = {}
        self._more: dict[Item, _Piece] = {}
        self._frames: dict[tuple[object, ...], _Frame] = {}
        self.is_quick = _is_ours(environment)  #: are all frames those that come with us?

    def letter(self, edition: Edition) -> Letter:
        """An edition as a letter.

        Raises: BadTemplate, BadConfig, MailTooLarge
        """
        usual = render.usual([*edition.shown, *edition.more])
        if self.is_quick and edition.format != "markdown":
            try:
                return self._fast(edition, usual)
            except _Unlike:
                self.is_quick = False
        return self._slow(edition, usual)

    def _slow(self, edition: Edition, usual: str) -> Letter:
        fragments = {item: self._fragment(item, usual) for item in edition.shown}
        return prepare(
            render.render(edition, self._masthead, self._environment, fragments),
            self._masthead,
            self._made_at,
            edition.format,
            placeholders=self._placeholders,
            signer=self._signer,
        )

    def _fast(self, edition: Edition, usual: str) -> Letter:
        pieces: list[Any] = [self._item(item, usual) for item in edition.shown]
        sections = render.sections(edition.shown, pieces, self._masthead.title)
        frame = self._frame(edition, sections)
        more = self._entries(edition.more[:_SHOWN]) if frame.lists_more else []
        preheader = _serialized(excerpt(render.preheader(edition), _PREHEADER))

        def parts(slots: Sequence[Cut | _Slot], kind: str) -> Iterator[Cut]:
            for slot in slots:
                if isinstance(slot, Cut):
                    yield slot
                elif slot.kind == "preheader":
                    yield self._cut(slot.before + preheader + slot.after)
                else:
                    found: Any = more if slot.kind == "more" else sections[slot.number].items
                    for piece in found:
                        yield getattr(piece, kind)

        kinds = [(frame.text, "text")]
        if edition.format == "html":
            kinds.append((frame.html, "html"))
            size = frame.html_bytes + len(preheader.encode())
            render.size_warnings(size + sum(piece.html_bytes for piece in [*pieces, *more]))
        return letter(
            [joined(parts(slots, kind)) for slots, kind in kinds],
            frame.subject,
            self._masthead,
            self._made_at,
            edition.format,
            signer=self._signer,
        )

    def _cut(self, text: str) -> Cut:
        return cut(quoted(text), self._placeholders)

    # --- what is made once -----------------------------------------------------------------------

    def _fragment(self, item: Item, usual: str) -> render.Fragment:
        key = item, render.made_by(item, usual)
        return _kept(
            self._fragments,
            key,
            lambda: render.render_item(item, key[1], self._masthead, self._environment),
        )

    def _item(self, item: Item, usual: str) -> _Piece:
        key = item, render.made_by(item, usual)
        return _kept(self._items, key, lambda: self._piece(self._fragment(item, usual)))

    def _piece(self, of: render.Fragment) -> _Piece:
        for text in (of.html, of.text):
            if not text.endswith("\n"):
                raise _Unlike
        return _Piece(self._cut(of.html), self._cut(of.text), len(of.html.encode()))

    def _entries(self, items: Sequence[Item]) -> list[_Piece]:
        """The lines of papers past the cap."""
        found = [self._more.get(item) for item in items]
        if None in found:
            _kept_few(self._more)
            missing = [item for item in items if item not in self._more]
            self._more.update(self._listed(list(dict.fromkeys(missing))))
            found = [self._more.get(item) for item in items]
        return [piece for piece in found if piece]

    def _listed(self, items: Sequence[Item]) -> dict[Item, _Piece]:
        """Frames that list these papers, each between two that are known when seen again."""
        key = sha256(repr(items).encode()).hexdigest()[:16]
        marked = [_named(items[0], f"{key}-{place:04}-") for place in range(len(items) + 2)]
        listed = marked[:2]
        for item, after in zip(items, marked[2:], strict=True):
            listed += (item, after)
        issue = Issue(digest="x", slot="2000-01-01", title="", made_at=self._made_at, items=())
        edition = Edition(key=key, issue=issue, shown=(), more=())
        context = render.context(edition, replace(self._masthead, base_url=""))
        context |= {"more": _Listed(listed, len(listed)), "sections": []}
        html = inline(filled(self._environment, "issue.html.j2", context))
        text = filled(self._environment, "issue.txt.j2", context)
        titles = [one.paper.title for one in marked]
        return {
            item: self._piece(render.Fragment(html=in_html, markdown="", text=in_text))
            for item, in_html, in_text in zip(
                items, _between(html, titles), _between(text, titles), strict=True
            )
        }

    def _frame(self, edition: Edition, sections: Sequence[render.Section]) -> _Frame:
        context = render.context(edition, self._masthead)
        heads = [(one.name, one.is_picks, one.is_revisions, one.is_headed) for one in sections]
        key = (
            edition.issue.id,
            edition.language,
            edition.format,
            edition.is_welcome,
            len(edition.more),
            *(context[name] for name in ("papers", "papers_in_all", "revised", "uses_arxiv")),
            tuple(context["summarizers"]),
            tuple(heads),
        )
        return _kept(self._frames, key, lambda: self._framed(edition, context, sections, key))

    def _framed(
        self,
        edition: Edition,
        context: dict[str, Any],
        sections: Sequence[render.Section],
        key: tuple[object, ...],
    ) -> _Frame:
        # A hash of all the text there is in a frame: no text contains it.
        mark = sha256(repr((key, self._masthead)).encode()).hexdigest()[:24]
        titles = [f"{mark}-more-{place}-" for place in range(2)]
        context = context | {"preheader": f"{mark}-preheader-"}
        if edition.more:
            named = [_named(edition.more[0], title) for title in titles]
            context["more"] = _Listed(named, len(edition.more))

        def written(template: str, marker: Callable[[str], str]) -> str:
            places = [
                replace(one, items=(marker(f"{mark}-item-{n}-"),)) for n, one in enumerate(sections)
            ]
            return filled(self._environment, template, context | {"sections": places})

        html = ""
        if edition.format == "html":
            html = inline(written("issue.html.j2", lambda name: Markup("<!--{}-->").format(name)))
        text = written("issue.txt.j2", str)
        in_html = self._slots(html, mark, titles) if html else []
        subject = filled(self._environment, "subject.txt.j2", context).strip()
        in_text = self._slots(text, mark, titles)
        return _Frame(
            subject=subject,
            html=tuple(slot for slot, _ in in_html),
            text=tuple(slot for slot, _ in in_text),
            html_bytes=sum(size for _, size in in_html),
            lists_more=any(isinstance(one, _Slot) and one.kind == "more" for one, _ in in_text),
        )

    def _slots(self, text: str, mark: str, titles: Sequence[str]) -> list[tuple[Cut | _Slot, int]]:
        """A frame cut at its markers, with the bytes of each piece before it is encoded."""
        found: list[tuple[Cut | _Slot, int]] = []
        end = 0
        for start, stop, slot in _marked(text, mark, titles):
            # Each line is encoded by itself only if each piece ends with its line.
            if start and text[start - 1] != "\n" and start != end:
                raise _Unlike
            if start > end:
                found.append((self._cut(text[end:start]), len(text[end:start].encode())))
            found.append((slot, len((slot.before + slot.after).encode())))
            end = stop
        rest = text[end:]
        if not rest.strip():
            raise _Unlike
        found.append((cut(whole(rest), self._placeholders), len(rest.encode())))
        return found


class _Listed(Sequence[Item]):
    """Some papers in the place of many."""

    def __init__(self, items: Sequence[Item], length: int) -> None:
        self._items, self._length = items, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: Any) -> Any:
        return self._items if isinstance(place, slice) else self._items[place]


def _named(like: Item, title: str) -> Item:
    paper = replace(like.paper, title=title, links=Links())
    return replace(like, paper=paper)


def _marked(text: str, mark: str, titles: Sequence[str]) -> list[tuple[int, int, _Slot]]:
    """Where something is to be put in: start, end, what."""
    found = [
        (one.start(), one.end(), _Slot("section", int(one[1])))
        for one in re.finditer(rf"(?:<!--)?{mark}-item-(\d+)-(?:-->)?", text)
    ]
    name = f"{mark}-preheader-"
    if (at := text.find(name)) >= 0:
        start, stop = _line_of(text, at)
        line = _Slot("preheader", before=text[start:at], after=text[at + len(name) : stop])
        found.append((start, stop, line))
    if titles[0] in text:
        first, second = (_line_of(text, text.index(title))[0] for title in titles)
        found.append((first, second + second - first, _Slot("more")))
    return sorted(found, key=lambda one: one[0])


def _between(text: str, titles: Sequence[str]) -> list[str]:
    """What stands between the lines of titles, of which the first two follow each other."""
    starts = [_line_of(text, text.index(title))[0] for title in titles]
    length = starts[1] - starts[0]
    return [text[at + length : to] for at, to in pairwise(starts[1:])]


def _line_of(text: str, at: int) -> tuple[int, int]:
    end = text.find("\n", at)
    return text.rfind("\n", 0, at) + 1, (end + 1) or len(text)


def _serialized(text: str) -> str:
    """Text as it stands in HTML that went through the inliner."""
    html = inlined_fragment(f"<div>{escape(text)}</div>", "")
    return html.strip("\n").removeprefix("<div>").removesuffix("</div>")


def _is_ours(environment: Environment) -> bool:
    """Are all frames those that come with the program?"""
    names = [environment.get_template(name).filename for name in _FRAMES]
    return all(name and Path(name).parent == BUILT_IN for name in names)


def _kept(kept: dict[Any, Kept], key: object, make: Callable[[], Kept]) -> Kept:
    found = kept.get(key)
    if found is None:
        _kept_few(kept)
        found = kept[key] = make()
    return found


def _kept_few(kept: dict[Any, Any]) -> None:
    if len(kept) >= _MOST:
        kept.clear()
