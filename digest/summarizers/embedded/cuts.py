"""What a summary could be: the sentences of an abstract, trimmed where English allows it. Pure.

Every cut drops something a sentence can do without: what ties it to its neighbours ("However,",
"In this paper,"), who says it ("we show that"), aims and means before the main clause,
parentheses, and clauses at the end. What is left are spans of the abstract in their order. No
cut is made where it would change what is claimed: a condition ("Under …", "If …", "when …"), a
hedge ("we believe that …") or a negation stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from digest.summarizers.embedded import conditions
from digest.summarizers.embedded.asides import asides
from digest.text import sentences

MAX_WORDS = 35
MIN_WORDS = 6
MAX_SPANS = 3
#: Characters: what is longer has more than MAX_WORDS words, or none that could be told apart.
LONGEST = 600
#: A sentence gives at most so many cuts; what is beyond is shorter and less likely.
MAX_CUTS = 60
#: Only the first sentences are looked at; an abstract has fewer.
MAX_SENTENCES = 40

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Cut:
    """Some of an abstract's words."""

    spans: tuple[Span, ...]  #: in characters of the abstract, in order, apart from each other
    sentence: int  #: from 0
    words: int  #: as blanks part them
    is_dangling: bool  #: it points to something that the reader will not see
    presents: bool  #: it says what is new, so that "it" may follow
    tells: bool  #: it speaks of this paper, not of the world
    is_worldly: bool = False  #: it tells the state of the world, or what is wrong with it
    is_to_the_end: bool = True  #: of its sentence
    hesitates: bool = False  #: it asks, revisits, concludes, shares or links, and no more
    announces: bool = False  #: it says that something follows, which does not
    concludes: bool = False  #: it says what "these results" mean
    #: acronyms that the abstract spells out elsewhere, and those that are spelled out here
    unexplained: frozenset[str] = frozenset()
    explained: frozenset[str] = frozenset()


_RUN_ON = re.compile(r"(?<=[a-z)]{2})([.?!])(?=(?:[A-Z][a-z]+|A|I),? [a-z])")


def spaced(abstract: str) -> str:
    """With single blanks, also between sentences where one was forgotten.

    >>> spaced("It  falls.We find  why, e.g. on Fig.Two.")
    'It falls. We find why, e.g. on Fig.Two.'
    """
    return _RUN_ON.sub(r"\1 ", " ".join(abstract.split()))


def cuts(abstract: str) -> list[Cut]:
    """All that could stand for an abstract, by sentence; each has MIN_WORDS to MAX_WORDS words.

    `abstract` has single blanks only.
    """
    found: list[Cut] = []
    start = 0
    known = acronyms(abstract)
    for number, sentence in enumerate(sentences(abstract)[:MAX_SENTENCES]):
        start = abstract.index(sentence, start)
        found += _cuts(sentence, start, number, known)
        start += len(sentence)
    return found


def _cuts(sentence: str, offset: int, number: int, known: frozenset[str]) -> Iterator[Cut]:
    if sentence.rstrip().endswith(("?", "？")):  # what is asked is answered elsewhere
        return
    seen: set[tuple[Span, ...]] = set()
    masked = _masked(sentence)
    whole = len(sentence.rstrip(" .!?。！？"))
    for head in _heads(sentence, masked):
        says_that = masked[:head].endswith(" that ")
        for tail in _tails(sentence, masked, head):
            # "We show that A and that B": where "we show that" is gone, the second "that" hangs.
            if says_that and " and that " in masked[head:tail]:
                continue
            for spans in _with_holes(sentence, masked, head, tail):
                if spans in seen or len(seen) >= MAX_CUTS:
                    continue
                seen.add(spans)
                kept = " ".join(" ".join(sentence[a:b] for a, b in spans).split())
                if MIN_WORDS <= len(kept.split()) <= MAX_WORDS and _is_whole(kept):
                    moved = tuple((a + offset, b + offset) for a, b in spans)
                    here = acronyms(kept)
                    yield Cut(
                        moved,
                        number,
                        len(kept.split()),
                        is_dangling(kept),
                        presents(kept),
                        tells(kept),
                        is_worldly(kept),
                        tail == whole,
                        _HESITATES.search(kept) is not None or _is_address(kept),
                        _ANNOUNCES.search(kept) is not None,
                        _CONCLUDES.match(kept) is not None,
                        frozenset(one for one in known - here if _uses(kept, one)),
                        here,
                    )


