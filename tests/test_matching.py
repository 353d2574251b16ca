"""Papers × topics → matches, with the encoder in the package and with others that fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from build import NOW, paper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from digest import config, run
from digest.encoders import Encoder, Floats
from digest.encoders.embedded import Embedded
from digest.errors import Misuse, Permanent, Temporary
from digest.match import Interest, parse_topic
from digest.match.words import joined, stems
from digest.run.matching import LONGEST_REASON
from digest.store import open_store
from digest.store.tables import vectors
from digest.text import sentences
from digest.types import MEANING, Match, Paper


def written(number: int, title: str, abstract: str = "", **changes: Any) -> Paper:
    return paper(title, number=f"2606.{number:05d}", abstract=abstract, **changes)


LEGS = written(
    1,
    "Legs for robots that fall",
    "Robots fall on stairs. We propose legs that plan every step before it is taken.",
)
BALANCE = written(2, "Walking machines keep their balance")
LEGNET = written(3, "LegNet walks", "We train LegNet on forty staircases. It is small.")
COMPILE = written(4, "Compiling C++ fast", "We make builds faster. Headers are read once.")
VITAMIN = written(5, "Vitamin C and health", "People who eat oranges are healthier.")
RIVERS = written(6, "What GPT-4 knows", "We ask GPT-4 about rivers. It answers most questions.")
CHINESE = written(7, "用于搜救的机器人", "我们提出一种会爬楼梯的机器人。它很少摔倒。")
GERMAN = written(8, "Roboter auf Treppen", "Wir bauen Roboter, die steigen. Sie fallen selten.")
ARABIC = written(9, "الروبوتات على الدرج", "نقترح ساقين. لا تسقط كثيرا.")
MARKET = written(
    10,
    "Prices on a busy market",
    "We study when sellers change prices. Menus are costly, so changes come in clusters.",
)
PROTEINS = written(
    11,
    "How proteins fold when few contacts are known",
    "We fold protein chains from sparse contacts between residues, which are the contacts that"
    " other groups have measured in the crystals they grew over many long winters in the cellars"
    " of their institutes, and the network bends the chain until all of these contacts agree",
)
PAPERS = [
    LEGS, BALANCE, LEGNET, COMPILE, VITAMIN, RIVERS, CHINESE, GERMAN, ARABIC, MARKET, PROTEINS
]  # fmt: skip
TOPICS = [
    "robots that walk, run or swim", "legged locomotion", "economics of prices", "LegNet",
    "structure of proteins", "machines that climb stairs", "robots AND legs", "爬楼梯的机器人",
    "Roboter auf Treppen", "robots not toys",
]  # fmt: skip


@pytest.fixture(scope="module")
def embedded() -> Embedded:
    return Embedded()


@pytest.fixture(scope="module")
def code(embedded: Embedded) -> run.Encoding:
    return run.Encoding(embedded)


def interest(*topics: str, exclude: Sequence[str] = (), **rest: tuple[str, ...]) -> Interest:
    return Interest(
        topics=tuple(map(parse_topic, topics)), exclude=tuple(map(parse_topic, exclude)), **rest
    )


def numbers(some: Sequence[Match]) -> list[int]:
    return [int(one.paper.id[-2:]) for one in some]


def found(code: run.Encoding, topic: str, some: Sequence[Paper] = PAPERS) -> list[Match]:
    """The matches of a topic, best first."""
    pairs = run.match_without_store(code, interest(topic), some)
    return sorted((one for one in pairs if one.score >= 1), key=lambda m: -m.score)


# --- what is found -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "wanted"),
    [
        ("legged locomotion", {1, 2}),
        ("economics of prices", {10}),
        ("structure of proteins", {11}),
    ],
)
def test_a_topic_finds_papers_that_mean_it_in_other_words(
    code: run.Encoding, topic: str, wanted: set[int]
) -> None:
    got = numbers(found(code, topic))
    assert set(got[: len(wanted)]) == wanted
    assert not set(got) & ({4, 5, 6, 10, 11} - wanted)


@pytest.mark.parametrize(
    ("topic", "wanted"),
    [("LegNet", 3), ("C++", 4), ("GPT-4", 6), ("legnet", 3), ('"LegNet"', 3), ("Treppen", 8)],
)
def test_a_rare_name_finds_the_paper_that_has_it_word_for_word(
    code: run.Encoding, topic: str, wanted: int
) -> None:
    (only,) = found(code, topic)
    assert numbers([only]) == [wanted]
    assert only.because == (topic.strip('"'),)


@pytest.mark.parametrize(
    ("topic", "wanted"),
    [
        ("爬楼梯的机器人", 7),
        ("机器人", 7),
        ("Roboter auf Treppen", 8),
        ("الروبوتات", 9),
    ],
)
def test_a_topic_finds_a_paper_that_has_its_words_in_any_language(
    code: run.Encoding, topic: str, wanted: int
) -> None:
    got = found(code, topic)
    assert numbers(got)[0] == wanted
    assert not set(numbers(got)) & {4, 5, 10, 11}


def test_what_a_topic_bars_is_out_however_near(code: run.Encoding) -> None:
    toys = replace(LEGS, id="arxiv:2606.00099", abstract=f"{LEGS.abstract} They are toys.")
    pairs = run.match_without_store(code, interest("robots that walk not toys"), [LEGS, toys])
    assert [one.score >= 1 for one in pairs] == [True, False]
    assert pairs[1].score == 0


# --- reasons -------------------------------------------------------------------------------------


def sentence_of(reason: str) -> str:
    """What is quoted in a reason that is no phrase."""
    assert reason.startswith(MEANING)
    assert reason.endswith("”")
    return reason[len(MEANING) : -1]


def can_be_checked(reason: str, of: Match) -> bool:
    """Whether a reader who looks for the reason finds it in the topic and in the paper."""
    if reason in {phrase.shown for phrase in parse_topic(of.topic).phrases}:
        said = joined(stems(reason))
        return any(said in joined(stems(t)) for t in (of.paper.title, of.paper.abstract))
    reason = sentence_of(reason)
    shown = sentences(of.paper.abstract) or [of.paper.title]
    if not reason.endswith("…"):
        return reason in shown
    return any(sentence.startswith(reason[:-1]) and reason[:-1] for sentence in shown)


def test_every_match_has_a_reason_that_its_reader_can_check(code: run.Encoding) -> None:
    pairs = run.match_without_store(code, interest(*TOPICS), PAPERS)
    matches = [one for one in pairs if one.score >= 1]
    assert len(pairs) == len(TOPICS) * len(PAPERS)
    assert len({one.topic for one in matches}) == len(TOPICS)
    for one in matches:
        assert one.because, (one.topic, one.paper.title)
        assert [r for r in one.because if not can_be_checked(r, one)] == []
    assert not any(one.because for one in pairs if one.score < 1)


def test_a_match_by_meaning_shows_the_sentence_that_comes_closest(code: run.Encoding) -> None:
    (one,) = found(code, "machines that climb stairs", [LEGS])
    assert sentence_of(*one.because) == "Robots fall on stairs."


def test_without_an_abstract_the_title_is_the_reason(code: run.Encoding) -> None:
    (one,) = found(code, "legged locomotion", [BALANCE])
    assert sentence_of(*one.because) == BALANCE.title


def test_a_long_sentence_is_shortened_between_words(code: run.Encoding) -> None:
    (one,) = found(code, "biochemistry of macromolecules", [PROTEINS])
    reason = sentence_of(*one.because)
    assert reason.endswith("…")
    assert len(reason) <= LONGEST_REASON + 1
    assert f"{PROTEINS.abstract} ".startswith(reason[:-1] + " ")


# --- papers of any kind --------------------------------------------------------------------------

ODD = [
    written(21, ""),
    written(22, "", "Only an abstract. It is about robots."),
    written(23, "🤖🚢", "🤖"),
    written(24, "robots " * 15_000),
    written(25, "机" * 100_000, "器" * 100_000),
    written(26, "Robots", "We. " * 25_000),
    written(27, "\u200b\u0301", "\x00"),
]


def test_papers_in_any_language_or_none_get_their_scores(code: run.Encoding) -> None:
    pairs = run.match_without_store(code, interest("robots", "机器人", '"robots"'), [*ODD, *PAPERS])
    assert len(pairs) == 3 * (len(ODD) + len(PAPERS))
    assert all(0 <= one.score == round(one.score, 3) for one in pairs)
    assert all(one.because and all(one.because) for one in pairs if one.score >= 1)
    assert not any(f"{MEANING}”" in one.because for one in pairs)
    assert {22, 24, 26} <= {n for one in pairs if one.score >= 1 for n in numbers([one])}
    assert code.warnings == ()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=60), st.text(max_size=200))
def test_a_paper_of_any_characters_gets_its_scores(
    code: run.Encoding, title: str, abstract: str
) -> None:
    one = written(1, title, abstract)
    own = title.replace('"', " ")
    pairs = run.match_without_store(code, interest("robots", f'"a {own}"'), [one])
    assert [pair.score >= 0 for pair in pairs] == [True] * 2
    assert code.warnings == ()


def test_a_score_depends_on_nothing_else_in_the_call(code: run.Encoding) -> None:
    many = run.match_without_store(code, interest(*TOPICS), PAPERS)
    alone = [
        pair
        for one in PAPERS
        for topic in TOPICS
        for pair in run.match_without_store(code, interest(topic), [one])
    ]
    assert many == alone


# --- the store -----------------------------------------------------------------------------------


class Counting(Embedded):
    """Says how many texts it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str]) -> Floats:
        self.texts += texts
        return super().encode(texts)


