"""Entries → papers: one per work, with what every source knows of it. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from digest.types import Entry, Links, Listing, Merge, Paper, Signals

# What a feed may fill a mail with. Real titles and abstracts are far below, and ATLAS has 3,000
# authors.
TITLE_CHARACTERS = 500
ABSTRACT_CHARACTERS = 10_000
AUTHORS = 5_000
NAME_CHARACTERS = 200
#: A title of fewer words ("Discussion", "Reply") says too little to tell a work by.
TITLE_WORDS = 4
_STRONG = ("arxiv:", "doi:")
#: An arXiv number as people write it: alone, or in the address of its page.
_ARXIV = re.compile(
    r"(?:arxiv:\s*|https?://(?:www\.)?arxiv\.org/(?:abs|pdf|html)/)?"
    r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?(?:\.pdf)?",
    re.IGNORECASE,
)
_DOI = re.compile(r"(?:doi:\s*|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_ARXIV_DOI = re.compile(r"doi:10\.48550/arxiv\.(\S+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduped:
    """What changes in the store."""

    papers: tuple[Paper, ...]  #: new and changed ones, in the order of the entries
    merges: tuple[Merge, ...]  #: stored papers that turned out to be one
    new: frozenset[str]  #: ids of the papers the store did not have


def aliases(entry: Entry) -> tuple[str, ...]:
    """All names under which the work may be known, the entry's own first.

    Besides ids: title and first author, and title and abstract, for feeds that give no ids.
    """
    own = [_ARXIV_DOI.sub(r"arxiv:\1", alias) for alias in entry.aliases]
    title = _letters(entry.title)
    if len(entry.title.split()) >= TITLE_WORDS:
        if entry.authors:
            own.append("title:" + _digest(title, _surname(entry.authors[0])))
        if entry.abstract:
            own.append("text:" + _digest(title, _letters(entry.abstract)))
    return tuple(dict.fromkeys(own))


def aliases_of(words: str) -> tuple[str, ...]:
    """The names that an id as people write it may stand for.

    >>> aliases_of("arXiv:2606.00001v2"), aliases_of("https://doi.org/10.5555/X.1")
    (('arxiv:2606.00001',), ('doi:10.5555/x.1',))
    >>> aliases_of("hep-th/9901001"), aliases_of("title:0123")
    (('arxiv:hep-th/9901001',), ('title:0123', 'link:title:0123'))
    """
    given = words.strip()
    if found := _ARXIV.fullmatch(given):
        return (f"arxiv:{found[1]}",)
    if found := _DOI.fullmatch(given):
        return (_ARXIV_DOI.sub(r"arxiv:\1", f"doi:{found[1].lower()}"),)
    return (given, f"link:{given}")


def dedupe(entries: Iterable[Entry], known: Mapping[str, Paper]) -> Deduped:
    """Merge entries into the papers that `known` (alias → stored paper) has, or into new ones.

    Which papers come out does not depend on the order of the entries. Two papers whose ids
    contradict each other are never merged, whatever a third one claims.
    """
    work = _Work(by_alias=dict(known))
    # Those with an id first, so that a paper is known by it and not by some feed's link.
    for entry in sorted(entries, key=lambda e: not e.aliases[0].startswith(_STRONG)):
        work.add(entry)
    return Deduped(
        papers=tuple(work.changed.values()),
        merges=tuple(work.merges),
        new=frozenset(work.changed.keys() & work.made),
    )


@dataclass(slots=True)
class _Work:
    by_alias: dict[str, Paper]
    changed: dict[str, Paper] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    merges: list[Merge] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        names = aliases(entry)
        paper = _paper(entry, names)
        homes = {p.id: p for name in names if (p := self.by_alias.get(name))}
        agreeing = [p for p in homes.values() if _is_same_work(paper, p)]
        if not agreeing:
            free = tuple(n for n in names if n not in self.by_alias)
            if free:
                self._keep(replace(paper, id=free[0], aliases=free), is_new=True)
            return
        survivor = self._join(agreeing)
        self._keep(_merged(survivor, paper, self.by_alias), is_new=False)

    def _join(self, papers: list[Paper]) -> Paper:
        """One paper out of several that an entry's aliases name."""
        # Those the store has come first: what was delivered stays under the id it has.
        papers.sort(key=lambda p: (p.id in self.made, p.id))
        survivor = papers[0]
        for loser in papers[1:]:
            if _contradicts(survivor.aliases, loser.aliases):
                continue
            survivor = _merged(survivor, loser, {})
            self.changed.pop(loser.id, None)
            if loser.id not in self.made:
                self.merges.append(Merge(loser=loser.id, survivor=survivor.id))
            self.made.discard(loser.id)
        return survivor

    def _keep(self, paper: Paper, *, is_new: bool) -> None:
        if is_new:
            self.made.add(paper.id)
        if paper != self.by_alias.get(paper.aliases[0]):
            self.changed[paper.id] = paper
        for name in paper.aliases:
            self.by_alias[name] = paper