# --- where a sentence may begin ------------------------------------------------------------------

_WORK = (
    r"(?:paper|work|study|article|letter|survey|review|report|thesis|tutorial|note|chapter"
    r"|textbook|book)"
)
_ADVERBS = r"(?:(?:\w+ly|also|then|thus|hence|first|here|further|therefore|next|now|even) ){0,2}"
_BULLET = r"• (?:\(?\d{1,2}[.)] )?"
_LABEL = re.compile(
    rf"(?:{_BULLET})?(?:Abstract|Summary|Background|Motivation|Objectives?|Aims?|Purpose|Methods?"
    r"|Results?|Conclusions?|Findings|Introduction|Context|Significance)(?: and \w+)?[:.] "
    rf"|\([ivx\d]+\) |{_BULLET}",
    re.IGNORECASE,
)
#: What may stand before the main clause without saying anything of the paper.
_LEAD_IN = re.compile(
    rf"""
    (?: (?:In|With|Through|Throughout|Within) [ ] (?:this|the[ ]present|our|the[ ]current)
          [ ] (?:\w+[ ])? {_WORK}
      | Here | However | Therefore | Thus | Hence | Thereby | Consequently | Accordingly
      | Specifically | In[ ]particular | More[ ](?:specifically|precisely) | In[ ]contrast
      | By[ ]contrast | Instead | Nevertheless | Nonetheless | Moreover | Furthermore
      | Additionally | In[ ]addition | Finally | Lastly | Besides | Meanwhile | Concretely
      | (?:To|Towards?)[ ](?:this|that|these)[ ](?:end|aim|goal)s? | For[ ]this[ ](?:purpose|reason)
      | As[ ]a[ ](?:result|consequence) | In[ ]response | (?:First|Second|Third)(?:ly)?
      | Then | Next | Also | Notably | Importantly | Crucially | Interestingly | Surprisingly
      | Remarkably | Overall | In[ ](?:summary|short|sum|conclusion|this[ ]way) | Indeed
      | Further | Rather | Yet | So | And | But
      | With[ ]this(?:[ ][\w-]+){{1,3}}(?=,)
      | As[ ](?:an?|one)[ ](?:[\w-]+[ ]){{1,3}}of[ ]these[ ]\w+(?=,)
      | (?:To|Towards?|Motivated[ ]by|Inspired[ ]by|Based[ ]on|Building[ ](?:up)?on|Driven[ ]by
          |Guided[ ]by|In[ ]light[ ]of|In[ ]view[ ]of|In[ ]response[ ]to)
        [ ] (?!{conditions.ASSUMES}) (?:[\w-]+[ ]){{0,4}}? (?:this|these|such|both|(?:the[ ])?above
          |the[ ](?:first|second|third|former|latter)) (?:[ ][\w-]+){{0,3}}? (?=,)
      | (?!{conditions.ASSUMES}) Given[ ]th(?:is|ese)(?:[ ][\w-]+){{0,2}}?(?=,)
    ) ,? [ ] (?=(?P<next>\S+))
    """,
    re.VERBOSE,
)
#: Where no comma parts the lead-in from the rest, only these surely begin a sentence.
_SUBJECTS = frozenset(("we", "i", "our", "a", "an", "the"))
#: After a comma, these would go on with what was cut off.
_JOINERS = frozenset("and or but nor which who whom whose that as while where when".split())
#: Who found it says nothing of what was found. Claims that are only argued, believed or
#: conjectured keep their "we argue that".
_SAYING = re.compile(
    rf"""
    (?: (?:we|I) [ ] {_ADVERBS}
          (?:show|find|found|demonstrate|prove|observe|reveal|establish|showed|demonstrated|proved)
      | (?:Our|The|These|Extensive|Numerical|Comprehensive|Empirical|Experimental|Simulation
           |Theoretical|Experiments?|Results?|Simulations?|Evaluations?|Analys[ei]s)
          (?:[ ](?!that\b)[\w/-]+){{0,9}}?
          [ ](?:show|demonstrate|reveal|prove)[sn]?
      | It[ ]is[ ](?:shown|found|proved|proven|demonstrated)
    ) [ ] (?:in[ ]this[ ]{_WORK}[ ])? that [ ]
    """,
    re.VERBOSE | re.IGNORECASE,
)
#: Aims, means and contrasts before the main clause: it holds without them, unless `conditions`
#: says otherwise.
_ADVERBIAL = re.compile(
    r"(?P<clause>(?P<opener>To|By|Motivated|Inspired|Based|Building|Leveraging|Using|Drawing|Unlike"
    r"|While|Although|Though|Despite|In contrast to|Whereas|Recognizing|Towards?|Driven|Guided"
    r"|Aiming|Instead of|Rather than|In order to|Beyond|Through|(?P<other>[A-Z][a-z]+(?:ing|ed)))"
    rf" [^;:]{{3,250}}?), (?=(?P<main>(?:we|I|our|this {_WORK}|here,? we|in this {_WORK},? we) ))"
)