@pytest.fixture(scope="module")
def one_counting() -> Counting:
    return Counting()


@pytest.fixture
def counting(one_counting: Counting) -> Counting:
    one_counting.texts.clear()
    return one_counting


@pytest.fixture
def setup(tmp_path: Path, embedded: Embedded) -> Iterator[run.Setup]:
    table = {"topics": ["robots"], "sources": ["sample"]}
    settings = config.make({"digests": {"d": table}}, tmp_path / "digest.toml")
    store = open_store(settings.store, NOW)
    yield with_encoder(run.Setup(config=settings, store=store, now=NOW), embedded)
    store.close()


def with_encoder(setup: run.Setup, encoder: Encoder) -> run.Setup:
    """As if the configuration named that encoder."""
    made = replace(setup)
    vars(made)["encoder"] = encoder
    return made


def kept(setup: run.Setup) -> int:
    with setup.store.read() as connection:
        return connection.scalar(select(func.count()).select_from(vectors)) or 0


def test_nothing_is_encoded_twice(setup: run.Setup, counting: Counting) -> None:
    mine = with_encoder(setup, counting)
    first = run.match(mine, interest("legged locomotion"), PAPERS)
    assert len(counting.texts) == len(PAPERS) + 1 == kept(mine)
    again = run.match(mine, interest("legged locomotion", exclude=["prices"]), PAPERS)
    assert counting.texts[len(PAPERS) + 1 :] == ["prices"]
    assert again.matches == first.matches


