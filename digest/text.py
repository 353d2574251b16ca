r"""Foreign text (TeX, HTML, entities) to plain Unicode; authors; sentences. Pure.

arXiv writes accents and formulas in TeX, other feeds send HTML or JATS, and mail programs show
neither. What this module can read it turns into plain text; what it cannot read stays as
written, because a reader can still make sense of "\foo{x}" but not of a word that is missing.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from html.entities import html5

# A text that still changes after so many readings is not prose but a trap (entities within
# entities within …); it is given back unread.
READINGS = 6
#: Groups within groups that are read before the rest stays as written.
DEPTH = 10


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


class _UnreadableError(Exception):
    """The formula holds something this module does not know."""


def plain(text: str) -> str:
    r"""The text without markup, white space collapsed, control characters dropped.

    Reading what was read before changes nothing, and no text makes it raise.

    >>> plain(r"Erd\H{o}s: a $1.13\times$ speed-up at $O(n \log n)$, 50\% of \emph{all}")
    'Erdős: a 1.13× speed-up at O(n log n), 50% of all'
    >>> plain("<jats:p>CO<sub>2</sub> &amp;amp; H<sup>+</sup></jats:p>")
    'CO₂ & H⁺'
    >>> plain(r"$5 and $10 per hour, a < b and c > d, List<int>, $\unknown{x}$, 50% of it")
    '$5 and $10 per hour, a < b and c > d, List<int>, $\\unknown{x}$, 50% of it'
    """
    unread = read = _clean(text)
    for _ in range(READINGS):
        if not _MARKUP.search(read):
            return read
        # An escape may hide another one, so "read once more" is also what makes it idempotent.
        again = _clean(_without_tex(_without_html(read)))
        if again == read:
            return read
        read = again
    return unread


# Controls that are no white space, soft hyphens, zero-width characters (but not the joiners,
# which Persian, Hindi and emoji need), overrides of direction, and tags, which hide text.
_DROPPED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_MARKUP = re.compile(r"[\\$&<~`]|--|[\^_]\{")


def _clean(text: str) -> str:
    text = _SURROGATE.sub("\ufffd", _DROPPED.sub("", text))
    return unicodedata.normalize("NFC", " ".join(text.split()))


# --- HTML ----------------------------------------------------------------------------------------

_ENTITY = re.compile(r"&(?:amp;)*(#\d{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{1,30};)")
_CLOSER = re.compile(r"</([a-z][a-z0-9:-]*) ?>", re.IGNORECASE)
# Attributes need a value: in "i <b and c> d" nothing is a tag.
_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[a-z][a-z0-9]*|(?:jats|mml):[a-z-]+)"
    r"(?P<attributes>(?: [a-z:_-]++ ?= ?(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>]++))*+) ?(?P<void>/?)>",
    re.IGNORECASE,
)
_SUB_OR_SUP = re.compile(r"<(?:jats:)?su([bp])>([^<>]{1,40})</(?:jats:)?su\1>", re.IGNORECASE)
_BLOCKS = _words(
    "p br hr div h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table tr td th pre blockquote section sec "
    "title list list-item disp-formula"
)
_INLINES = _words(
    "a abbr b bold cite code em font i italic mark q s small span strong sub sup tt u"
)


def _unescaped(entity: re.Match[str]) -> str:
    # html.unescape alone would also read "&notin" out of "&notinvented;".
    is_known = entity[1][0] == "#" or entity[1] in html5
    return html.unescape("&" + entity[1]) if is_known else entity[0]


def _without_html(text: str) -> str:
    if "&" in text:
        text = _ENTITY.sub(_unescaped, text)
    if "<" not in text:
        return text
    text = _SUB_OR_SUP.sub(lambda m: _script("_" if m[1] in "bB" else "^", m[2]), text)
    closed = {name.lower() for name in _CLOSER.findall(text)}

    def without(tag: re.Match[str]) -> str:
        name = tag["name"].lower()
        prefix, _, local = name.rpartition(":")
        if not prefix and local not in _BLOCKS and local not in _INLINES:
            return tag[0]
        is_markup = prefix or tag["end"] or tag["attributes"] or tag["void"] or name in ("br", "hr")
        # In "a<b>c" and "List<i>" nobody closes the tag.
        if not is_markup and name not in closed:
            return tag[0]
        return " " if local in _BLOCKS else ""

    return _TAG.sub(without, text)


# --- TeX in running text -------------------------------------------------------------------------

_ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304",
    ".": "\u0307", "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "k": "\u0328",
    "d": "\u0323", "b": "\u0331", "r": "\u030a",
}  # fmt: skip
_ESCAPES = {char: char for char in "%&_#${}<>"} | dict.fromkeys(" ,;:\\", " ") | {"-": "", "@": ""}
_TEXTS = _words(
    "text textbf textit textsc texttt textrm textsf textsl textup textmd textnormal emph mbox "
    "hbox uline"
)
_FONTS = _words(
    "mathrm mathbf mathit mathsf mathtt mathcal mathscr mathfrak boldsymbol bm pmb num mathop "
    "mathbin mathrel mathord underline boxed ensuremath"
)
_DECLARATIONS = _words("em it bf tt sc sl rm sf itshape bfseries scshape ttfamily")
_ADDRESSES = _words("url path nolinkurl")
_CITATIONS = _words("cite citep citet citealp citealt parencite ref eqref")
_SPACES = _words("quad qquad par newline noindent xspace smallskip medskip bigskip")
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


def _without_tex(text: str, depth: int = 0) -> str:
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
        read = _without_tex(inner, depth + 1)
        if len(read.strip()) == 1 or ((m := _MACRO.match(inner)) and m[1] in _DECLARATIONS):
            return read.strip(), end
    return "{", at + 1


def _accented(token: re.Match[str]) -> str:
    base = token[token.lastgroup or 0].replace("ı", "i")
    letter = unicodedata.normalize("NFC", base + _ACCENTS[token["accent"] or token["lone"]])
    return letter if len(letter) == 1 else token[0]


def _scripted(token: re.Match[str]) -> str:
    try:
        return _script(token["script"], _formula(token["content"]))
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
    "textsuperscript": lambda content: _script("^", content),
    "textsubscript": lambda content: _script("_", content),
}


def _read_macro(source: _Source, name: str, end: int, depth: int) -> tuple[str, int]:
    group = source.group(end)
    if group and name in _OF_GROUP:
        return _OF_GROUP[name](_without_tex(group[0], depth + 1)), group[1]
    if group and name in _ADDRESSES:
        return re.sub(r"\\([%&_#$~])", r"\1", group[0]), group[1]
    if group and name == "href" and (label := source.group(group[1])):
        shown = _without_tex(label[0], depth + 1)
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
    # comment and eats what follows a lone "$"; only its table of symbols is used. What is
    # longer than one character there is no symbol (and \today is not even constant).
    found = {
        spec.macroname: spec.simplify_repl
        for spec in get_default_latex_context_db().iter_macro_specs()
        if isinstance(spec.simplify_repl, str) and len(spec.simplify_repl.strip()) == 1
    }
    return found | _SYMBOLS | {name: name for name in _NAMES}


# --- formulas ------------------------------------------------------------------------------------

_MACRO = re.compile(r"\\([A-Za-z]+) ?")
_NAMES = _words(
    "arccos arcsin arctan arg argmax argmin cos cosh cot coth csc deg det dim exp gcd hom inf "
    "ker lg lim liminf limsup ln log max min mod bmod poly polylog Pr sec sin sinh sup tan "
    "tanh"
)
_IGNORED = _words(
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
        script = _script(char, raised)
        return script + _GAP * script.startswith(char), end
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
    text = _without_tex(written, depth + 1)
    if re.search(r"[\\{}]", text):
        raise _UnreadableError
    return text


def _as_factor(term: str) -> str:
    """In parentheses if it would fall apart beside a "/" or "√"."""
    without_groups = re.sub(r"\([^()]*\)", "", term)
    return f"({term})" if re.search(r"[-+/=<> ·×±,]", without_groups) else term


def _script(sign: str, content: str) -> str:
    """The content raised (sign "^") or lowered ("_").

    >>> [_script("^", "-3"), _script("_", "ij"), _script("_", "max"), _script("^", "n+log n")]
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


