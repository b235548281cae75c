"""Spoken numbers: "twenty third", "five forty two", "double five"."""

from __future__ import annotations

import re

_UNIT_NAMES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TEN_NAMES = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINAL_NAMES = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
)
UNITS = {word: value for value, word in enumerate(_UNIT_NAMES.split())}
TENS = {word: 10 * value for value, word in enumerate(_TEN_NAMES.split(), start=2)} | {"fourty": 40}
ORDINAL_UNITS = {word: value for value, word in enumerate(_ORDINAL_NAMES.split(), start=1)}
ORDINAL_TENS = {"twentieth": 20, "thirtieth": 30}

_UNIT = "|".join(sorted(UNITS, key=len, reverse=True))
_TEN = "|".join(TENS)
_BELOW_TEN = "|".join(word for word, value in UNITS.items() if 0 < value < 10)
_ORDINAL_UNIT = "|".join(sorted(ORDINAL_UNITS, key=len, reverse=True))

CARDINAL = rf"(?:(?:{_TEN})[ -](?:{_BELOW_TEN})|{_TEN}|{_UNIT}|\d{{1,4}})"
"""Regular expression, without groups, of a number from 0 to 99 in words or up to four digits."""

ORDINAL = (
    rf"(?:(?:twenty|thirty)[ -](?:{_ORDINAL_UNIT})|twentieth|thirtieth|{_ORDINAL_UNIT}|"
    rf"\d{{1,2}} ?(?:st|nd|rd|th))"
)
"""Regular expression, without groups, of an ordinal up to the thirty-ninth in words or digits."""


def cardinal(words: str) -> int:
    """Return the value of a match of `CARDINAL`."""
    if words.isdigit():
        return int(words)
    return sum(TENS.get(word, UNITS.get(word, 0)) for word in re.split(r"[ -]", words))


def ordinal(words: str) -> int:
    """Return the value of a match of `ORDINAL`."""
    if digits := re.match(r"\d+", words):
        return int(digits.group())
    parts = re.split(r"[ -]", words)
    return sum(TENS.get(part) or ORDINAL_TENS.get(part) or ORDINAL_UNITS.get(part, 0) for part in parts)


_SOUNDS_LIKE = {
    "oh": "0",
    "o": "0",
    "won": "1",
    "to": "2",
    "too": "2",
    "tree": "3",
    "for": "4",
    "fore": "4",
    "ate": "8",
}
"""Words that recognisers write in place of a digit between other digits: "I five for two"."""
_REPEATS = {"double": 2, "triple": 3}
_DIGIT_WORD = rf"(?:\d+|{_TEN}|{_UNIT}|hundred|and|{'|'.join(_SOUNDS_LIKE)}|{'|'.join(_REPEATS)})"

SPOKEN_DIGITS = (
    rf"(?:(?:\d+|{_TEN}|{_UNIT}|{'|'.join(_REPEATS)}|oh|o)(?:[ ,.-]{{1,2}}{_DIGIT_WORD}){{0,8}})\b"
)
"""Regular expression, without groups, of words for `spoken_digits`; it may match words after the number."""


def _begins_digits(word: str) -> bool:
    return word.isdigit() or word in UNITS or word in TENS or word in _REPEATS or word in _SOUNDS_LIKE


def _spoken_parts(words: list[str]) -> list[tuple[str, int]]:
    """Return each group of digits with the number of words read so far, up to the end of the number."""
    parts: list[tuple[str, int]] = []
    used = 0
    while used < len(words):
        word = words[used]
        following = words[used + 1] if used + 1 < len(words) else ""
        used += 1
        if word.isdigit():
            parts.append((word, used))
        elif word in TENS and 0 < UNITS.get(following, 0) < 10:
            used += 1
            parts.append((str(TENS[word] + UNITS[following]), used))
        elif word in TENS or word in UNITS:
            parts.append((str(TENS.get(word, UNITS.get(word, 0))), used))
        elif word in _REPEATS and following in UNITS and UNITS[following] < 10:
            used += 1
            parts.append((str(UNITS[following]) * _REPEATS[word], used))
        elif word == "hundred" and parts:
            rest = words[used + 1] if following == "and" else following
            parts.append(("" if rest in TENS else "0" if UNITS.get(rest, 0) > 0 else "00", used))
        elif word in _SOUNDS_LIKE and _begins_digits(following):
            parts.append((_SOUNDS_LIKE[word], used))
        elif word != "and":
            break
    return parts


def spoken_digits(words: str, *, most: int = 4) -> tuple[str, int]:
    """Return the digits of a spoken number, "542" for "five forty two", and the length of its words.

    It reads at most `most` digits, because further digits belong to another number. If `words` doesn't begin
    with a number, it returns ("", 0).
    """
    pieces = list(re.finditer(r"[a-z]+|\d+", words))
    digits, end = "", 0
    for part, used in _spoken_parts([piece.group() for piece in pieces]):
        # Digits written together are a complete number: "542 for 2" is two numbers.
        if len(digits) + len(part) > most or (len(part) > 1 and len(digits) > 2):
            break
        digits, end = digits + part, pieces[used - 1].end()
        if len(digits) > 2 and part == digits:
            break
    return digits, end