def test_a_text_that_changed_is_encoded_anew(setup: run.Setup, counting: Counting) -> None:
    mine = with_encoder(setup, counting)
    run.match(mine, interest("robots"), PAPERS)
    counting.texts.clear()
    run.match(mine, interest("robots"), [replace(LEGS, abstract="Robots swim."), *PAPERS[1:]])
    assert counting.texts == [f"{LEGS.title}. Robots swim."]


def test_what_is_read_from_the_store_gives_the_scores_of_what_is_new(
    setup: run.Setup, code: run.Encoding
) -> None:
    wanted = interest(*TOPICS)
    new = run.match(setup, wanted, PAPERS, down_to=0.0)
    read = run.match(setup, wanted, PAPERS, down_to=0.0)
    assert (new.matches, new.near) == (read.matches, read.near)
    assert new.vectors.keys() == read.vectors.keys() == {one.id for one in PAPERS}
    assert all(np.array_equal(new.vectors[id], read.vectors[id]) for id in new.vectors)
    without = run.match_without_store(code, wanted, PAPERS)
    assert [one for one in without if one.score >= 1] == new.matches


def test_where_nothing_is_to_be_kept_nothing_is(setup: run.Setup, code: run.Encoding) -> None:
    seen = run.match(setup, interest(*TOPICS), PAPERS, keep=False)
    assert kept(setup) == 0
    assert seen.matches == run.match(setup, interest(*TOPICS), PAPERS).matches
    assert kept(setup) == len(PAPERS) + len(TOPICS)