# --- authors -------------------------------------------------------------------------------------

_SUFFIXES = frozenset({"Jr", "Jr.", "Sr", "Sr.", "II", "III", "IV"})


def authors(text: str) -> tuple[str, ...]:
    r"""The names in a list as arXiv writes it: commas between, affiliations in parentheses.

    >>> authors(r"Ad\`ele Doe (Institute A, City (B)), Max Roe, and Sam Poe, Jr.")
    ('Adèle Doe', 'Max Roe', 'Sam Poe, Jr.')
    """
    names: list[str] = []
    for part in _without_parentheses(plain(text)).split(","):
        name = " ".join(part.split()).removeprefix("and ")
        if name in _SUFFIXES and names:
            names[-1] += f", {name}"
        elif name:
            names.append(name)
    return tuple(names)


def _without_parentheses(text: str) -> str:
    depth = 0
    pieces: list[str] = []
    for piece in re.split(r"([()])", text):
        if piece in ("(", ")"):
            depth = max(0, depth + (1 if piece == "(" else -1))
        elif depth == 0:
            pieces.append(piece)
    # An affiliation that never ends would swallow all names behind it.
    return "".join(pieces) if depth == 0 else re.sub(r"\([^(),]*\)?|\)", "", text)


# --- sentences -----------------------------------------------------------------------------------