def _heads(sentence: str, masked: str) -> Iterator[int]:
    """Where the sentence can begin: longest first. What only ties it to its neighbours goes."""
    label = _LABEL.match(sentence)
    head = label.end() if label else 0
    while head < len(sentence) - 10:
        rest = masked[head].upper() + masked[head + 1 :]
        if (lead_in := _LEAD_IN.match(rest)) and _can_go(lead_in):
            head += lead_in.end()
            continue
        yield head
        clause = _ADVERBIAL.match(rest)
        found = clause or _SAYING.match(rest)
        if not found or (clause and _is_condition(clause, sentence[head:])):
            return
        head += found.end()


def _is_condition(clause: re.Match[str], rest: str) -> bool:
    """Whether what stands behind the clause is claimed only together with it."""
    said, main = rest[: clause.end("clause")], rest[clause.start("main") :]
    # Whatever "Conditioning on …" may be: it is no condition of having made something.
    if clause["other"] and not presents(main):
        return True
    return conditions.binds(said, clause["opener"])


def _can_go(lead_in: re.Match[str]) -> bool:
    """Whether what follows can stand alone."""
    following = lead_in["next"].lower().rstrip(",")
    has_comma = lead_in[0].rstrip().endswith(",")
    return following not in _JOINERS if has_comma else following in _SUBJECTS


# --- where it may end ----------------------------------------------------------------------------

