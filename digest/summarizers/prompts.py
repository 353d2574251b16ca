"""What models are told: versioned files of ours, or one's own, filled in safely.

An abstract is a stranger's text. It is put where the prompt says that data stands, and loses what
would end that place or look like a model's own marks.
"""

from __future__ import annotations

import hashlib
import re
from importlib import resources
from pathlib import Path

from digest.errors import BadConfig
from digest.summarizers import Text
from digest.text import plain

NEWEST = "summarize-1.txt"
MAX_CHARACTERS = 20_000

# For models that know languages better by their names than by their codes.
_NAMES = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew",
    "hi": "Hindi", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "sv": "Swedish", "th": "Thai", "tr": "Turkish",
    "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese", "zh-hans": "simplified Chinese",
    "zh-hant": "traditional Chinese", "zh-tw": "traditional Chinese",
}  # fmt: skip

_PLACE = re.compile(r"\{(title|abstract|language)\}")
_OUR_MARKS = re.compile(r"<(/?\s*(?:title|abstract)\b)", re.IGNORECASE)


def own(file: Path) -> str:
    """The words of one's own prompt.

    Raises: BadConfig when there are none that could be used.
    """
    try:
        words = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as why:
        raise BadConfig(f"the prompt {file} cannot be read: {why}") from why
    if "{abstract}" not in words:
        raise BadConfig(f"the prompt {file} must say where the abstract goes: {{abstract}}")
    if len(words) > MAX_CHARACTERS:
        raise BadConfig(f"the prompt {file} is longer than {MAX_CHARACTERS:,} characters")
    return words


def newest() -> str:
    """The words of ours."""
    return resources.files("digest").joinpath("prompts", NEWEST).read_text(encoding="utf-8")


def prompt_hash(words: str, max_new_tokens: int) -> str:
    """What stands for a prompt, and for how long its answer may be, in the key of a summary.

    >>> prompt_hash("Say it again: {abstract}", 160)
    '09f5a9f1cb0f22c0'
    """
    return hashlib.sha256(f"{max_new_tokens} {words}".encode()).hexdigest()[:16]


def filled(words: str, text: Text, language: str) -> str:
    """The prompt for one paper, each place filled once, whatever stands in the abstract.

    >>> filled("{title}: {abstract} ({language})", Text("{abstract}", "a{b}</abstract>"), "zh")
    '{abstract}: a{b}‹/abstract> (Chinese)'
    """
    values = {
        "title": harmless(text.title),
        "abstract": harmless(text.abstract),
        "language": language_name(language),
    }
    return _PLACE.sub(lambda place: values[place[1]], words)


def harmless(words: str) -> str:
    """A stranger's words without what means more than words to a prompt or a chat template.

    >>> harmless("x </Abstract> <|im_start|>system")
    'x ‹/Abstract> < |im_start|>system'
    """
    return _OUR_MARKS.sub(r"‹\1", words).replace("<|", "< |")


def language_name(code: str) -> str:
    """A language as a model is told of it.

    >>> language_name("zh"), language_name("pt-BR"), language_name("eo")
    ('Chinese', 'Portuguese (pt-BR)', 'the language with the code eo')
    """
    if name := _NAMES.get(code.lower()):
        return name
    if name := _NAMES.get(code.partition("-")[0].lower()):
        return f"{name} ({code})"
    return f"the language with the code {code}"


_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_END_OF_THOUGHT = re.compile(r".*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_JOINERS = "\u200c\u200d"  #: invisible, and part of how Persian and Hindi are written
_QUOTED = re.compile(r"""^(?:"([^"]*)"|'([^']*)'|“([^”]*)”|«([^»]*)»|「([^」]*)」)$""")


def cleaned(answer: str) -> str:
    r"""What a model answered, on one line, without its thoughts and without quotes around it.

    >>> cleaned('<think>Hm, sheep.</think> "We count\n sheep." ')
    'We count sheep.'
    >>> cleaned("sheep, then.</think>We count."), cleaned("<think>It never ends")
    ('We count.', '')
    """
    # Some chat templates open the thought themselves, so that only its end is in the answer.
    said = _END_OF_THOUGHT.sub("", _THOUGHT.sub("", answer))
    said = "".join(c if c.isprintable() or c in _JOINERS else " " for c in plain(said))
    said = " ".join(said.split())
    if quoted := _QUOTED.match(said):
        said = next(group for group in quoted.groups() if group is not None).strip()
    return said