class Other(Counting):
    """Another revision."""

    @property
    def id(self) -> str:
        return "embedded/other"


def test_another_encoder_has_vectors_of_its_own(setup: run.Setup) -> None:
    run.match(setup, interest("robots"), PAPERS)
    other = Other()
    run.match(with_encoder(setup, other), interest("robots"), PAPERS)
    assert len(other.texts) == len(PAPERS) + 1
    assert kept(setup) == 2 * (len(PAPERS) + 1)


def test_two_papers_of_the_same_words_are_encoded_once(
    setup: run.Setup, counting: Counting
) -> None:
    twin = replace(LEGS, id="arxiv:2606.00099")
    seen = run.match(with_encoder(setup, counting), interest("robots"), [LEGS, twin])
    assert len(counting.texts) == 2
    first, second = seen.matches
    assert (first.score, first.because) == (second.score, second.because)


# --- near misses ---------------------------------------------------------------------------------

WALKING = interest("robots that walk not toys", "prices", exclude=["medicine"])


def test_a_near_miss_is_the_best_topic_of_a_paper_that_matches_none(setup: run.Setup) -> None:
    seen = run.match(setup, WALKING, PAPERS, down_to=0.0)
    matched = {one.paper.id for one in seen.matches}
    assert seen.looked_at == len(PAPERS)
    assert [one.paper.id for one in seen.near] == [p.id for p in PAPERS if p.id not in matched]
    every = run.match_without_store(run.Encoding(setup.encoder), WALKING, PAPERS)
    for miss in seen.near:
        assert miss.score == max(one.score for one in every if one.paper == miss.paper) < 1
        assert miss.because == ()


def test_what_scores_too_little_is_not_near(setup: run.Setup) -> None:
    every = run.match(setup, WALKING, PAPERS, down_to=0.0).near
    some = run.match(setup, WALKING, PAPERS, down_to=0.3).near
    assert list(some) == [one for one in every if one.score >= 0.3]
    assert 0 < len(some) < len(every)
    assert run.match(setup, WALKING, PAPERS).near == []


def test_what_is_excluded_or_barred_is_neither_a_match_nor_near(setup: run.Setup) -> None:
    toys = written(31, "Toys that are robots that walk", "Robots walk. They are toys.")
    ill = written(32, "Robots that walk in medicine", "Robots walk.")
    for wanted in (WALKING, replace(WALKING, topics=WALKING.topics[:1])):
        seen = run.match(setup, wanted, [toys, ill], down_to=0.001)
        assert seen.matches == []
        assert not [one for one in seen.near if one.topic == WALKING.topics[0].name]
        assert 32 not in numbers(seen.near)


def test_other_categories_and_followed_authors_are_no_near_misses(setup: run.Setup) -> None:
    far = [VITAMIN]
    assert len(run.match(setup, interest("robots"), far, down_to=0.0).near) == 1
    for wanted in (
        interest("robots", categories=("math.CO",)),
        interest("robots", authors=("Ada Example",)),
        interest(categories=("cs.CL",)),
    ):
        assert run.match(setup, wanted, far, down_to=0.0).near == []


