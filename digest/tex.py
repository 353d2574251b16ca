r"""TeX as authors use it in titles and abstracts, to plain Unicode. Pure.

Accents, formulas of one line, and the macros that only change the look. pylatexenc's own reader of
whole texts is not used, because it loses text; its table of symbols is. What cannot be read stays
as written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache

#: Groups within groups that are read before the rest stays as written.
DEPTH = 10


class _UnreadableError(Exception):
    """The formula holds something this module does not know."""


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


# --- TeX in running text -------------------------------------------------------------------------

_ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304",
    ".": "\u0307", "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "k": "\u0328",
    "d": "\u0323", "b": "\u0331", "r": "\u030a",
}  # fmt: skip
_ESCAPES = {char: char for char in "%&_#${}<>"} | dict.fromkeys(" ,;:\\", " ") | {"-": "", "@": ""}
_TEXTS = words(
    "text textbf textit textsc texttt textrm textsf textsl textup textmd textnormal emph mbox "
    "hbox uline"
)
_FONTS = words(
    "mathrm mathbf mathit mathsf mathtt mathcal mathscr mathfrak boldsymbol bm pmb num mathop "
    "mathbin mathrel mathord underline boxed ensuremath"
)
_DECLARATIONS = words("em it bf tt sc sl rm sf itshape bfseries scshape ttfamily")
_ADDRESSES = words("url path nolinkurl")
_CITATIONS = words("cite citep citet citealp citealt parencite ref eqref")
_SPACES = words("quad qquad par newline noindent xspace smallskip medskip bigskip")
# Only the letters that every font has; a mail with boxes in it is worse than a plain F.
_DOUBLE_STRUCK = str.maketrans("CHNPQRZ", "ℂℍℕℙℚℝℤ")
# What the symbol table of pylatexenc lacks, or has in a form that is no help to a reader.
_SYMBOLS = {
    "ne": "≠", "neg": "¬", "land": "∧", "lor": "∨", "implies": "⟹", "iff": "⟺", "models": "⊨",
    "bot": "⊥", "Re": "Re", "Im": "Im", "S": "§", "P": "¶", "copyright": "©", "euro": "€",
    "TeX": "TeX", "LaTeX": "LaTeX", "coloneqq": "≔", "prime": "′", "ast": "*", "lvert": "|",
    "rvert": "|", "lVert": "‖", "rVert": "‖", "degree": "°", "textasciicircum": "^",
    "textquotesingle": "'", "slash": "/", "colon": ":", "lbrace": "{", "rbrace": "}",
    "eg": "e.g.", "ie": "i.e.", "etal": "et al.",
}  # fmt: skip

_TOKEN = re.compile(
    r"""
      (?P<address> https?://[^\s\\$<>{}"']+ )
    | (?P<math> \$\$[^$]+\$\$ | \$(?:[^$\\]|\\.)+\$
              | \\\((?:[^\\]|\\[^()])+\\\) | \\\[(?:[^\\]|\\[^\[\]])+\\\] )
    | \\"(?P<quoted>[^"\\]+)\\"(?![A-Za-z{])      # from JSON: \"so\" is no umlaut
    | (?<=[a-z])\\(?P<clitic>'(?:s|t|re|ve|ll|d|m)\b)  # from Python: don\'t
    | \\(?P<char>[~^])\{\}
    | \\(?P<accent>[`'^"~=.]|[uvHckdbr](?![A-Za-z])) [ ]?
        (?: \{[ ]?\\?(?P<braced>[^\W\d_])[ ]?\} | \\(?P<dotless>[ij])(?![A-Za-z])[ ]?
          | (?P<base>[^\W\d_]) )
    | \{\\(?P<lone>[`'^"~=.])\}(?P<beside>[^\W\d_])         # {\"}u
    | \\(?P<macro>[A-Za-z]+)
    | \\(?P<escape>.)
    | (?P<group> \{(?=\\) )
    | (?<=[\w)]) (?P<script>[\^_])\{(?P<content>[^{}$]{1,30})\}
    | (?P<tie> (?<=[^\W\d_]|[.,;:)\]}]) ~+ (?=[\w\\$(]) | (?<=\d) ~+ (?=[^\W\d_]|[\\$]) )
    | (?P<dash> (?<![-!<]) ---? (?![->A-Za-z]) | (?<=[^\s(\[{"'`“‘!<-]) ---? (?=[A-Za-z]) )
    | ``(?P<double>[^`"]{1,300}?)(?:''|") | (?<![\w`])`(?P<single>[^`'\s][^`']{0,80})'(?![\w'])
    | (?P<opening> (?<!`)``(?!`) )
    """,
    re.VERBOSE,
)
_DISPLAY = re.compile(r"\\(?:begin|end)\{(?:equation|displaymath|math)\*?\}")


class _Source:
    """TeX, and where its groups end: found once, so that no text takes quadratic time."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.ends: dict[int, int] = {}
        opened: list[int] = []
        for brace in re.finditer(r"\\.|([{}])", text) if "{" in text else ():
            if brace[1] == "{":
                opened.append(brace.start())
            elif brace[1] and opened:
                self.ends[opened.pop()] = brace.start()

    def group(self, at: int) -> tuple[str, int] | None:
        """What stands in the group that opens at `at` or one blank later, and where it ends."""
        at += self.text.startswith(" ", at)
        end = self.ends.get(at)
        return None if end is None else (self.text[at + 1 : end], end + 1)


def without_tex(text: str, depth: int = 0) -> str:
    r"""The text without TeX; `depth` counts the groups around it.

    >>> without_tex(r"Erd\H{o}s, $x^2$, \unknown{y}")
    'Erdős, x², \\unknown{y}'
    """
    if depth > DEPTH:
        return text
    source = _Source(_DISPLAY.sub("$$", text))
    pieces: list[str] = []
    at = 0
    while token := _TOKEN.search(source.text, at):
        pieces.append(source.text[at : token.start()])
        piece, at = _read(source, token, depth)
        pieces.append(piece)
    pieces.append(source.text[at:])
    return "".join(pieces)


def _read(source: _Source, token: re.Match[str], depth: int) -> tuple[str, int]:
    """What a token says, and where to go on reading."""
    kind = token.lastgroup or ""
    if kind == "math":
        return _read_math(source, token)
    if kind == "macro":
        return _read_macro(source, token["macro"], token.end(), depth)
    if kind == "group":
        return _read_group(source, token.start(), depth)
    return _SIMPLE[kind](token), token.end()


def _read_group(source: _Source, at: int, depth: int) -> tuple[str, int]:
    r"""{\em so} and {\'e} lose their braces, anything else keeps them."""
    if group := source.group(at):
        inner, end = group
        read = without_tex(inner, depth + 1)
        if len(read.strip()) == 1 or ((m := _MACRO.match(inner)) and m[1] in _DECLARATIONS):
            return read.strip(), end
    return "{", at + 1


def _accented(token: re.Match[str]) -> str:
    base = token[token.lastgroup or 0].replace("ı", "i")
    letter = unicodedata.normalize("NFC", base + _ACCENTS[token["accent"] or token["lone"]])
    return letter if len(letter) == 1 else token[0]


def _scripted(token: re.Match[str]) -> str:
    try:
        return script(token["script"], _formula(token["content"]))
    except _UnreadableError:
        return token[0]


_SIMPLE: dict[str, Callable[[re.Match[str]], str]] = {
    **dict.fromkeys(("braced", "dotless", "base", "beside"), _accented),
    "content": _scripted,
    "escape": lambda token: _ESCAPES.get(token["escape"], token[0]),
    "char": lambda token: token["char"],
    "clitic": lambda token: token["clitic"],
    "quoted": lambda token: f'"{token["quoted"]}"',
    "double": lambda token: f"“{token['double']}”",
    "single": lambda token: f"‘{token['single']}’",
    "opening": lambda token: "“",
    "dash": lambda token: "—" if token["dash"] == "---" else "–",
    "tie": lambda token: " ",
    "address": lambda token: token[0],
}


_OF_GROUP: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(_TEXTS | _FONTS, str),
    **dict.fromkeys(_CITATIONS, lambda keys: f"[{keys.replace(',', ', ')}]"),
    "mathbb": lambda letters: letters.translate(_DOUBLE_STRUCK),
    "footnote": lambda note: f" ({note})",
    "textsuperscript": lambda content: script("^", content),
    "textsubscript": lambda content: script("_", content),
}


def _read_macro(source: _Source, name: str, end: int, depth: int) -> tuple[str, int]:
    group = source.group(end)
    if group and name in _OF_GROUP:
        return _OF_GROUP[name](without_tex(group[0], depth + 1)), group[1]
    if group and name in _ADDRESSES:
        return re.sub(r"\\([%&_#$~])", r"\1", group[0]), group[1]
    if group and name == "href" and (label := source.group(group[1])):
        shown = without_tex(label[0], depth + 1)
        return (shown if shown == group[0] else f"{shown} ({group[0]})"), label[1]
    if name in _DECLARATIONS:
        return "", end + source.text.startswith(" ", end)
    if name in _SPACES:
        return " ", end
    symbol = _symbols().get(name)
    if symbol is None:
        return "\\" + name, end
    if source.text.startswith("{}", end):
        return symbol, end + 2
    # The blank behind \o in "S\o rensen" ends the macro; the one in "10 \times 5" is a blank.
    ends_macro = symbol == "\\" or (symbol.isalpha() and len(symbol) == 1 and symbol < "\u0250")
    return symbol, end + (ends_macro and source.text.startswith(" ", end))


@cache
def _symbols() -> dict[str, str]:
    """What the macros without arguments stand for."""
    # Imported here: most texts have no TeX, and the commands of the program start faster.
    from pylatexenc.latex2text import get_default_latex_context_db

    # pylatexenc's own reader of whole texts drops what it does not know, takes "%" for a
    # comment and loses a lone "$"; only its table of symbols is used. What is
    # longer than one character there is no symbol (and \today is not even constant).
    found = {
        spec.macroname: spec.simplify_repl
        for spec in get_default_latex_context_db().iter_macro_specs()
        if isinstance(spec.simplify_repl, str) and len(spec.simplify_repl.strip()) == 1
    }
    return found | _SYMBOLS | {name: name for name in _NAMES}


# --- formulas ------------------------------------------------------------------------------------

_MACRO = re.compile(r"\\([A-Za-z]+) ?")
_NAMES = words(
    "arccos arcsin arctan arg argmax argmin cos cosh cot coth csc deg det dim exp gcd hom inf "
    "ker lg lim liminf limsup ln log max min mod bmod poly polylog Pr sec sin sinh sup tan "
    "tanh"
)
_IGNORED = words(
    "left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr limits nolimits "
    "displaystyle textstyle scriptstyle rm bf it cal"
)
_MATH_SPACES = dict.fromkeys(" ,;:>", " ") | {"!": "", "|": "‖"}
_RAISED_CHARS = str.maketrans(
    "0123456789+-=()abcdefghijklmnoprstuvwxyzT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀ"
)
_LOWERED_CHARS = str.maketrans(
    "0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ"
)
_RELATION = re.compile(r"( ?)(:?[=<>≤≥⩽⩾≈∼≃≅≡≠∈∉∋⊂⊆⊃⊇∪∩×±∓→←↔⇒⇔⟹⟺↦∝≪≫≲≳∧∨⊕⊗·≔≜]+) ?")
_ORDINALS = ("st", "nd", "rd", "th")
# Stands where a blank is needed only between letters or digits; cleaned text has no controls.
_GAP = "\x00"
_NEEDED_GAP = re.compile(f"(?<=[\\w)]){_GAP}+(?=[^\\W_⁰¹²³⁴-⁹ⁱⁿ₀-₉ₐ-ₜ])")


def _read_math(source: _Source, token: re.Match[str]) -> tuple[str, int]:
    written, end = token[0], token.end()
    is_single = written[0] == "$" and written[1] != "$"
    inner = written[1:-1] if is_single else written[2:-2]
    if is_single and not _is_math(inner, source.text[end : end + 1]):
        return "$", token.start() + 1
    try:
        return _formula(inner.strip()), end
    except _UnreadableError:
        return written, end


def _is_math(inner: str, following: str) -> bool:
    """False where the two dollar signs are money, or do not belong together."""
    bare = re.sub(r"\\(?:text|mbox|emph|operatorname)[a-z]*\{[^{}]*\}|\\[A-Za-z]+", "", inner)
    if re.search(
        r"(?<![A-Za-z])[A-Za-z]{2,}+[.,;:]? [a-z]{2,}| (?:and|or|to|of|the|in|for|with|per|vs)\b",
        bare,
    ):
        return False
    if inner[0].isdigit() and (following.isdigit() or inner[-1] in " ,;(-–"):
        return False
    is_padded = inner[0] == " " or inner[-1] == " "
    return not is_padded or re.search(r"[\\^_=<>+|({]|^ ?\w ?$", inner) is not None


def _formula(inner: str, depth: int = 0) -> str:
    """A formula in one line of Unicode.

    Raises: _UnreadableError.
    """
    if depth > DEPTH:
        raise _UnreadableError
    source = _Source(inner)
    pieces: list[str] = []
    at = 0
    while at < len(inner):
        piece, at = _atom(source, at, depth)
        pieces.append(piece)
    line = _NEEDED_GAP.sub(" ", "".join(pieces)).replace(_GAP, "")
    # Blanks say nothing in TeX; one before a relation says that the author likes them.
    return _RELATION.sub(lambda m: f" {m[2]} " if m[1] and m.start() else m[2], line)


def _atom(source: _Source, at: int, depth: int) -> tuple[str, int]:
    """The smallest part of a formula that stands at `at`, and where the next one starts."""
    char = source.text[at]
    if char == "\\":
        return _math_macro(source, at, depth)
    if char == "{" and (group := source.group(at)):
        return _formula(group[0], depth + 1), group[1]
    if char in "^_":
        raised, end = _argument(source, at + 1, depth)
        shown = script(char, raised)
        return shown + _GAP * shown.startswith(char), end
    if char in "{}&#$":
        raise _UnreadableError
    return {"'": "′", "~": " "}.get(char, char), at + 1


def _argument(source: _Source, at: int, depth: int) -> tuple[str, int]:
    at += source.text.startswith(" ", at)
    # The depth is that of the call: \sqrt\sqrt\sqrt… nests without any braces.
    if at >= len(source.text) or source.text[at] in "^_[" or depth > DEPTH:
        raise _UnreadableError
    return _atom(source, at, depth + 1)


def _math_macro(source: _Source, at: int, depth: int) -> tuple[str, int]:
    macro = _MACRO.match(source.text, at)
    if not macro:
        return _math_escape(source.text[at + 1 : at + 2]), at + 2
    name, end = macro[1], macro.end()
    if name in _TEXTS and (group := source.group(macro.end(1))):
        return _text_in_formula(group[0], depth), group[1]
    if name in _OF_ONE:
        argument, end = _argument(source, end, depth)
        return _OF_ONE[name](argument), end
    if name in _OF_TWO:
        first, end = _argument(source, end, depth)
        second, end = _argument(source, end, depth)
        return _OF_TWO[name](first, second), end
    if name in _IGNORED:
        return "", end + (name in ("left", "right") and source.text.startswith(".", end))
    if name in _SPACES:
        return " ", end
    if name in _NAMES:
        return _apart(name), macro.end(1)
    symbol = _symbols().get(name)
    if symbol is None:
        raise _UnreadableError
    return symbol, end


def _math_escape(char: str) -> str:
    if char in _MATH_SPACES:
        return _MATH_SPACES[char]
    if not char or char not in "%&_#${}":
        raise _UnreadableError
    return char


def _text_in_formula(written: str, depth: int) -> str:
    text = without_tex(written, depth + 1)
    if re.search(r"[\\{}]", text):
        raise _UnreadableError
    return text


def _as_factor(term: str) -> str:
    """In parentheses if it would fall apart beside a "/" or "√"."""
    without_groups = re.sub(r"\([^()]*\)", "", term)
    return f"({term})" if re.search(r"[-+/=<> ·×±,]", without_groups) else term


def script(sign: str, content: str) -> str:
    """The content raised (sign "^") or lowered ("_").

    >>> [script("^", "-3"), script("_", "ij"), script("_", "max"), script("^", "n+log n")]
    ['⁻³', 'ᵢⱼ', '_max', '^(n+log n)']
    """
    content = _RELATION.sub(r"\2", content.strip()).replace("∘", "°").replace("⊤", "T")
    table = _RAISED_CHARS if sign == "^" else _LOWERED_CHARS
    # A raised "max" is hard to read, and many fonts have letters from several others in it.
    is_short = not re.search(r"[^\W\d_]{3}", content)
    if is_short and all(ord(char) in table for char in content) and content not in _ORDINALS:
        return content.translate(table)
    if sign == "_" and re.fullmatch(r"\d+\.\d+", content):  # PM2.5
        return content
    if sign == "^" and (content in _ORDINALS or re.fullmatch(r"[^\w\\{}()+=-]+", content)):
        return content
    return sign + (content if re.fullmatch(r"[\w.%∞′*]+|\([^()]*\)", content) else f"({content})")


def _apart(term: str) -> str:
    return _GAP + term + _GAP


def _with_mark(mark: str) -> Callable[[str], str]:
    # A mark fits over one letter only; over more it would look like a mistake.
    return lambda base: base + mark * (len(base) == 1)


_OF_ONE: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(_TEXTS | _FONTS, str),
    "mathbb": lambda letters: letters.translate(_DOUBLE_STRUCK),
    "operatorname": _apart,
    "sqrt": lambda root: f"√{_as_factor(root)}",
    **dict.fromkeys(("hat", "widehat"), _with_mark("\u0302")),
    **dict.fromkeys(("tilde", "widetilde"), _with_mark("\u0303")),
    **dict.fromkeys(("bar", "overline"), _with_mark("\u0304")),
    "dot": _with_mark("\u0307"),
    "ddot": _with_mark("\u0308"),
    "vec": _with_mark("\u20d7"),
}
_OF_TWO: dict[str, Callable[[str, str], str]] = {
    **dict.fromkeys(
        ("frac", "tfrac", "dfrac"),
        lambda above, below: _apart(f"{_as_factor(above)}/{_as_factor(below)}"),
    ),
    "binom": lambda above, below: f"({above} choose {below})",
}