_FINDING = (
    r"(?:show|demonstrate|prove|find|provide|present|introduce|propose|analy[sz]e|evaluate|validate"
    r"|verify|discuss|derive|study|investigate|apply|compare|explore|describe|develop|establish"
    r"|illustrate|report|use|obtain|achieve|give|argue|highlight|conduct|identify|test|release)"
)
_END = re.compile(
    rf"""
      ,[ ](?:which|where|whose|who|whereby|thereby|thus|hence|therefore|while|whereas|as[ ]well[ ]as
            |such[ ]as|including|especially|particularly|in[ ]particular|because|since|so[ ]that
            |so[ ]as|in[ ]order[ ]to|namely|e\.g\.|i\.e\.|even|respectively|called|termed
            |dubbed|named|with|based[ ]on|as|making|allowing|enabling|leading|resulting
            |achieving|yielding|providing|improving|reducing|outperforming|showing|demonstrating
            |ensuring|suggesting|indicating|using|highlighting|offering|revealing|establishing
            |surpassing|allow|giving|creating|helping|generalizing|extending|capturing|producing
            |and[ ](?:(?:we|it|our|thus|thereby|hence|then|therefore|that|also|can|is|are)\b
               |{_FINDING})
            |a[ ]|an[ ]|the[ ])
    | [ ](?:by[ ]\w+ing|by[ ]means[ ]of|using|based[ ]on|in[ ]order[ ]to|so[ ]that|via|through
           |while|whereas|because|as[ ]well[ ]as|compared[ ](?:to|with)|with[ ]respect[ ]to
           |in[ ]terms[ ]of|such[ ]as|including|thereby
           |in[ ]the[ ](?:context|field|area|domain)[ ]of
           |(?:and|or)[ ](?:we|it|thus|thereby|then|{_FINDING})
           |on[ ](?:a|both|several|multiple|various|many|standard|public|real|the)
           |across|over[ ]existing|for[ ]\w+ing)(?=[ ])
    | ;[ ] | [ ][\u2013\u2014-][ ] | \u2014 | ,[ ]together[ ]with
    | ,?[ ](?:addressing|overcoming|resolving|tackling)[ ](?:both|these|those|this)[ ]\w+(?=[,.]|$)
    | ,?[ ](?:to|that[ ](?:directly[ ])?|which[ ](?:directly[ ])?)[ ]?
        (?:overcome|address|tackle|mitigate|solve|bridge|fill|alleviate)(?:e?s)?
        [ ](?:this|these|such|both)[ ][\w-]+(?=[,.]|$)
    """,
    re.VERBOSE,
)
_COUNTER = re.compile(r"\((?:i{1,3}|iv|v|\d)\) ")
_DASH = re.compile(r" [–—-] |—")


def _is_within_dashes(before: str, after: str) -> bool:
    return len(_DASH.findall(before)) % 2 == 1 and _DASH.search(after) is not None


#: What comes before the main clause; no sentence ends within it.
_OPENING = re.compile(
    r"(?:(?:If|When|Whenever|By|On|In|At|With|Within|Without|For|From|Given|Following|Since|As"
    r"|Because|Although|Though|While|Whereas|Despite|Unlike|To|Under|Using|Based|Through|Inspired"
    r"|Motivated|After|Before|During|Among|Across|Compared|Over|Once|Besides|Instead|Rather"
    r"|Depending|Building|Leveraging|Combining|Applying|Starting|Just|Not only|Until|Beyond) "
    r"[^,]*(?:, |$))|(?:[^,]{1,60} that, [^,]*(?:, |$))",
    re.IGNORECASE,
)
#: What follows a comma within "A, a B, and C".
_REST_OF_LIST = re.compile(r"[^,;:]{1,80},? (?:and|or) ")
#: Nothing ends behind these.
_NEVER_LAST = re.compile(
    r"(?:^|[ (])(?:a|an|the|of|to|for|in|on|with|by|from|and|or|but|that|which|is|are|was|were|be"
    r"|been|as|at|than|into|we|our|its|their|both|between|not|only|also|can|could|may|will|how"
    r"|whether|what|if|when|where|while|such|this|these|via|using|based|either|neither|more|most"
    r"|less|very|under|over|through|without|within|across|it|they|has|have|had|do|does|because"
    r"|most|least|each|every|no|other|well|rather|even|so|about|like|per|any|all|some)$",
    re.IGNORECASE,
)
#: A verb that is still waiting for what it is about.
_NEEDS_MORE = re.compile(
    r"(?:^|[ ])(?:propose|proposes|present|presents|introduce|introduces|study|studies|show|shows"
    r"|demonstrate|demonstrates|find|finds|prove|proves|investigate|address|develop|consider"
    r"|provide|provides|explore|describe|achieve|achieves|use|uses|derive|establish|analyze"
    r"|examine|argue|suggest|aims?|seeks?|based|consisting|depends?|relies|focus|focuses"
    r"|due|according|able|unable|likely|possible|ability|order|need|needs|tends?|leads?"
    r"|(?:is|are) (?:generated|trained|built|used|given|determined|driven|done|made|composed)"
    r"|learn|learns|learned|learning|allows?|enables?|makes?|gives?|requires?)$",
    re.IGNORECASE,
)


