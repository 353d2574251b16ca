"""Why somebody got a paper, or did not: one answer for each digest she has or had.

Each answer is asked of the functions that decided it; nothing is decided here, and nothing written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from textwrap import fill
from typing import Any

from digest import consent, dedupe
from digest.run import Setup
from digest.run.subscribing import fingerprint
from digest.store import Connection, people, traces
from digest.store import papers as paper_rows
from digest.types import Paper
from digest.why import choosing, delivering
from digest.why.answer import Answer, Asked, Why
from digest.why.standing import standing

__all__ = ["Answer", "Why", "lines", "why", "words"]

_COLUMNS = 80


def why(setup: Setup, address: str, paper: str, digest: str = "") -> list[Answer]:
    """One answer for each digest that an address has or had, or for the one named.

    `paper` is an id as people write it, or the address of its page.

    Raises: BadAddress
    """
    address = consent.address(address)
    mark = fingerprint(setup, address)
    with setup.store.read() as connection:
        found = paper_of(connection, paper)
        subscriber = people.id_of(connection, address) or ""
        mine = people.of_subscriber(connection, subscriber) if subscriber else []
        has = {one.digest: one for one in mine}
        names = [digest] if digest else list(has)
        if found is None:
            return [_not_there(setup, names[0] if len(names) == 1 else "", paper)]
        state = people.state_of(connection, subscriber) if subscriber else None
        had = traces.deliveries_of(connection, subscriber, found.id) if subscriber else []
        return [
            _answer(
                Asked(
                    setup=setup,
                    digest=name,
                    address=address,
                    mark=mark,
                    paper=found,
                    subscriber=subscriber,
                    state=state,
                    has=has.get(name),
                ),
                connection,
                had,
            )
            for name in names or [""]
        ]


def paper_of(connection: Connection, written: str) -> Paper | None:
    """The stored paper that an id or an address stands for."""
    names = dedupe.aliases_of(written)
    return next(iter(paper_rows.by_alias(connection, names).values()), None)


def _answer(asked: Asked, connection: Connection, had: Sequence[Any]) -> Answer:
    found = delivering.of_digest(asked, connection, had)
    if found and found.why not in delivering.UNDONE:
        return found
    against = _against(asked, connection, had, is_again=found is not None)
    if found is None:
        return against or choosing.chosen(asked, connection, had)
    # What did not reach her is made up for, unless something is against that.
    if against is None or (found.why, against.why) == (Why.BOUNCED, Why.SUPPRESSED):
        return found  # that it is suppressed since it came back is said
    return replace(
        against, words=f"{found.words}; {against.words}", facts={**found.facts, **against.facts}
    )


def _against(
    asked: Asked, connection: Connection, had: Sequence[Any], *, is_again: bool
) -> Answer | None:
    """Why she gets no mail of the digest, or not again what did not reach her."""
    if not asked.digest:  # of none
        return standing(asked, connection) or asked.answer(
            Why.NOT_SUBSCRIBED, f"{asked.address} is known, but subscribed to no digest"
        )
    if asked.digest not in asked.setup.config.digests:
        return asked.answer(
            Why.NO_SUCH_DIGEST,
            "the digest is in the configuration no more, and makes no issues",
            f"[digests.{asked.digest}] is where it would stand",
        )
    found = standing(asked, connection)
    return found or (choosing.hindered(asked, connection, had) if is_again else None)


def _not_there(setup: Setup, name: str, paper: str) -> Answer:
    digest = setup.config.digests.get(name)
    reads = f", which reads {', '.join(digest.sources)}," if digest else ""
    return Answer(
        digest=name,
        why=Why.UNKNOWN_PAPER,
        words=f"no paper in the store is known as {paper!r}: no source of"
        f" {name or 'any digest'}{reads} has given it, or it is no longer kept",
        remedy="ids are like 2606.01234, doi:10.1234/abc or the address of the paper's page;"
        f" `digest fetch{' ' + name if name else ''}` reads the sources now",
    )


# --- in words ------------------------------------------------------------------------------------


def words(answer: Answer, address: str, paper: str) -> dict[str, Any]:
    """An answer as one JSON object."""
    return {
        "address": address,
        "paper": paper,
        "digest": answer.digest,
        "reason": str(answer.why),
        "words": answer.words,
        "remedy": answer.remedy,
        **answer.facts,
    }


def lines(answers: Sequence[Answer]) -> list[str]:
    """The same for people."""
    said = []
    for one in answers:
        said.append(": ".join(filter(None, (one.digest, one.why))))
        said += _indented(_sentence(one.words), "  ")
        if one.remedy:
            said += _indented(_sentence(one.remedy), "  -> ")
    return said


def _sentence(said: str) -> str:
    return f"{said[:1].upper()}{said[1:]}." if said[:1] not in "`[" else f"{said}."


def _indented(text: str, start: str) -> list[str]:
    filled = fill(
        text,
        _COLUMNS,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_on_hyphens=False,
        break_long_words=False,
    )
    return filled.splitlines()