def _paper(entry: Entry, names: tuple[str, ...]) -> Paper:
    is_revision = entry.announce in ("replace", "replace-cross")
    listing = Listing(
        source=entry.source,
        announce=entry.announce,
        listed_on=entry.listed_on,
        revised_on=entry.announced_on if is_revision else None,
    )
    return Paper(
        id=names[0],
        aliases=names,
        title=_cut(entry.title, TITLE_CHARACTERS),
        abstract=_cut(entry.abstract, ABSTRACT_CHARACTERS),
        authors=tuple(_cut(name, NAME_CHARACTERS) for name in entry.authors[:AUTHORS]),
        categories=entry.categories[:20],
        announced_on=entry.announced_on,
        version=entry.version,
        links=entry.links,
        signals=entry.signals,
        listings=(listing,),
    )


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"


def _merged(old: Paper, new: Paper, taken: Mapping[str, Paper]) -> Paper:
    """`old` with what `new` adds. Aliases that another paper holds stay there."""
    extra = tuple(n for n in new.aliases if taken.get(n, old).id == old.id)
    text, other = (new, old) if _rank(new) > _rank(old) else (old, new)
    return replace(
        old,
        aliases=tuple(dict.fromkeys(old.aliases + extra)),
        title=text.title,
        abstract=text.abstract or other.abstract,
        authors=text.authors or other.authors,
        categories=text.categories or other.categories,
        announced_on=min(old.announced_on, new.announced_on),
        version=max(filter(None, (old.version, new.version)), default=None),
        links=_links(text.links, other.links),
        signals=_signals(old.signals, new.signals),
        listings=_listings(old.listings, new.listings),
    )


def _rank(paper: Paper) -> tuple[int, int, int, str, str]:
    """Whose words count: the archive's before a list's before any feed's, then the newest."""
    standing = 2 * bool(paper.categories) + any(a.startswith(_STRONG) for a in paper.aliases)
    return (standing, paper.version or 0, len(paper.abstract), paper.abstract, paper.title)


def _links(first: Links, second: Links) -> Links:
    return Links(
        abstract=first.abstract or second.abstract,
        pdf=first.pdf or second.pdf,
        code=first.code or second.code,
        discussion=first.discussion or second.discussion,
    )


def _signals(old: Signals, new: Signals) -> Signals:
    """The newer count, where there is one: votes can be taken back."""
    return Signals(
        upvotes=old.upvotes if new.upvotes is None else new.upvotes,
        comments=old.comments if new.comments is None else new.comments,
        stars=old.stars if new.stars is None else new.stars,
    )


def _listings(old: tuple[Listing, ...], new: tuple[Listing, ...]) -> tuple[Listing, ...]:
    """One per source. The first day of listing stays, the last revision counts."""
    by_source = {one.source: one for one in old}
    for one in new:
        had = by_source.get(one.source, one)
        revisions = [day for day in (had.revised_on, one.revised_on) if day]
        is_first = had.listed_on is None and one.listed_on is not None
        by_source[one.source] = replace(
            had,
            announce=one.announce if is_first else had.announce,
            listed_on=had.listed_on or one.listed_on,
            revised_on=max(revisions, default=None),
        )
    return tuple(by_source[source] for source in sorted(by_source))


def _is_same_work(one: Paper, two: Paper) -> bool:
    """Two papers with an alias in common: is it enough?

    Ids and text are. A link or a feed's own id is not when the titles have little in common:
    there are feeds in which every entry has the same.
    """
    if _contradicts(one.aliases, two.aliases):
        return False
    shared = set(one.aliases) & set(two.aliases)
    if any(name.startswith((*_STRONG, "title:", "text:", "entry:")) for name in shared):
        return True
    a, b = (set(paper.title.casefold().split()) for paper in (one, two))
    return 2 * len(a & b) >= max(len(a), len(b))


def _contradicts(one: Iterable[str], two: Iterable[str]) -> bool:
    """Do they carry different arXiv ids, or different DOIs and no arXiv id in common?

    A work may have a DOI as a preprint and another in a journal; it has one arXiv id.
    """
    mine, theirs = set(one), set(two)
    for kind in _STRONG:
        a = {name for name in mine if name.startswith(kind)}
        b = {name for name in theirs if name.startswith(kind)}
        if a and b:
            return not a & b
    return False


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in folded if c.isalnum())


def _surname(name: str) -> str:
    """The last word, or what stands before a comma."""
    last = name.partition(",")[0] if "," in name else name.rpartition(" ")[2]
    return _letters(last)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
