"""The built-in summarizer: the sentence of the abstract that says what the paper does. Pure.

Authors mark that sentence themselves ("in this paper we propose …"), and nothing that is only
selected and shortened can say what the abstract does not say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from digest.summarizers import Summarizer, Text
from digest.text import sentences

_WORK = "paper|work|study|article|letter|survey|review|report|thesis|tutorial|note|chapter"
_ADVERB = r"(?:\w+ly |also |then |thus |hence |first |here |further )?"
_CLAIM = "propose|present|introduce|develop|describe|design|formulate|devise|offer|provide|release"
_INQUIRY = (
    "study|investigate|explore|examine|analy[sz]e|address|consider|revisit|survey|review|ask"
    "|argue|show|demonstrate|prove|find|establish|report|evaluate|benchmark|compare|derive|build"
)

# (what a sentence may hold, what that is worth). The weights are round on purpose: they were
# set by hand on SciTLDR's training part and never fitted.
_CUES = tuple(
    (re.compile(pattern, re.IGNORECASE), worth)
    for pattern, worth in (
        (rf"\b(?:we|I) {_ADVERB}(?:{_CLAIM})\b", 4),
        (rf"\b(?:we|I) {_ADVERB}(?:{_INQUIRY})\b", 3),
        (rf"\bthis (?:{_WORK}) {_ADVERB}(?:{_CLAIM}|{_INQUIRY}|studie)e?s\b", 4),
        (rf"\b(?:in|of) this (?:{_WORK})\b|\bhere,? we\b", 2),
        (r"\b(?:is|are) (?:proposed|presented|introduced|developed|described)\b", 2),
        (r"\bour (?:\w+ )?(?:approach|method|model|framework|contribution|goal|system|key)\b", 1),
        # The state of the world, not of this paper.
        (r"^(?:Recent|In recent years|Over the (?:past|last)|Existing|Despite|Although)", -1),
        (r"\bha(?:s|ve) (?:attracted|received|gained|become|emerged|shown|achieved)\b", -2),
        # How well it went, which means little without what "it" is.
        (r"\b(?:experiment|outperform|state-of-the-art|results?\b)", -1),
        (r"^(?:Finally|Additionally|In addition|Moreover|Furthermore|Also|Lastly|Second)\b", -3),
        (r"\b(?:available|released|open-sourced?)\b|https?:", -4),
        # Points to something the reader will not see.
        (rf"^(?:This(?! (?:{_WORK})\b)|These|Those|It|Its|They|Their|Such|Both)\b", -3),
        (rf"\b(?:we|I) {_ADVERB}\w+ (?:to \w+ )?(?:this|these|it|them)\b", -1),
    )
)

# The same in Chinese, Japanese and Korean, where no blank parts the words.
_CUES_UNSPACED = tuple(
    (re.compile(pattern), worth)
    for pattern, worth in (
        (
            r"(?:本|这篇|這篇|该|該)(?:论文|論文|文章|文|研究|工作)|(?:本|当)(?:論文|稿|研究|報告)",
            2,
        ),
        (r"(?:我们|我們|作者|笔者|筆者|我々|われわれ|私たち|著者ら)", 2),
        (r"본 (?:논문|연구)|이 (?:논문|연구)에서|우리는|제안|제시", 2),
        (
            r"提出|提案|介绍|介紹|构建|構建|开发|開發|開発|设计|設計|构造|引入|導入|给出|給出|発表",
            3,
        ),
        (
            r"证明|證明|証明|研究了|分析了|探讨|探討|调查|調查|調査|検討|综述|綜述|解析|示す|明らかに",
            1,
        ),
        (
            r"^(?:近年|近年来|近年來|最近|随着|隨著|目前|现有|現有|传统|傳統|尽管|儘管|従来|現在|既存)",
            -2,
        ),
        (r"^(?:此外|另外|最后|最後|同时|同時|また|さらに|なお|加えて|또한)", -3),
        (r"实验(?:结果)?(?:表明|显示)|實驗(?:結果)?(?:表明|顯示)|実験(?:の結果|結果|により)", -1),
        (r"(?:代码|代碼|コード).{0,12}(?:公开|公開|开源|開源|获取)|https?:", -4),
        (
            r"^(?:这|這|它|其|该|該|これ|それ|この(?!論文|研究)|その|그|이는)(?!篇|论文|論文|研究|文)",
            -3,
        ),
    )
)
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

LONGEST = 600  #: characters of a summary; some abstracts are one sentence


class Lead(Summarizer):
    """Picks the sentence with the strongest signs of being the contribution, and trims it."""

    id = "lead/2"
    extracts = True

    def summarize(self, texts: Sequence[Text]) -> list[str]:
        """One sentence of each abstract; empty where there is no abstract.

        Shapes: same length and order as `texts`.
        """
        return [shortened(trimmed(contribution(text))) for text in texts]


def contribution(text: Text) -> str:
    """The sentence that states the contribution, else the first; the first of equals."""
    candidates = sentences(text.abstract)
    if not candidates:
        return ""
    title = _content_words(text.title)
    return max(enumerate(candidates), key=lambda at: _score(at[1], at[0], title))[1]


def _score(sentence: str, position: int, title: frozenset[str]) -> float:
    own = len(_UNSPACED.findall(sentence))
    is_unspaced = own > len(sentence) / 4
    cues = _CUES_UNSPACED if is_unspaced else _CUES
    score = float(sum(worth for pattern, worth in cues if pattern.search(sentence)))
    score += 4 * len(title & _content_words(sentence)) / max(1, len(title))
    score -= position / 3
    length = own // 2 if is_unspaced else len(sentence.split())
    if length < 8 or length > 50:
        score -= 2
    # A sentence that is mostly an address says where something lies, not what it is.
    addresses = sum(len(one) for one in re.findall(r"https?://\S+|www\.\S+", sentence))
    return score - 6 * (addresses > len(sentence) / 3)


def _content_words(text: str) -> frozenset[str]:
    """What is compared: words of four letters, or pairs of characters where nothing parts words."""
    pairs = re.findall(rf"(?=({_UNSPACED.pattern}{{2}}))", text)
    return frozenset(re.findall(r"[^\W_]{4,}", _UNSPACED.sub(" ", text.lower()))) | {*pairs}


# What may stand before the main clause without saying anything of the paper.
_LEAD_INS = re.compile(
    rf"""
    (?: (?:In|With|Through|Throughout) [ ] (?:this|the[ ]present|our) [ ] (?:\w+[ ])? (?:{_WORK})
      | Here | However | Therefore | Thus | Hence | Thereby | Consequently | Accordingly
      | Specifically | In[ ]particular | In[ ]contrast | By[ ]contrast | Instead | Nevertheless
      | Nonetheless | Moreover | Furthermore | Additionally | In[ ]addition | Finally | Besides
      | Meanwhile | To[ ](?:this|that)[ ]end | For[ ]this[ ](?:purpose|reason) | As[ ]a[ ]result
      | In[ ]response | First | Firstly | Notably | Importantly | Overall | In[ ]summary
      | With[ ]this[ ]in[ ]mind
      # Aims and motives only: "under these assumptions" is part of what is said.
      | (?:To|Towards?|Motivated[ ]by|Inspired[ ]by|Based[ ]on|Building[ ](?:up)?on|Driven[ ]by
          |Guided[ ]by|In[ ]light[ ]of|In[ ]view[ ]of|In[ ]response[ ]to)
        [ ] (?:\w+[ ]){{0,4}}? (?:this|these|(?:the[ ])?above)
        (?!(?:[ ]\w+)?[ ](?:assum|condi|hypo))
        (?:[ ][\w-]+){{0,2}}
    ) ,? [ ] (?=(?P<next>\S+))
    """,
    re.VERBOSE,
)
_LABEL = re.compile(
    r"^• (?:\(?\d{1,2}[.)] )?|^(?:Abstract|Summary|Background|Motivation|Objectives?|Aims?"
    r"|Purpose|Methods|Results)[:.] ",
    re.IGNORECASE,
)
# Where no comma parts the lead-in from the rest, only these surely begin a sentence.
_SUBJECTS = frozenset(("we", "i", "our", "a", "an", "the"))
# After a comma, these would go on with what was cut off.
_JOINERS = frozenset(("and", "or", "but", "nor", "which", "who", "that", "as", "while"))


def trimmed(sentence: str) -> str:
    """The sentence without what only ties it to its neighbours.

    A clause that might carry content stays, and so does one without which the rest would not be
    a sentence.

    >>> trimmed("However, to address this gap, in this paper, we thus propose X.")
    'We propose X.'
    >>> trimmed("To read faster on small machines, we propose X.")
    'To read faster on small machines, we propose X.'
    """
    rest = _LABEL.sub("", sentence)
    while (found := _LEAD_INS.match(rest)) and _is_clause(found):
        rest = capitalized(rest[found.end() :])
    return re.sub(r"^We (?:therefore|thus|hence|then|also|further|first) ", "We ", rest)


def shortened(sentence: str, longest: int = LONGEST) -> str:
    """The sentence, cut at a word where it is too long for a mail.

    >>> shortened("word " * 200)[-10:]
    'word word…'
    >>> shortened("两个机器人，上楼梯很快", 8)
    '两个机器人…'
    """
    if len(sentence) <= longest:
        return sentence
    head = sentence[: longest + 1]
    # Chinese and Japanese have no blanks, but commas.
    end = max(head.rfind(" "), *(head[:-1].rfind(mark) + 1 for mark in "，、；,"))
    return (head[:end] if end > 0 else head[:longest]).rstrip(" ,;:，、；") + "…"


def _is_clause(lead_in: re.Match[str]) -> bool:
    """Whether what follows the lead-in can stand alone."""
    following = lead_in["next"].lower()
    has_comma = lead_in[0].rstrip().endswith(",")
    return following not in _JOINERS if has_comma else following in _SUBJECTS


def capitalized(text: str) -> str:
    """With a capital first letter, unless the first word is a name like "mBERT" or "k-NN"."""
    word = text.partition(" ")[0].rstrip(",")
    parts = word.split("-")  # "large-scale", but not "k-NN" or "p-value"
    is_word = word.islower() and all(part.isalpha() for part in parts) and len(parts[0]) > 1
    return text[0].upper() + text[1:] if is_word or word == "a" else text