# --- encoders that fail --------------------------------------------------------------------------


class Failing(Encoder):
    """Somebody's own, whose machine is out of order."""

    id = "own/1"

    def __init__(self, why: Exception, after: int = 0) -> None:
        self.why, self.left = why, after

    def encode(self, texts: Sequence[str]) -> Floats:
        if not self.left:
            raise self.why
        self.left -= 1
        made: npt.NDArray[np.float32] = np.eye(384, dtype=np.float32)[: len(texts)]
        return made


WHYS = [Temporary, Permanent, RuntimeError, MemoryError, KeyError]


@pytest.mark.parametrize("why", WHYS)
def test_where_an_encoder_fails_papers_are_matched_by_words_with_one_warning(
    setup: run.Setup, why: type[Exception]
) -> None:
    wanted = interest("LegNet", "robots AND legs", "legged locomotion", exclude=["prices"])
    seen = run.match(with_encoder(setup, Failing(why("no\nroom"))), wanted, PAPERS)
    assert [(one.topic, *one.because) for one in seen.matches] == [
        ("robots AND legs", "robots", "legs"),
        ("LegNet", "LegNet"),
    ]
    (warning,) = seen.warnings
    assert warning.startswith("encoder 'own/1' failed, so topics were matched by words alone")
    assert "\n" not in warning
    assert kept(setup) == 0


def test_where_an_encoder_fails_without_a_store_there_is_a_warning_too() -> None:
    code = run.Encoding(Failing(Temporary("no room")))
    pairs = run.match_without_store(code, interest("LegNet"), PAPERS)
    assert [one.score >= 1 for one in pairs] == [one is LEGNET for one in PAPERS]
    assert len(code.warnings) == 1
    assert "no room" in code.warnings[0]


def test_what_was_encoded_before_the_failure_is_kept(setup: run.Setup) -> None:
    many = [written(n, f"Paper {n}") for n in range(300)]
    encoder = Failing(Temporary("no room"), after=2)
    made = run.Encoding(encoder, setup).papers(many)
    assert len(made) == kept(setup) == 256
    encoder.left = 1
    assert len(run.Encoding(encoder, setup).papers(many)) == kept(setup) == 300


def test_an_encoder_that_cannot_be_used_at_all_stops_the_run(setup: run.Setup) -> None:
    mine = with_encoder(setup, Failing(Misuse("take a smaller one")))
    with pytest.raises(Misuse, match="take a smaller one"):
        run.match(mine, interest("robots"), PAPERS)


class PartlyFailing(Embedded):
    """Whose `parts` fails."""

    why: Exception

    def parts(self, before: str, parts: Sequence[str]) -> Floats:
        raise self.why


@pytest.mark.parametrize("why", WHYS)
def test_where_no_closest_sentence_can_be_found_the_title_is_the_reason(
    setup: run.Setup, why: type[Exception]
) -> None:
    encoder = PartlyFailing()
    encoder.why = why("no room")
    seen = run.match(with_encoder(setup, encoder), interest("legged locomotion"), [LEGS])
    assert [sentence_of(*one.because) for one in seen.matches] == [LEGS.title]


class Careless(Encoder):
    """Whose vectors are not what was agreed."""

    id = "own/2"

    def __init__(self, made: Floats) -> None:
        self.made = made

    def encode(self, texts: Sequence[str]) -> Floats:
        return self.made


@pytest.mark.parametrize(
    "made",
    [np.eye(2, 384), np.ones(384), np.full((len(PAPERS), 384), np.nan)],
    ids=["too few", "one for all", "not finite"],
)
def test_an_encoder_whose_vectors_cannot_be_used_has_failed(
    setup: run.Setup, made: npt.NDArray[np.float64]
) -> None:
    code = run.Encoding(Careless(made.astype(np.float32)), setup)
    assert code.papers(PAPERS) == {}
    assert len(code.warnings) == 1
    assert kept(setup) == 0
