"""Numbers in Chinese characters, as digits."""

from __future__ import annotations

import re

_DIGITS = {char: at for at, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "兩": 2}
_TENS = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_ALL = "".join((*_DIGITS, *_TENS, *_MYRIADS))
#: Words that are written with numerals and count nothing.
_WORDS = frozenset("千万 万一 万千 一一 千百 百千 百万千".split())
_PERCENT = re.compile(rf"百分之([{_ALL}]{{1,20}}|\d+(?:\.\d+)?)")
_TIMES = re.compile(rf"([{_ALL}]{{1,20}})(?=倍)")
#: One numeral counts only before a measure word; two and more do where they are no word.
_COUNTED = re.compile(
    rf"([六七八九十])(?=[个個种種项項层層台只隻名次篇本件つ個人])|([{_ALL}]{{2,20}})(?!分之)"
)
_HALF = re.compile(r"(?:一半|半分|半数)")


def with_digits(text: str, language: str) -> str:
    """The text with its numerals as digits; others than Chinese and Japanese have none.

    >>> with_digits("少摔百分之十四，快三倍，一百五十万参数", "zh")
    '少摔14%，快3倍，1500000参数'
    """
    if language.partition("-")[0] not in ("zh", "ja"):
        return text
    text = _PERCENT.sub(lambda m: f"{_read(m[1])}%", text)
    text = _TIMES.sub(lambda m: _read(m[1]), text)
    text = _HALF.sub("50%", text)
    return _COUNTED.sub(lambda m: m[0] if m[0] in _WORDS else _read(m[0]), text)


def _read(numeral: str) -> str:
    """The value of a numeral.

    >>> _read("十四"), _read("一百五十万"), _read("二〇二四"), _read("2.5")
    ('14', '1500000', '2024', '2.5')
    """
    if not numeral[0].isdecimal() and all(char in _DIGITS for char in numeral):
        return "".join(str(_DIGITS[char]) for char in numeral)
    if any(char not in _ALL for char in numeral):
        return numeral
    total = part = digit = 0
    for char in numeral:
        if char in _DIGITS:
            digit = _DIGITS[char]
        elif char in _TENS:
            part, digit = part + (digit or 1) * _TENS[char], 0
        else:
            total, part, digit = total + ((part + digit) or 1) * _MYRIADS[char], 0, 0
    return str(total + part + digit)
