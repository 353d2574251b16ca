"""Whether a text is in the language that was asked for. Pure."""

from __future__ import annotations

import re

SCRIPTS = {
    "zh": "\u3400-\u9fff", "ja": "\u3040-\u30ff\u3400-\u9fff", "ko": "\uac00-\ud7af\u1100-\u11ff",
    "ru": "\u0400-\u04ff", "uk": "\u0400-\u04ff", "bg": "\u0400-\u04ff", "sr": "\u0400-\u04ff",
    "ar": "\u0600-\u06ff", "fa": "\u0600-\u06ff", "ur": "\u0600-\u06ff", "he": "\u0590-\u05ff",
    "el": "\u0370-\u03ff", "hi": "\u0900-\u097f", "bn": "\u0980-\u09ff", "th": "\u0e00-\u0e7f",
}  # fmt: skip
#: Serbian is written in Latin letters as well.
_OWN_SCRIPTS = {name: own for name, own in SCRIPTS.items() if name != "sr"}
#: Languages that do not part their words are measured in characters.
UNSPACED = frozenset(("zh", "ja", "th"))
_KANA = re.compile("[\u3041-\u30ff]")
#: Characters that only one way of writing Chinese has.
_SIMPLIFIED = "这为们来时对说会过学现发经动种进国实类网络机规划习训练数据图层优应问题结构语义视觉"
_TRADITIONAL = "這為們來時對說會過學現發經動種進國實類網絡機規劃習訓練數據圖層優應問題結構語義視覺"
_ONLY = [
    {a for a, b in zip(_SIMPLIFIED, _TRADITIONAL, strict=True) if a != b},
    {b for a, b in zip(_SIMPLIFIED, _TRADITIONAL, strict=True) if a != b},
]
_HANT = frozenset(("zh-hant", "zh-tw", "zh-hk", "zh-mo"))
_HANS = frozenset(("zh-hans", "zh-cn", "zh-sg"))

#: Words without which few sentences of a language do.
_FUNCTION_WORDS = {
    "en": "the a an of to in and is are we for that with on by as from this it can which our using"
    " its their be not at or than but has have these into over when more",
    "de": "der die das und ist ein eine mit für von zu den dem auf wir wird werden nicht im des"
    " einer einem einen sich aus bei durch als auch wie sie es diese dieser zur zum ohne",
    "fr": "le la les de des et un une est pour dans que nous du sur avec par en qui au aux ce cette"
    " sont plus ne pas sans il elle ces ou",
    "es": "el la los las de y un una es para en que con del por se nos como al su sus más no sin lo"
    " este esta son o sobre",
    "it": "il la le di e un una è per in che con del della dei si nel da gli lo delle al alla non"
    " come più questo sono senza su",
    "pt": "o a os as de e um uma é para em que com do da por se no na dos das ao não mais sem como"
    " este são à",
    "nl": "de het een en van is voor in met dat op te wij we die aan door zijn wordt worden niet om"
    " als bij naar ook zonder",
    "sv": "och att en ett det som är för med av på den vi till från inte kan har de i utan sig om"
    " eller varje genom där",
    "da": "og at en et det som er for med af på den vi til fra ikke kan har de i uden sig om eller"
    " hver der ved",
    "no": "og at en et det som er for med av på den vi til fra ikke kan har de i uten seg om eller"
    " hver der ved",
    "fi": "ja on ei että se jotka joka kuin myös ovat sekä tai mutta voi tämä jossa kun sen ilman"
    " avulla joiden jokaisen",
    "pl": "i w z na do się jest że nie to dla przez od o po który która które oraz jak są za bez"
    " jako tym lub każdy",
    "cs": "a v na se je že z s do pro od který která které jako k o jsou po není i při bez však"
    " každý pomocí",
    "sk": "a v na sa je že z s do pre od ktorý ktorá ktoré ako k o sú po nie aj pri bez každý",
    "tr": "ve bir bu için ile de da olan olarak daha en çok ise gibi kadar her ya veya biz sonra"
    " adımı üzerinde",
    "hu": "a az és egy hogy nem is meg van ez azt mint vagy de ha el csak minden amely"
    " segítségével",
    "ro": "și de la în un o care cu pe pentru nu este din că se mai sunt prin sau fără al ale",
    "vi": "và của là có được cho trong một các với không này những để trên từ khi bằng theo mỗi"
    " từng hơn",
    "id": "dan yang di untuk dengan dari ini pada adalah dalam tidak sebuah oleh ke dapat kami atau"
    " setiap tanpa lebih",
    "ms": "dan yang di untuk dengan dari ini pada adalah dalam tidak sebuah oleh ke dapat kami atau"
    " setiap tanpa lebih",
    "ca": "el la els les de i un una és per en que amb del dels al no es com més aquest són sense",
    "hr": "i u je na se da za od s koji koja koje su kao iz o po nije ili bez svaki",
}  # fmt: skip
_KNOWN = {name: frozenset(some.split()) for name, some in _FUNCTION_WORDS.items()}
_ALIASES = {"nb": "no", "nn": "no", "sr": "hr", "bs": "hr", "gl": "pt"}
#: Too alike to be told apart by such words.
_ALIKE = (
    frozenset(("sv", "da", "no")), frozenset(("cs", "sk")), frozenset(("id", "ms")),
    frozenset(("es", "pt", "ca", "gl")), frozenset(("hr", "cs", "sk", "pl")),
)  # fmt: skip
#: What share of English function words no other language's text has.
_ENGLISH_SHARE = 0.2
SHORT = 8  #: words, of which nothing can be said


def is_in(text: str, language: str) -> bool:
    """Whether a text may be in a language.

    >>> is_in("Der Roboter plant die Schritte auf der Treppe mit einem Netz.", "sv")
    False
    """
    code = language.lower().replace("_", "-")
    base = code.partition("-")[0]
    base = _ALIASES.get(base, base)
    letters = [letter for letter in text if letter.isalpha()]
    if not letters:
        return False
    if base in _OWN_SCRIPTS:
        own = re.findall(f"[{_OWN_SCRIPTS[base]}]", text)
        return len(own) >= 0.3 * len(letters) and _is_own_writing(own, code, base)
    # Greek and mathematical letters are formulas; others are another script.
    foreign = sum("\u0400" <= c < "\u1e00" or "\u3040" <= c < "\ufb00" for c in letters)
    if foreign > max(1, 0.05 * len(letters)) or not any(letter < "\u0250" for letter in letters):
        return base == "sr"
    words = re.findall(r"[^\W\d_]+", text.lower())
    shares = {name: sum(word in some for word in words) for name, some in _KNOWN.items()}
    if base not in _KNOWN:
        return len(words) < SHORT or shares["en"] < _ENGLISH_SHARE * len(words)
    if base != "en" and len(words) >= 5 and shares["en"] > 0.3 * len(words) > shares[base]:
        return False
    alike = frozenset[str]().union(*(some for some in _ALIKE if base in some))
    best = max(count for name, count in shares.items() if name not in alike - {base})
    return len(words) < SHORT or (shares[base] >= best and (best > 0 or len(words) < 15))


def _is_own_writing(own: list[str], code: str, base: str) -> bool:
    """Japanese has kana, Chinese has none; and there are two ways to write Chinese."""
    kana = sum(_KANA.match(char) is not None for char in own)
    if base == "ja":
        return kana > 0.1 * len(own)
    if base != "zh":
        return True
    simplified, traditional = (sum(char in some for char in own) for some in _ONLY)
    if code in _HANT and simplified > traditional:
        return False
    if code in _HANS and traditional > simplified:
        return False
    return kana <= 0.1 * len(own)
