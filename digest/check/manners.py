"""Whether a text has the form of a summary: length, language, no talk, no links. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from digest.check.languages import UNSPACED, is_in
from digest.check.words import STOPS
from digest.text import sentences

FEWEST_WORDS, MOST_WORDS, MOST_SENTENCES = 4, 60, 3
FEWEST_CHARACTERS, MOST_CHARACTERS = 8, 240

#: How an answer begins that talks to somebody. Whatever the language asked for is, models fall
#: back into others.
_OPENINGS = (
    # English
    r"sure\b|certainly\b|of course\b|here(?:'s|’s| is| are)\b|here you go|okay\b|ok,|got it"
    r"|great\b[^.]{0,20}[!]"
    r"|absolutely\b\W|definitely\b\W|no problem|happy to|glad to|let me\b|let's\b|sorry\b"
    r"|unfortunately,? i\b"
    r"|as an (?:ai|assistant)|as a (?:large )?language model|i(?:'m|’m| am) (?:sorry|unable"
    r"|not able)"
    r"|i can(?:not|['’]t)|i (?:don['’]t|do not) (?:have|know)|i apologi[sz]e|i(?:'d|’d"
    r"| would) (?:be|like|love)"
    r"|(?:one[- ]sentence |short |brief |the )?summary\s*[:\-–]|tl;?dr\b|the following (?:is"
    r"|are)\b|below is\b"
    r"|in (?:summary|short|brief|other words|one sentence|a nutshell|simple terms)\s*[,:]"
    r"|(?:output|answer|title|abstract|response|result|note|assistant|user|system|human|ai)\s*:"
    r"|th(?:is|e) (?:provided |given |above )?(?:abstract|text|passage|excerpt)\b"
    # German, French, Spanish, Portuguese, Italian, Dutch
    r"|sicher[!,]|natürlich[!,]|gerne?[!,]|klar[!,]|hier ist\b|zusammenfassung\s*:|als ki\b"
    r"|als sprachmodell"
    r"|es tut mir leid|leider kann ich|entschuldigung"
    r"|bien s[ûu]r|certainement[!,]|voici\b|résumé\s*:|désolée?\b|je suis désolé|en tant qu['’]ia"
    r"|je ne peux pas"
    r"|¡?claro[!,]|¡?por supuesto|aquí (?:está|tienes?)|resumen\s*:|lo siento|como (?:modelo"
    r"|ia)\b|no puedo"
    r"|com certeza|aqui está|resumo\s*:|desculpe|não posso|certo[!,]|certamente[!,]|ecco\b"
    r"|riassunto\s*:"
    r"|mi dispiace|come (?:modello|ia)\b|non posso|natuurlijk[!,]|zeker[!,]|hier is\b"
    r"|samenvatting\s*:|als ai\b"
    # Others
    r"|självklart|här är\b|sammanfattning\s*:|tyvärr|selvfølgelig|her er\b|oczywiście|oto\b"
    r"|podsumowanie\s*:"
    r"|przepraszam|samozřejmě|zde je|tabii|elbette|işte\b|özet\s*:|üzgünüm|tentu\b|berikut\b"
    r"|ringkasan\s*:|maaf\b"
    r"|chắc chắn|dưới đây là|tóm tắt\s*:|xin lỗi|конечно|вот\b|резюме\s*:|извините|к сожалению, я"
    r"|как (?:ии|языковая)"
    r"|звичайно|ось\b|물론|다음은|요약\s*:|죄송|네[,!.]"
    # Chinese and Japanese, which put no blank behind
    r"|当然|當然|好的[,，!！。]|没问题|沒問題|以下是|以下为|以下為|这是(?:一|该|对)|這是(?:一|該|對)|抱歉|对不起|對不起|很抱歉"
    r"|很遗憾|很遺憾|作为(?:一|AI|人工)|作為(?:一|AI|人工)|(?:摘要|总结|總結|概括|概要|标题|標題|回答|答案|注)\s*[:：]"
    r"|一句话(?:总结|概括|摘要)|一句話(?:總結|概括|摘要)|根据(?:您|你|提供)|根據(?:您|你|提供)"
    r"|もちろん|はい[、。,]|承知|かしこまり|以下(?:は|に|が)|申し訳|すみません|要約\s*[:：は]|こちらが"
)
#: Wherever they stand.
_ANYWHERE = (
    r"as an ai (?:language )?model|as an assistant|let me know|(?:i )?hope (?:this|that|it) helps?"
    r"|feel free|here(?:'s|’s| is) (?:a|the|your) (?:\w+ )?(?:summary|sentence|answer|version)"
    r"|would you like"
    r"|do you (?:want|need)|if you (?:want|need|have any|would like|'d like)|great question"
    r"|happy to help"
    r"|\bi (?:cannot|can['’]t|could not|couldn['’]t|am (?:not able|unable) to|was (?:not able"
    r"|unable) to)"
    r" (?:summari|provide|help|assist|generate|answer|fulfil|write)"
    r"|(?:enough|sufficient|more) information to (?:summari|write|answer|provide)"
    r"|not able to summari"
    r"|unable to summari|(?:one|single)[- ]sentence summary|please (?:provide|note|share)"
    r"|no abstract (?:was|is) "
    r"|word count|\d+ words?\)|(?:the )?abstract (?:provided|you)|thank you"
    # Calls to act: what an abstract may have smuggled in.
    r"|click (?:here|on|the|below|this)|(?:ignore|disregard|forget) (?:all |any |the |your "
    r"|these |my )*(?:previous|prior|above"
    r"|preceding|earlier|other)? ?(?:instructions?|prompts?|rules|directions)|system prompt"
    r"|log ?in (?:here|at|to)"
    r"|sign up (?:at|here|for|now|today)|subscribe (?:to|now|here)|download (?:it )?(?:here|now)"
    r"|(?:visit|follow|call|e-?mail|contact|message|text)"
    r" (?:us|me|our|my)\b|(?:buy|order|donate|act|register|apply|join) (?:it |us )?(?:now|today"
    r"|here)\b"
    r"|your (?:account|password|prize|credit card)"
    r"|</?think(?:ing)?>|<\|[a-z_]+\|>|```|^\s*#|\*\*|^\s*[-*•] |\]\("
    r"|</?(?:summary|answer|response|output|result|tldr|text|abstract|title|s|p|b|div|sentence"
    r"|final|user|system|assistant|inst)>"
    r"|\[/?inst\]"
    # Others
    r"|作为一[个個名位]?(?:AI|人工智能|语言模型|語言模型)|AI(?:语言|語言|言語)?(?:模型|モデル)(?:として|，|,)"
    r"|(?:无法|無法|不能|没法)(?:为您|為您|对其|對其|直接)?(?:总结|總結|概括|提供|回答|生成摘要|完成)"
    r"|(?:没有|沒有|未)(?:提供|给出|給出)(?:足够|足夠|任何)?的?(?:摘要|信息|資訊|内容|內容|论文|論文)"
    r"|希望(?:这|這|以上|对您|對您)|请(?:点击|提供|访问|告诉|忽略)|請(?:點擊|提供|訪問|告訴|忽略)|如果您|点击(?:此|这|链)|點擊(?:此|這|連)"
    r"|忽略(?:之前|以上|上述|前面)|お役に立|ご(?:質問|希望|要望|覧ください)|クリック|要約(?:できません|いたし)|以前の指示"
)
_CHAT = re.compile(rf"^[^\w¡<\[*#`|-]*(?:{_OPENINGS})|{_ANYWHERE}", re.IGNORECASE | re.MULTILINE)
_ENDINGS = "|".join(
    "com org net io ai co me ly ru cn info xyz dev app edu gov eu uk de fr jp gl to link site"
    " online top shop biz tv cc".split()
)
_REST = r"[^\s<>\"）」、。，]"
_LINK = re.compile(
    # No name of a host or a person has more than 64 characters in a row.
    r"(?<![\w.+-])[\w+-]{1,64}(?:\.[\w+-]{1,64}){0,8}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}"
    rf"|\b(?:[a-z][a-z0-9+.-]{{1,12}}://|www\.|mailto:|javascript:|data:text){_REST}*"
    rf"|(?<![\w-])(?:[\w-]{{1,64}}\.){{1,8}}"
    rf"(?:(?i:{_ENDINGS})|(?-i:[a-z]{{2,24}}))\b(?:[/:?#]{_REST}*)?"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b(?:[/:]\S*)?",
    re.IGNORECASE,
)
_NO_LINK = re.compile(
    r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}|[\d.]+|.*\.(?:js|py|cpp|net)|vs\..*", re.IGNORECASE
)


def manners(summary: str, source: str, language: str) -> Iterator[str]:
    """What is wrong with its form, each naming the culprit."""
    words = summary.split()
    if not words:
        yield "it is empty"
        return
    if wrong := _length(summary, words, language):
        yield wrong
    if chat := _CHAT.search(summary):
        yield f"{chat[0].strip()!r} is talk, no summary"
    if repeated := _repeated(words) or _repeated_characters(summary):
        yield f"it repeats {repeated!r}"
    if not is_in(summary, language):
        yield f"it is not in the language {language!r}"
    known = {_bare(link) for link in links(source)}
    for link in links(summary):
        if _bare(link) not in known:
            yield f"the address {link!r} is not in the abstract"


def _length(summary: str, words: Sequence[str], language: str) -> str:
    """What is wrong with its length."""
    if language.partition("-")[0].lower() in UNSPACED:
        is_fit = FEWEST_CHARACTERS <= len(summary) <= MOST_CHARACTERS
        return "" if is_fit else f"it has {len(summary)} characters"
    if not FEWEST_WORDS <= len(words) <= MOST_WORDS:
        return f"it has {len(words)} words"
    count = len(sentences(summary))
    return f"it has {count} sentences" if count > MOST_SENTENCES else ""


def links(text: str) -> list[str]:
    """The addresses in a text: of pages, of people, and what mail programs take for one.

    >>> links("See https://a.example/x. Or b.org/y, e.g. at me@c.example; v2.1 of Node.js; Fig.A.")
    ['https://a.example/x', 'b.org/y', 'me@c.example']
    """
    found = (one[0].rstrip(".,;:!?)]}'\"") for one in _LINK.finditer(text))
    return [one for one in found if not _NO_LINK.fullmatch(one)]


def _bare(link: str) -> str:
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", link.lower()).rstrip("/")


def _repeated(words: Sequence[str]) -> str:
    """A phrase that is said again: five words twice, or two words four times."""
    lower = [word.lower().strip(".,;:") for word in words]
    for size, often in ((5, 2), (2, 4), (1, 9)):
        phrases = Counter(zip(*(lower[at:] for at in range(size)), strict=False))
        for phrase, count in phrases.items():
            if count >= often and not set(phrase) <= STOPS:
                return " ".join(phrase)
    return ""


_OWN = "\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f"
_AGAIN = re.compile(
    rf"([{_OWN}]{{2,12}}?)(?:[，。、；！,.\s]?\1){{3}}|([{_OWN}]{{6,30}}?)[，。、；！,.\s]?\2"
)


def _repeated_characters(summary: str) -> str:
    """The same where nothing parts words: one piece four times on end, or a long one twice."""
    text = summary[: 2 * MOST_CHARACTERS]
    if found := _AGAIN.search(text):
        return str(found[1] or found[2])
    runs: list[str] = re.findall(rf"[{_OWN}]+", text)
    for size, often in ((10, 2), (4, 4)):
        pieces = Counter(run[at : at + size] for run in runs for at in range(len(run) - size + 1))
        for piece, count in pieces.items():
            if count >= often:
                return piece
    return ""
