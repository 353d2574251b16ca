"""summarize(): a checked summary for each paper; none that is known is made again.

Whatever a model writes is held against the abstract. What fails, there or before, gets the
extract instead, marked with the reason, so that no paper and no mail waits for a model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from digest import check, registry
from digest.errors import DigestError, Misuse, Permanent, Temporary
from digest.run.setup import Setup
from digest.store import summaries
from digest.store.summaries import Key
from digest.store.upsert import chunks
from digest.summarizers import EXTRACT, Options, Summarizer, Text
from digest.text import content_hash
from digest.types import Paper, Summary

EXTRACTS_AT_A_TIME = 256  #: they cost nothing; a model's are kept a few at a time
SHOWN_REASONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Summarized:
    """What came of it."""

    summaries: Mapping[str, Summary]  #: by paper id
    warnings: tuple[str, ...] = ()


def summarize(setup: Setup, papers: Sequence[Paper]) -> Summarized:
    """A summary for each paper, kept batch by batch: a kill loses no more than one."""
    texts = {content_hash(p.title, p.abstract): Text(p.title, p.abstract) for p in papers}
    made = _kept(setup, setup.summarizer, texts)
    found = {p.id: made[content_hash(p.title, p.abstract)] for p in papers}
    warnings = (*setup.summarizer.warnings, *fallbacks(list(found.values())))
    return Summarized(summaries=found, warnings=warnings)


def _kept(setup: Setup, summarizer: Summarizer, texts: Mapping[str, Text]) -> dict[str, Summary]:
    """Text hash → summary, from the store or from now on in it."""
    language = "en" if summarizer.extracts else setup.config.language
    told = summarizer.prompt_hash + checks(summarizer, language)
    key = Key(summarizer=summarizer.id, prompt=told, language=language)
    with setup.store.read() as connection:
        known = summaries.known(connection, texts, key)
    missing = [hash for hash in texts if hash not in known]
    size = EXTRACTS_AT_A_TIME if summarizer.extracts else setup.config.summarize.batch
    for done, batch in zip(count(step=size), chunks(missing, size), strict=False):
        setup.notify(f"summarizing {done} of {len(missing)} papers")
        # No transaction is open while a summarizer works: others may write meanwhile.
        said = asked(summarizer, [texts[hash] for hash in batch], language)
        answers = dict(zip(batch, said, strict=True))
        failed = {hash: why for hash, why in answers.items() if isinstance(why, DigestError)}
        instead = _stood_in(setup, summarizer, {hash: texts[hash] for hash in failed})
        made = {hash: one for hash, one in answers.items() if isinstance(one, Summary)}
        made |= {hash: replace(instead[hash], reason=_line(why)) for hash, why in failed.items()}
        lasting = {h: one for h, one in made.items() if not isinstance(answers[h], Temporary)}
        with setup.store.write() as connection:
            summaries.save(connection, lasting, key, setup.now)
        known |= made
    return known


def _line(why: DigestError) -> str:
    """A reason fit for a report: what comes from libraries may have many lines."""
    return " ".join(str(why).split())[:300]


def _stood_in(setup: Setup, failed: Summarizer, texts: Mapping[str, Text]) -> Mapping[str, Summary]:
    """The extracts of papers whose summarizer has failed."""
    if not texts:
        return {}
    if failed is setup.extract:  # then the mail shows how the abstract begins
        return dict.fromkeys(texts, Summary(text="", summarizer=failed.id))
    return _kept(setup, setup.extract, texts)


def checks(summarizer: Summarizer, language: str) -> str:
    """What stands for the checks in the key of a summary that passed them, or fell.

    Better checks ask again: what is kept may be what they were made for.
    """
    if summarizer.extracts:
        return ""
    if language != "en":
        return f"+{check.REVISION}"
    from digest.summarizers.embedded.doubt import doubter

    return f"+{check.REVISION}-{doubter().fingerprint}"


def make_ready(summarizer: Summarizer, language: str) -> None:
    """Read the network that checks what it will write, before anything is asked or paid for.

    Raises: BadConfig when its files are missing or damaged.
    """
    if not summarizer.extracts and language == "en":
        from digest.summarizers.embedded.doubt import doubter

        doubter()


def without_store(
    summarizer: Summarizer, texts: Sequence[Text], language: str
) -> tuple[list[Summary], bool]:
    """A summary for each text, the extract where there is a reason; and may it go better later?

    Shapes: same length and order as `texts`.
    """
    said = asked(summarizer, texts, language)
    may_change = any(isinstance(one, Temporary) for one in said)
    missing = [text for text, one in zip(texts, said, strict=True) if isinstance(one, DigestError)]
    if not missing:
        return [one for one in said if isinstance(one, Summary)], False
    extract = registry.summarizer(EXTRACT, Options())
    instead = iter(asked(extract, missing, "en"))
    found = []
    for one in said:
        if not isinstance(one, Summary):
            other = next(instead)
            blank = Summary(text="", summarizer=extract.id)
            one = replace(other if isinstance(other, Summary) else blank, reason=_line(one))
        found.append(one)
    return found, may_change


def asked(
    summarizer: Summarizer, texts: Sequence[Text], language: str
) -> list[Summary | DigestError]:
    """What a summarizer says that holds against the abstract, or why there is nothing.

    Shapes: same length and order as `texts`.
    """
    full = [text for text in texts if text.abstract.strip()]
    answers = iter(_answers(summarizer, full))
    found: list[Summary | DigestError] = []
    for text in texts:
        # Nothing can be said of a title alone that it does not say itself.
        said = next(answers) if text.abstract.strip() else ""
        if isinstance(said, str):
            why = _doubts(summarizer, said, text, language)
            found.append(why or Summary(text=said, summarizer=summarizer.id, language=language))
        elif isinstance(said, DigestError):
            found.append(said)
        else:  # somebody's own summarizer
            found.append(Permanent(f"it gave {type(said).__name__}, which is no text"))
    return found


def _answers(summarizer: Summarizer, texts: Sequence[Text]) -> Sequence[str | DigestError]:
    if not texts:
        return []
    try:
        said = summarizer.summarize(texts)
    except Misuse:
        raise
    except DigestError as why:
        return [why] * len(texts)
    except Exception as why:  # whatever somebody's own summarizer does while it works
        return [Temporary(f"{type(why).__name__}: {why}")] * len(texts)
    if len(said) != len(texts):
        return [Temporary(f"it gave {len(said)} summaries for {len(texts)} papers")] * len(texts)
    return said


def _doubts(summarizer: Summarizer, said: str, text: Text, language: str) -> DigestError | None:
    """Why what a model wrote cannot be trusted."""
    if summarizer.extracts or not text.abstract.strip():
        return None
    try:
        why = problems(said, text, language)
    except Misuse:
        raise
    except Exception as fault:  # one text that the checks stumble over must not stop the rest
        return Permanent(f"it could not be checked: {type(fault).__name__}: {fault}")
    return Permanent("; ".join(why)) if why else None


def problems(said: str, text: Text, language: str = "en") -> tuple[str, ...]:
    """Why what a model wrote must not be mailed: the rules first, then the network's doubt."""
    found = check.problems(said, text.title, text.abstract, language=language)
    if found or language != "en":  # the network knows no other
        return found
    # Only what writes needs it, and onnxruntime takes its time.
    from digest.summarizers.embedded.doubt import doubter

    return doubter().problems(said, text)


def fallbacks(made: Sequence[Summary]) -> tuple[str, ...]:
    """How many are not by the summarizer that was asked, and why, for the operator."""
    reasons = Counter(summary.reason for summary in made if summary.reason)
    if not reasons:
        return ()
    shown = [f"{why} ({n})" if n > 1 else why for why, n in reasons.most_common(SHOWN_REASONS)]
    rest = len(reasons) - len(shown)
    more = f", and {rest} other reason{'s' if rest > 1 else ''}" if rest else ""
    count = sum(reasons.values())
    return (f"{count} of {len(made)} papers fell back to the extract: {', '.join(shown)}{more}",)
