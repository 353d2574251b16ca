"""The summarizer in the package: what it may cut, and what it says."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import BadConfig
from digest.models import MODEL
from digest.summarizers import Text
from digest.summarizers.embedded import RULES, Embedded, said
from digest.summarizers.embedded.choice import cost, counts, ends, grid, is_dangling, pairs, singles
from digest.summarizers.embedded.cuts import MAX_SPANS, MAX_WORDS, cuts
from digest.summarizers.embedded.network import FILES
from digest.summarizers.embedded.reading import Reading, read, weights
from digest.text import plain

ABSTRACT = (
    "Robots fall on stairs. Many groups have tried to keep them upright, with little success. In "
    "this paper, we propose StairNet (a network of 2M parameters), which plans every step before "
    "it is taken. On 40 staircases, StairNet falls 12% less often than the best planner. However, "
    "it fails on wet stone."
)


@pytest.fixture(scope="module")
def embedded() -> Embedded:
    return Embedded()


def said_of(abstract: str) -> set[str]:
    return {said(abstract, cut) for cut in cuts(abstract)}


# --- cuts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "cut"),
    [
        (
            "However, in this paper, we propose a way to keep robots upright on all stairs.",
            "We propose a way to keep robots upright on all stairs.",
        ),
        (
            "To climb faster on wet stairs, we propose a planner for robots with two legs.",
            "We propose a planner for robots with two legs.",
        ),
        (
            "We show that robots with six legs fall less often than robots with two.",
            "Robots with six legs fall less often than robots with two.",
        ),
        (
            "We propose StairNet (Roe et al., 2020), which plans every step before it is taken.",
            "We propose StairNet, which plans every step before it is taken.",
        ),
        (
            "We propose a planner for robots on stairs, which plans every step before it is taken.",
            "We propose a planner for robots on stairs.",
        ),
        (
            "We study falls of robots and show that most falls happen on the last step.",
            "We show that most falls happen on the last step.",
        ),
    ],
)
def test_what_english_can_do_without_may_go(sentence: str, cut: str) -> None:
    assert cut in said_of(sentence)


@pytest.mark.parametrize(
    ("sentence", "never"),
    [
        ("If the stairs are wet, we see robots fall on every second step.", "We see robots"),
        ("When stairs are wet, our robots fall on every second step taken.", "Our robots"),
        ("We believe that robots with six legs fall less often than others.", "Robots with six"),
        ("We argue that most robots should not climb stairs without help.", "Most robots"),
        ("Robots do not fall on stairs when they plan every step.", "Robots fall"),
        (
            "We show that robots with two legs fall and that six legs help.",
            "Robots with two legs fall and that",
        ),
        (
            "We propose the planner StairNet, a network that plans every step.",
            "We propose the planner StairNet, a network.",
        ),
        (
            "Robots climb stairs only when somebody holds their hand all the way.",
            "Robots climb stairs.",
        ),
    ],
)
def test_what_a_claim_hangs_on_stays(sentence: str, never: str) -> None:
    found = said_of(sentence)
    assert found
    assert not any(cut.startswith(never) for cut in found)


@pytest.mark.parametrize(
    ("sentence", "whole"),
    [
        ("We bound p(x) for all legs (with x steps) of robots on stairs.", "We bound p(x) for"),
        ("Robots are well kept in (post-)training on all stairs.", "Robots are well kept in ("),
        ("We see that (1) legs help, (2) stairs hurt, (3) robots fall.", "We see that (1)"),
        ("We teach a robot (RB) to climb, and the RB never falls.", "We teach a robot ("),
        ("Robots need stairs, however, their legs are short.", "Robots need stairs, h"),
    ],
)  # fmt: skip
def test_what_is_no_aside_stays(sentence: str, whole: str) -> None:
    found = said_of(sentence)
    assert found
    assert all(cut.startswith(whole) for cut in found)


@pytest.mark.parametrize(
    "sentence",
    [
        "Can robots climb stairs without falling down?",
        r"We propose \stairnet for robots on stairs.",
    ],
)
def test_neither_questions_nor_markup_stand_for_an_abstract(sentence: str) -> None:
    assert not said_of(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "We show that the planner is (not) stable and that robots (never) fall on the stairs.",
        "We show that StairNet is (almost) always stable and its cost is (at most) linear.",
        "We find that planning (but not learning) reduces falls of robots (only in simulation).",
        "We show that a planner converges at rate r (if the noise is bounded) on all stairs.",
        "We bound the falls of all robots of size k (with high probability) on all stairs.",
        "We count the falls of all robots (up to a constant) on wet and dry stairs.",
        "We count the falls of all robots (except those with wheels) on wet and dry stairs.",
        "We find (weak) solutions to the planning of steps that grow (shrink) on dry stairs.",
        "We prove that planning has a positive solution (λ,u)∈ℝ×H for every flight of stairs.",
        "We plan with (r,θ)∈[1,R] for every robot on every single flight of stairs.",
        "We plan over (x,θ) ∈ X × Θ for every robot on every single flight of stairs.",
        "We study the planning operator (-Δ)^(1/2) for every robot on a flight of stairs.",
        "We solve the planning problem (D)*_p′ for every robot on every flight of stairs.",
        "We plan for every pair (a, b) = 0 and every sequence (x, y) > 3 of steps taken.",
        "We find a path with at most (n+1)/2 steps for every robot and every single stair.",
        "We plan as it was done in Ref.[1].In particular every robot climbs all stairs.",
        "We plan steps for all weights in [0, 1] and robots with legs of [1, 2] meters.",
        "We plan the steps of robots (n ≥ 3) on every kind of stairs in the world.",
        "We propose a (graph)-based planner of steps for robots on every kind of stairs.",
    ],
)
def test_a_parenthesis_that_a_claim_hangs_on_is_no_aside(sentence: str) -> None:
    found = [cut for cut in said_of(sentence) if cut.count(" ") > sentence.count(" ") - 3]
    assert sentence in found
    wanted = re.findall(r" ?[(\[][^()\[\]]*[)\]]", sentence)
    for cut in found:
        assert [part for part in wanted if part in cut] == wanted


@pytest.mark.parametrize(
    ("sentence", "cut"),
    [
        ("We teach robots (RB) to climb all stairs.", "We teach robots to climb all stairs."),
        (
            "We teach robots [1, 3-5] to climb the stairs [7].",
            "We teach robots to climb the stairs.",
        ),
        (
            "We cut falls of robots on stairs by half (p < 0.05).",
            "We cut falls of robots on stairs by half.",
        ),
        (
            "We teach robots (see Roe, 2020), which fall, to climb stairs.",
            "We teach robots, which fall, to climb stairs.",
        ),
    ],
)
def test_what_only_names_or_cites_is_an_aside(sentence: str, cut: str) -> None:
    assert cut in said_of(sentence)


@pytest.mark.parametrize(
    "condition",
    [
        "By assuming infinite compute and perfect maps",
        "Excluding all trials on wet stairs",
        "Based on the unproven assumption that stairs are finite",
        "Based on these assumptions",
        "Under a mild condition on the noise of all steps",
        "Given a bound on the height of each step",
        "Without assuming that steps are alike",
        "For all stairs, if the steps are alike",
        "Conditioned on the Riemann hypothesis",
        "Restricted to stairs of one single material",
        "Focusing on the falls on wet stone",
        "Using only simulated data and no real robots",
        "Although we find no evidence of it on real stairs",
        "Despite finding no effect on real robots",
    ],
)
def test_a_condition_before_the_main_clause_stays(condition: str) -> None:
    found = said_of(f"{condition}, we show that robots never fall on any stairs in the world.")
    assert found
    assert all(cut.startswith(condition) for cut in found)


@pytest.mark.parametrize(
    "end",
    [
        ", when the stairs are dry",
        " using a map, when the stairs are dry",
        " by counting steps if the stairs are dry",
        ", which is new, but only on dry stairs",
        ", a new task, except for those with wheels",
        " by counting steps, provided that they are dry",
        " through planning with high probability",
        " through planning under the assumption that steps are alike",
    ],
)
def test_a_condition_at_the_end_stays(end: str) -> None:
    found = said_of(f"We show that all robots climb all of the stairs{end}.")
    assert found
    assert all(cut.endswith(f"{end}.") for cut in found)


def test_a_condition_at_the_end_of_a_long_sentence_stays() -> None:
    sentence = (
        "We show that all robots with two legs and all robots with six legs and those with wheels "
        "climb the stairs of each house in a town of any size in a week without a fall by counting "
        "every single step, when the stairs are dry."
    )
    assert not said_of(sentence)


@pytest.mark.parametrize("word", ["This", "These planners", "It", "Such a planner", "Our method"])
def test_what_points_back_is_known(word: str) -> None:
    (first, *_) = cuts(f"{word} can keep robots upright on all kinds of stairs.")
    assert first.is_dangling


def test_a_cut_never_parts_what_belongs_together() -> None:
    for text in said_of(ABSTRACT):
        assert text.count("(") == text.count(")")
        assert not text.rstrip(".").endswith((" a", " the", " of", " and", " which", ","))


SENTENCES = st.lists(
    st.sampled_from(
        [
            "We propose a planner, which works, and show that it (usually) climbs every stair.",
            "However, to this end, robots fall [1, 2] while people climb stairs by counting steps.",
            "Robots are “good” at falling; people, e.g. climbers, are not (see Roe).",
            "机器人会摔倒。", "Kurz.", "((", "x" * 300, "It is 3.5% faster than 2.1 GB of stairs.",
        ]
    ),
    max_size=8,
)  # fmt: skip


@given(SENTENCES)
@settings(deadline=None)
def test_every_cut_is_some_words_of_the_abstract_in_their_order(parts: list[str]) -> None:
    abstract = " ".join(parts)
    for cut in cuts(abstract):
        assert len(cut.spans) <= MAX_SPANS
        flat = [edge for span in cut.spans for edge in span]
        assert flat == sorted(flat)
        assert all(start < end for start, end in cut.spans)
        words = " ".join(abstract[a:b] for a, b in cut.spans).split()
        assert len(words) <= MAX_WORDS


def test_a_sentence_without_end_takes_no_long_time() -> None:
    began = time.perf_counter()
    cuts("a that " * 20_000 + ".")
    assert time.perf_counter() - began < 2


# --- choice --------------------------------------------------------------------------------------


def reading_of(abstract: str, title: str = "A title") -> Reading:
    return read(title, abstract, Embedded()._network.tokenizer)


def test_two_cuts_stand_together_in_their_order_and_within_the_limits() -> None:
    reading = reading_of(ABSTRACT)
    found = pairs(reading, range(len(reading.cuts)))
    assert found
    for one, other in ((reading.cuts[a], reading.cuts[b]) for a, b in found):
        assert one.sentence < other.sentence
        assert len(one.spans) + len(other.spans) <= MAX_SPANS
        assert one.words + other.words <= MAX_WORDS


PROPOSES = "We propose StairNet for robots on stairs."
SEES = "Robots fall on most of the stairs."
OTHER = "Stairs are built in all big cities."
BACK = "It keeps them upright on wet stone."


@pytest.mark.parametrize(
    ("sentences", "chosen", "dangles"),
    [
        ([PROPOSES, BACK], (0, 1), False),  # just before
        ([PROPOSES, OTHER, BACK], (0, 2), False),  # what presents something may be farther away
        ([SEES, OTHER, BACK], (0, 2), True),
        ([BACK, PROPOSES], (0, 1), True),  # nothing is before it
        ([PROPOSES, BACK], (1,), True),
        ([PROPOSES, OTHER], (0, 1), False),
    ],
)
def test_it_is_no_riddle_behind_what_it_stands_for(
    sentences: list[str], chosen: tuple[int, ...], dangles: bool
) -> None:
    reading = reading_of(" ".join(sentences))
    first_cut = [next(n for n, c in enumerate(reading.cuts) if c.sentence == at) for at in chosen]
    assert is_dangling(reading, tuple(first_cut)) is dangles


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("We propose a planner that counts every step.", "It keeps them upright on wet stone."),
        ("We propose a planner that counts every step.", "Robots with legs fall on many stairs."),
        (
            "We count the steps of forty robots on wet stone for the whole of one year.",
            "We count the steps of forty robots.",
        ),
        ("We count forty falls on wet stone.", "We propose a novel method for robots on stairs."),
    ],
)
def test_what_readers_mind_costs(better: str, worse: str) -> None:
    reading = reading_of(f"{better} {worse}", "A method for robots on stairs")
    first, second = (
        next((n,) for n, cut in enumerate(reading.cuts) if cut.sentence == at) for at in (0, 1)
    )
    assert cost(reading, first) < cost(reading, second)


def test_the_grid_says_what_is_kept_and_what_comes_again() -> None:
    reading = reading_of("The robot and the robot and the robot fall.")
    choices = singles(reading)
    of = grid(counts(reading, choices), *ends(reading, choices), choices)
    assert of.kept[0].tolist() == [1] * 9
    assert of.fresh[0].tolist() == pytest.approx([1, 1, 1, 0.3, 0.3, 0.3, 0.09, 0.09, 1])
    assert (of.first[0], of.last[0], of.pairs[0]) == (0, 8, 0)


def test_every_word_is_the_mean_of_its_tokens() -> None:
    words, title = weights(reading_of(ABSTRACT, "Robots on stairs"))
    assert words.sum(1).round(5).tolist() == [1.0] * len(words)
    assert title.sum().round(5) == 1
    assert title[0, 0] == 0


def test_without_a_title_nothing_breaks(embedded: Embedded) -> None:
    assert embedded.summarize([Text("", ABSTRACT)])[0]


# --- summaries -----------------------------------------------------------------------------------


def test_a_summary_is_made_of_the_abstracts_words(embedded: Embedded) -> None:
    (found,) = embedded.summarize([Text("Robots on stairs", ABSTRACT)])
    assert 6 <= len(found.split()) <= MAX_WORDS
    left = ABSTRACT.lower()
    for word in found.lower().rstrip(".").replace(".", " ").replace(",", " ").split():
        at = left.find(word)
        assert at >= 0, f"{word!r} does not follow in the abstract"
        left = left[at + len(word) :]


@pytest.mark.parametrize(
    "abstract",
    [
        "Robots fall.",
        "We propose legs.",
        "word " * 700,
        "Nous proposons une méthode pour que les robots montent les escaliers sans tomber.",
        "我们提出了一种让机器人爬楼梯的方法。它很少摔倒。",
        r"We bound $\sum_{i=1}^n x_i^2 \leq C \log n$ for all $n$, where $C$ is a constant.",
        "We study: (i) falls; (ii) steps; (iii) stairs. - One. - Two. * Three.",
        "?!? ... ---",
    ],
)
def test_every_abstract_gets_a_sane_answer(embedded: Embedded, abstract: str) -> None:
    (found,) = embedded.summarize([Text("A title", abstract)])
    assert found
    assert len(found.split()) <= MAX_WORDS
    assert len(found) <= 400


def test_an_item_of_a_list_is_said_alone(embedded: Embedded) -> None:
    abstract = plain(
        "Robots fall on stairs. We make three contributions:\n• We propose StairNet, a network "
        "that plans every step on all stairs.\n• We collect falls.\n• We release code."
    )
    (found,) = embedded.summarize([Text("Robots on stairs", abstract)])
    assert "•" not in found
    assert found.startswith("We propose StairNet, a network that plans every step")


def test_a_sentence_that_is_mostly_an_address_costs() -> None:
    link = "We show all at https://robots.example/on/all/of/the/stairs/and/their/falls today."
    reading = reading_of(f"We show all the falls of robots on stairs today. {link}")
    first, *_, last = range(len(reading.cuts))
    assert cost(reading, (first,)) < cost(reading, (last,))


@pytest.mark.parametrize("word", ["electroencephalography ", "electro-encephalo-graphy, and "])
def test_what_is_cut_off_ends_with_a_word(embedded: Embedded, word: str) -> None:
    (found,) = embedded.summarize([Text("A title", word * 40)])
    kept = found.removesuffix("…")
    assert kept != found
    assert (word * 40).startswith(kept)
    assert kept.rstrip(",").endswith(word.split()[0].rstrip(",")) or kept.endswith("and")


def test_neighbours_change_nothing(embedded: Embedded) -> None:
    texts = [
        Text(f"Title {n}", f"{ABSTRACT} We test {n} robots on many stairs.") for n in range(40)
    ]
    together = embedded.summarize(texts)
    assert together == [embedded.summarize([text])[0] for text in texts]
    assert together == Embedded().summarize(texts)


@pytest.mark.parametrize("damage", ["missing", "cut off"])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_model_is_named(tmp_path: Path, name: str, damage: str) -> None:
    shutil.copytree(MODEL, tmp_path / "model")
    file = tmp_path / "model" / name
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: min(100, file.stat().st_size // 2)])
    with pytest.raises(BadConfig, match="cannot be read"):
        Embedded(tmp_path / "model")


def test_a_model_without_a_revision_is_named(tmp_path: Path) -> None:
    shutil.copytree(MODEL, tmp_path / "model")
    (tmp_path / "model" / "model.json").write_text("{}", "utf-8")
    with pytest.raises(BadConfig, match=r"model.json names no revision"):
        Embedded(tmp_path / "model")


def test_other_weights_of_the_same_revision_have_another_id(
    tmp_path: Path, embedded: Embedded
) -> None:
    shutil.copytree(MODEL, tmp_path / "model")
    assert Embedded(tmp_path / "model").id == embedded.id
    (tmp_path / "model" / "model.json").write_text('{"revision": 2}', "utf-8")
    assert Embedded(tmp_path / "model").id != embedded.id


GOLDEN = Path(__file__).parents[1] / "golden" / "summaries.json"


def test_other_summaries_have_another_revision_of_the_rules(
    embedded: Embedded, request: pytest.FixtureRequest
) -> None:
    """Else what is kept from before would be taken for theirs."""
    known = json.loads(GOLDEN.read_text("utf-8"))
    texts = [Text(one["title"], plain(one["abstract"])) for one in known["papers"]]
    # The cuts and their costs are the same on every machine, whatever its arithmetic.
    now = [
        {
            **one,
            "summary": embedded.summarize([text])[0],
            "cuts": hashlib.sha256(repr(sorted(said_of(text.abstract))).encode()).hexdigest()[:16],
        }
        for one, text in zip(known["papers"], texts, strict=True)
    ]
    if now != known["papers"]:
        assert known["rules"] != RULES, "summaries differ: raise RULES, then pytest --update-golden"
        if request.config.getoption("--update-golden"):
            text = json.dumps({"rules": RULES, "papers": now}, ensure_ascii=False, indent=1)
            GOLDEN.write_text(f"{text}\n", "utf-8")
    assert json.loads(GOLDEN.read_text("utf-8")) == {"rules": RULES, "papers": now}


def test_all_model_files_together_are_small() -> None:
    """They may be 48 MB with the encoder, whose layers will take 11."""
    assert sum(path.stat().st_size for path in MODEL.parent.rglob("*")) <= 48_000_000


def test_neither_torch_nor_transformers_is_imported() -> None:
    ask = (
        "import sys, json; from digest.cli import app; from digest.summarizers import *; "
        "BUILTIN['embedded']().summarize([Text('A title', 'We propose legs for robots.')]); "
        "print(json.dumps([m for m in ('torch', 'transformers', 'onnx') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