#: "We propose X, a framework" says no more than "We propose X".
_EMPTY_APPOSITION = re.compile(r", (?:a|an|the|one)(?: [\w-]+){1,2}$", re.IGNORECASE)


#: "Combines A", "between A": the other is still to come.
_ONE_OF_TWO = re.compile(
    r"\b(?:combin(?:es?|ing)|between|coupl(?:es?|ing)|integrat(?:es?|ing)|pairs?|pairing)\b"
    r"(?!.*\b(?:and|with|into|,)\b)[^,;]*$|\bboth\b(?!.*\band\b)[^,;]*$"
)
#: "We propose X" says no more than the title.
_NAME_ONLY = re.compile(
    r"(?:.* )?[Ww]e (?:\w+ )?\w+ (?:an? |the )?[A-Z][\w-]*(?: (?:[A-Z][\w-]*|for|with|of|and|in))*"
    r"(?: \([^()]*\))?$"
)
#: What is announced here comes behind.
_ANNOUNCES = re.compile(
    r"\b(?:two|three|four|five|several)(?: [\w-]+){0,2} (?:innovations|modules|components"
    r"|techniques|contributions|challenges|failures|stages|principles|steps|parts|mechanisms|insights|problems)$"
    r"|\b(?:that|what) we call [^,;]+$|\bdepends?(?: \w+ly)$|\band methods$"
    r"|\b(?:promising|viable|natural|useful) (?:routes?|approach(?:es)?|directions?|tools?|ways?)$"
    r"|\b(?:de facto|gold) standard$"
    r"|\b(?:remedy|sensitivity|robustness|agreement|application|alternative|operations|access"
    r"|reliance|dependence)$"
    r"|\bthat \w+(?<!s)s [\w-]+(?: [\w-]+)?$"  # "that routes decisions": how?
    r"|\b(?:\w+s|each) (?!based)\w+ed$"  # "concepts developed": where?
    r"|^we \w+ an? (?:[\w-]+ ){0,4}(?:framework|method|network|approach|system|model)$",
    re.IGNORECASE,
)
#: A name whose explanation went.
_BARE_NAME = re.compile(r"(?:, and|(?:paired|together|along) with) [A-Z][\w+-]*$")
#: "X is essential for Y, and Z": the verb of Z is still to come. (In a list there are more commas.)
_SECOND_SUBJECT = re.compile(r"[^,]*, and (?:[\w-]+ ){0,4}[\w-]+$")
_UNFINISHED = (
    _ANNOUNCES,
    _BARE_NAME,
    _NAME_ONLY,
    _NEVER_LAST,
    _NEEDS_MORE,
    _EMPTY_APPOSITION,
    _ONE_OF_TWO,
)


def _tails(sentence: str, masked: str, head: int) -> Iterator[int]:
    """Where the sentence can end: longest first."""
    yield len(sentence.rstrip(" .!?。！？"))
    ends = []
    opening = _OPENING.match(masked, head)
    for found in _END.finditer(masked, opening.end() if opening else head):
        if found.start() - head > LONGEST:
            break
        before = sentence[head : found.start()].rstrip(" ,;:")
        if any(no.search(before) for no in _UNFINISHED):
            continue
        if found[0][0] == "," and _REST_OF_LIST.match(masked, found.end()):
            continue
        if (
            _SECOND_SUBJECT.fullmatch(re.sub(r" \([^()]*\)", "", before))
            and "," in sentence[found.start() + 1 :]
        ):
            continue
        if found[0] == "; " and ";" in sentence[found.end() :]:  # a list
            continue
        if _COUNTER.search(before) and _COUNTER.search(sentence, found.start()):
            continue
        rest = sentence[head + len(before) :]
        # What a colon or a dash announces is told whole.
        if conditions.restricts(rest) or ": " in before or _is_within_dashes(before, rest):
            continue
        ends.append(head + len(before))
    yield from reversed(ends)
    if tells(sentence[head:]) and not any(sentence[head:e].count(" ") < MAX_WORDS for e in ends):
        yield from _last_resorts(sentence, masked, head)