_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+ |[。！？]++[」』”’）]*+ ?")
# "Fig. 3", "Dr. Roe": nothing ends behind these.
_NEVER_LAST = _words("e.g i.e cf vs dr prof mr mrs fig figs eq eqs eqn approx ca viz resp")
# Behind these it takes a word that starts sentences: "no. 5", but "The answer is no. We …".
_SELDOM_LAST = _words(
    "al etc inc ltd co dept univ no nos st sec secs ref refs tab thm def prop lem cor ch vol pp "
    "ed eds"
)
_ABBREVIATION = re.compile(
    rf"(?:[^\W\d_]{{1,2}}\.)+[^\W\d_]{{1,2}}|[A-Z]|(?i:{'|'.join(_NEVER_LAST | _SELDOM_LAST)})"
)
_WORD = re.compile(r"[\"'“‘«(\[]*(\w[\w-]*)")
_COUNTER = re.compile(r"\((?:[ivx]+|[a-z])\) ")
_STARTERS = _words(
    "A After All Although An And As At Based Both But By Code Compared Despite Each Even "
    "Existing Experiments Extensive Finally First For From Further Furthermore Given Here How "
    "However If In Inspired It Its Many Moreover Most Motivated No On One Our Recent Recently "
    "Results Second Several Since Some Specifically Such That The Their Then There Therefore "
    "These They This Those Through Thus To Under Unlike Using We What When Where Whether While "
    "With Without Yet"
)


def sentences(text: str) -> list[str]:
    """The sentences of a plain text; joined with blanks they are the collapsed text again.

    (Chinese and Japanese have no blank between sentences, so there the join adds some.)

    >>> sentences("We test v2.1, e.g. on Fig. 3. Smith et al. (2020) did not. Why? (1) Cost.")
    ['We test v2.1, e.g. on Fig. 3.', 'Smith et al. (2020) did not.', 'Why?', '(1) Cost.']
    """
    text = " ".join(text.split())
    found: list[str] = []
    start = 0
    for end in _END.finditer(text):
        if end.end() < len(text) and _is_last(text, start, end):
            found.append(text[start : end.end()].rstrip())
            start = end.end()
    return [*found, text[start:]] if text else []


def _is_last(text: str, start: int, end: re.Match[str]) -> bool:
    """Whether a sentence that starts at `start` ends with this mark."""
    mark = end[0][0]
    if mark in "。！？":
        return True
    following = _WORD.match(text, end.end())
    is_counted = _COUNTER.match(text, end.end())  # "(i) …"
    if not following or (following[1].islower() and not is_counted):
        return False
    before = text[max(start, text.rfind(" ", start, end.start()) + 1) : end.start()]
    word = re.split(r"[(\[{\"'“‘]", before)[-1]
    is_ellipsis = mark == "…" or end[0].startswith("..")
    if is_ellipsis or (mark == "." and _ABBREVIATION.fullmatch(word)):
        return following[1] in _STARTERS and word.lower() not in _NEVER_LAST
    if mark == "." and word.isdecimal() and len(word) < 3:  # "1. One 2. Two": a number that counts
        ahead = text[start : end.start() - len(before)].rstrip()
        return bool(ahead) and ahead[-1] not in ":;"
    return True
