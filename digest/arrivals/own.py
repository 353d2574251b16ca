"""The text of a mail → the lines that its sender wrote herself. Pure.

Left out are what she quotes, the line that introduces it, what she passes on, and her signature.
"""

from __future__ import annotations

import re

from digest import text

_MAX_LINES, _MAX_LINE = 400, 1000
#: Behind it comes what somebody else wrote, marked or not.
_FORWARDED = re.compile(r"-{2,} ?\w.*\w ?-{2,}|_{10,}|begin forwarded message:?", re.IGNORECASE)
_WROTE = re.compile(
    r"(on|am|le|el|op|il|em|den|dne|dnia|w dniu|vào|на|в) .*\d.*:", re.IGNORECASE | re.DOTALL
)
#: The headers that Outlook and others put before what they quote.
_FROM = re.compile(r"\*?(from|von|de|da|van|från|fra|od|отправитель)\*? ?:\*? .+", re.IGNORECASE)
_FIELD = re.compile(r"\*?[^\W\d]{2,12}\*? ?:\*? .+")
_WRAPPED = 20  #: letters that a line has at least that was broken in two


def own_lines(words: str) -> tuple[str, ...]:
    r"""From the top; one empty line for whatever is between paragraphs.

    >>> own_lines("On 3 March, Digest wrote:\n> Is it you?\n\nYes\n-- \nAda")
    ('Yes',)
    """
    raw = words.splitlines()[:_MAX_LINES]
    lines = [text.line(line[:_MAX_LINE]) for line in raw]
    introductions = _introductions(lines)
    found: list[str] = []
    for number, line in enumerate(lines):
        if line == "--" or _FORWARDED.fullmatch(line) or _is_letterhead(lines, number):
            break
        if number in introductions or line.startswith(">"):
            line = ""
        elif _WROTE.fullmatch(" ".join(lines[number : number + 2])) or _WROTE.fullmatch(line):
            break  # what comes is quoted without a mark
        if line or (found and found[-1]):
            found.append(line)
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def _introductions(lines: list[str]) -> set[int]:
    """The lines that introduce what is quoted with a mark: "On 3 March, Digest wrote:"."""
    found: set[int] = set()
    last = -1  #: the last line that is neither empty nor quoted
    for number, line in enumerate(lines):
        if not line.startswith(">"):
            last = number if line else last
            continue
        if last >= 0 and lines[last].endswith(":"):
            found.add(last)
            above = last - 1
            while above >= max(0, last - 2) and _belongs(lines, above, last):
                found.add(above)
                above -= 1
        last = -1
    return found


def _belongs(lines: list[str], above: int, last: int) -> bool:
    """Is a line the beginning of the introduction that ends further down?"""
    is_whole = any(
        _WROTE.fullmatch(" ".join(lines[n : last + 1])) for n in range(above + 1, last + 1)
    )
    return not is_whole and len(lines[above]) >= _WRAPPED and not lines[above].startswith(">")


def _is_letterhead(lines: list[str], number: int) -> bool:
    return bool(_FROM.fullmatch(lines[number])) and any(
        _FIELD.fullmatch(line) for line in lines[number + 1 : number + 3]
    )