#: Where a long sentence may end that nowhere else can: some of what it says is better than nothing.
_ANYWHERE = re.compile(r": |,? (?:that|which|for|with|to|in|from|by) ")


NEAR = 30  #: characters that a condition may have had before an end

#: "From one", "of 160 million": the other end is still to come.
_RANGE = re.compile(r"(?:\d%?|[mb]illion|thousand|hundred)$|\bfrom (?!.*\bto\b)", re.IGNORECASE)
_RELATIVE = re.compile(r" (?:that|which) (?:[\w-]+ ){0,6}[\w-]+$")


def _last_resorts(sentence: str, masked: str, head: int) -> Iterator[int]:
    """The three longest that MAX_WORDS allow."""
    opening = _OPENING.match(masked, head)
    found = []
    for end in _ANYWHERE.finditer(masked, opening.end() if opening else head):
        before = sentence[head : end.start()].rstrip(" ,;:")
        if before.count(" ") >= MAX_WORDS:
            break
        # "the ways | in which" leaves the ways untold.
        if masked.startswith(("which", "whom", "whose"), end.end()):
            continue
        if end[0].strip() == "to" and _RANGE.search(before):
            continue
        # Neither before a condition nor within it: "provided | that it is dry".
        if conditions.restricts(sentence[max(head, head + len(before) - NEAR) :]):
            continue
        is_finished = not any(no.search(before) for no in _UNFINISHED)
        # Within "the ways that rules for robots give", the verb is still to come.
        if is_finished and ": " not in before and not _RELATIVE.search(before):
            found.append(head + len(before))
    yield from reversed(found[-3:])


# --- what may be left out between ----------------------------------------------------------------

_ACRONYM = re.compile(r" \(([A-Z][\w-]{1,11}?)s?\)")
_HOLE = re.compile(
    r", (?:which|called|termed|dubbed|named|e\.g\.,?|i\.e\.,?|such as|including) [^,;:]{2,80},"
    r"(?= (?:that|is|are|to|can|which|for|with|and|in|has|have|a|an|the)\b)"
)
#: What ties a sentence to the one before; not "first", which a "then" may follow.
_TIE = re.compile(
    r"\b(?:[Ww]e|I|paper|work|study)(?P<hole>,? (?:also|therefore|thus|hence|further|additionally"
    r"|furthermore|moreover|instead|accordingly|consequently|subsequently|finally),?)(?= [a-z])"
    r"|\b(?:that|which|and|can|is|are)(?P<other> instead)(?= (?!of\b)[a-z])"
)
_MIDDLE = re.compile(rf"(?:We|I) (?P<hole>{_ADVERBS}{_FINDING} [^;:]{{3,200}}?,? and ){_FINDING} ")


_IT = re.compile(r"\b(?:it|its|them|their|they)\b")


def _with_holes(sentence: str, masked: str, head: int, tail: int) -> Iterator[tuple[Span, ...]]:
    opening = _OPENING.match(masked, head)
    main = opening.end() if opening else head  # a clause in front keeps its commas
    holes = [found.span() for found in _HOLE.finditer(masked, main, tail)]
    ties = [tie.span(tie.lastgroup or 0) for tie in _TIE.finditer(masked, head, tail)]
    if middle := _MIDDLE.match(masked, head, tail):
        holes.append(middle.span("hole"))
    # Asides go together: one of two alike would look forgotten.
    aside = list(asides(sentence, head, tail))
    for count in range(MAX_SPANS):
        for some in combinations(holes[:3], count):
            for more in ([], aside):
                if spans := _without(sorted([*some, *more, *ties]), head, tail):
                    kept = " ".join(sentence[start:end] for start, end in spans)
                    if any(_needs(kept, sentence[slice(*one)]) for one in more):
                        continue
                    # What "it" is was said in the part that went.
                    if not (middle and middle.span("hole") in some and _IT.search(kept)):
                        yield spans


#: What needs no explaining to who reads abstracts.
_FAMILIAR = frozenset(
    "AI ML RL NLP CNN RNN LSTM GNN GAN MLP LLM VLM MLLM VLA ViT RAG QA GPU CPU TPU API GUI CLI OCR"
    " MRI CT EEG ECG DNA RNA PDE ODE SDE SGD PCA SVM IoT AR VR UAV SQL".split()
)


def acronyms(text: str) -> frozenset[str]:
    """Those that a text spells out, "an acronym (ACR)", without an ending s."""
    return frozenset(m[1] for m in _ACRONYM.finditer(text)) - _FAMILIAR


def _uses(kept: str, acronym: str) -> bool:
    return re.search(rf"\b{re.escape(acronym)}s?(?![\w-])", kept) is not None


def _needs(kept: str, aside: str) -> bool:
    """Whether an aside says what an acronym stands for that comes again."""
    acronym = _ACRONYM.fullmatch(aside)
    return bool(acronym and re.search(rf"\b{re.escape(acronym[1])}", kept))


def _without(holes: list[Span], head: int, tail: int) -> tuple[Span, ...]:
    spans: list[Span] = []
    at = head
    for start, end in [*holes, (tail, tail)]:
        if start < at:
            return ()
        if start > at:
            spans.append((at, start))
        at = end
    return tuple(spans) if len(spans) <= MAX_SPANS else ()


def _masked(sentence: str) -> str:
    """The sentence with parentheses blanked, so that nothing is looked for within them."""
    return re.sub(r"\([^()]*\)", lambda m: "\x00" * len(m[0]), sentence)


# --- what reads as a sentence --------------------------------------------------------------------

#: A first word or two that stand for something said before.
_POINTS_BACK = re.compile(
    rf"""
    (?: This(?![ ](?:\w+[ ])?{_WORK}\b) | These | Those | Its | They | Their | Such | Both | He
      | It(?![ ]is[ ](?:shown|well|known|possible|hard|difficult)\b)
      | She | His | Her | Another | That | Doing[ ]so | In[ ]doing[ ]so | Similarly | Likewise
      | Compared | Also | To[ ]our[ ]knowledge,?[ ](?:it|this)
      | (?:Building|Based|Using|Leveraging|With|From|Through)(?:[ ](?:up)?on)?
          [ ](?:the|this|that|these|those)
      | The[ ](?:proposed|resulting|former|latter|above|same|other|first|second|third|final|results?
          |code|model|method|approach|algorithm|framework|key|system|technique|main|goal)
      | Our[ ](?!(?:goal|aim|work|paper|study|main|focus|objective|contribution)\b)
      | Results? | Experiments? | Extensive | Experimental | Empirical | Here
    )\b
    """,
    re.VERBOSE,
)
#: The same in the middle. "this" may point to something within the sentence, so these are only
#: the cases where it seldom does.
_POINTS_BACK_LATER = re.compile(
    rf"""
      \b(?:we|I)[ ]{_ADVERBS}[\w-]+[ ](?:\w+[ ])?(?:it|them|they)\b
    | \b(?:this|these)[ ](?!(?:\w+[ ])?{_WORK}\b) | \bsuch[ ](?!(?:as|that|an?)\b)
    | \bthose[ ](?!(?:who|that|of|in|with|from|for|which|where|on|by|to|used|obtained)\b)
    | \b(?:all[ ](?:two|three|four|five)
        |(?:both|the[ ](?:first|second|third|former|latter))
          [ ](?:gap|challenge|problem|issue|limitation|shortcoming|question)s?)\b
    | \bthat[ ](?:it|they)[ ](?!is[ ](?:possible|necessary|sufficient|hard|enough)\b)
    | \bthe[ ]opposite[ ](?:is|holds)\b
    | \binstead\b(?![ ]of\b)
    | \bthe[ ](?:observed|curated|recipe|schemes?)\b | \badditional[ ](?!to\b)
    | \b(?:we|I)[ ]{_ADVERBS}[\w-]+[ ](?:its|their)\b
    | \b(?:the[ ](?:new|same|described|given|former|latter|above|aforementioned|resulting
        |proposed) | do[ ]so
        |our[ ](?:proposed|resulting|formulation|construction|scheme|method|approach|model
          |framework|algorithm|system|technique))\b
    """,
    re.VERBOSE,
)


#: Words for the state of the world, or for what is wrong with it.
_WORLD = re.compile(
    r"\b(?:unclear|unresolved|unexplored|underexplored|lacking|remains?|however|existing|often"
    r"|typically|usually|traditional(?:ly)?|conventional|only partially|recent|recently|crucial"
    r"|essential|widely|increasingly|aims? to|hindered|constrained|challeng\w+|problems?|struggle"
    r"|suffers?|fails?|limited|demand(?:s|ing)?|central to|despite|common intuition)\b|^Although\b",
    re.IGNORECASE,
)


def is_worldly(kept: str) -> bool:
    """Whether it tells what everyone knows, or what is missing, without anything of the paper."""
    return not tells(kept) and _WORLD.search(kept) is not None


_HESITATES = re.compile(
    r"^(?:We|This \w+) (?:ask|conjecture|conclude|close|share|publish|release|revisit|consider"
    r"|attempt)s?\b"
    r"|\b[Ww]e (?:first|then)\b(?!.*\bthen\b)|^Together,|^To train\b|\bis whether\b"
    r"|^(?:Our|These|The) (?:findings|results) (?:emphasi[sz]e|highlight|underscore)"
)


def _is_address(kept: str) -> bool:
    """Whether it mostly says where something lies."""
    return 3 * sum(len(one[0]) for one in _ADDRESS.finditer(kept)) > len(kept)


_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_CONCLUDES = re.compile(r"(?:These|The|Our|This|Such) (?:\w+ )?(?:results?|findings?)\b")


def is_dangling(kept: str) -> bool:
    """Whether it points to something that is not there."""
    if _POINTS_BACK.match(kept[0].upper() + kept[1:]):
        return True
    return any(
        not _is_named(kept[: found.start()], kept[found.start() :].split()[1:3])
        for found in _POINTS_BACK_LATER.finditer(kept, 1)
    )


def _is_named(before: str, words: list[str]) -> bool:
    """Whether "this matching algorithm" was spoken of: one of its words came before."""
    return any(len(word) > 3 and word[:5].lower() in before.lower() for word in words)


_PRESENTS = re.compile(
    rf"\b(?:we|I|(?:this|our) {_WORK}) {_ADVERBS}"
    r"(?:propos|introduc|present|develop|describ|design|devis|formulat|build|creat|contribut)",
    re.IGNORECASE,
)


def presents(kept: str) -> bool:
    """Whether it says what the authors made."""
    return bool(_PRESENTS.search(kept))


_ACT = (
    r"(?:propos|present|introduc|develop|describ|stud|show|prov|investigat|deriv|analy[sz]|report)"
)
_TELLS = re.compile(
    rf"\b(?:we|(?<!to )our|ours|I|my|the authors?|here)\b|\b(?:this|the|our) {_WORK}\b"
    rf"|\b(?:is|are) (?:{_ACT}\w*|obtained|considered|given|established|discussed)\b",
    re.IGNORECASE,
)
#: A system of the paper's own, by its name: "StairNet halves the falls".
_OWN_NAME = re.compile(r"[A-Z][a-z]*[A-Z0-9][\w-]*(?: [A-Z][\w-]*)? (?:is an?|[a-z]{3,}(?<!s)s) ")


def tells(kept: str) -> bool:
    """Whether it speaks of this paper, as far as its words tell."""
    return bool(_TELLS.search(kept) or _OWN_NAME.match(kept))


#: What could not be read as plain text, see `digest.tex`.
_MARKUP = re.compile(r"\\[A-Za-z]|\$[^$]*[\\^_{}][^$]*\$")


def _is_whole(kept: str) -> bool:
    return (
        kept.count("(") == kept.count(")")
        and kept.count("[") == kept.count("]")
        and kept.count('"') % 2 == 0
        and kept.count("“") == kept.count("”")
        and not kept.endswith(("?", ":"))
        and not _MARKUP.search(kept)
    )
