"""Spoken flight numbers, as recognisers write them: "A I five four two", "I five for two", "I-123"."""

from __future__ import annotations

import re

from agent.language.en.airlines import AIRLINES, ANY_NAME, CODES_BY_NAME
from agent.language.en.numbers import SPOKEN_DIGITS, spoken_digits
from agent.language.spans import Found, without_overlaps

_ALPHABET = (
    "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november "
    "oscar papa quebec romeo sierra tango uniform victor whiskey whisky xray yankee zulu"
)
SPELLING_ALPHABET = {word: word[0].upper() for word in _ALPHABET.split()} | {
    "two": "2",
    "three": "3",
    "five": "5",
    "six": "6",
    "seven": "7",
    "nine": "9",
    "niner": "9",
}
"""The ICAO spelling alphabet in the spellings that recognisers write, and the digits in airline codes."""

_WORDS = "am an as at be by de do et go ha he id if in is it la me my no of ok on or os pm so to up us va we"
_ALSO_WORDS = frozenset(_WORDS.split())
"""Words that are also airline codes ("at 6", "is 542 late"). They never count as written codes."""
_LETTER_NAMES = {
    "2": "(?:2|two)",
    "3": "(?:3|three)",
    "5": "(?:5|five)",
    "6": "(?:6|six|sex|sick?s)",
    "9": "(?:9|nine)",
    "a": "(?:a|hey|eh)",
    "b": "(?:b|be)",
    "e": "(?:e|he|ee)",
    "g": "(?:g|gee)",
    "i": "(?:i|eye|1(?= ))",
    "k": "(?:k|kay|okay)",
    "p": "(?:p|pee)",
    "q": "(?:q|cue|queue)",
    "s": "(?:s|es|ess)",
    "u": "(?:u|you)",
}
"""Spellings that recognisers produce for a letter or digit said alone."""
_DIGITS = rf"(?P<digits>{SPOKEN_DIGITS})"
_LEADING_ZEROS = re.compile(r"(?:(?:zero|oh|o|0)[ ,.-]{1,2}|0+(?=\d))+(?=[a-z0-9])")
_JOIN = r"(?:[ .,-]{1,2}(?:flight )?(?:number )?)?"


def _spelled(code: str) -> str:
    first, second = (_LETTER_NAMES.get(letter, letter) for letter in code.lower())
    return rf"{first}[ .-]{{1,2}}{second}\.?"


_ANY_SPELLED = "|".join(f"(?P<c{code}>{_spelled(code)})" for code in AIRLINES)
_ANY_WRITTEN = "|".join(code.lower() for code in AIRLINES if code.lower() not in _ALSO_WORDS)
_SPELLED_CODE = re.compile(rf"\b(?:{_ANY_SPELLED}){_JOIN}\b{_DIGITS}")
_WRITTEN_CODE = re.compile(rf"\b(?P<code>{_ANY_WRITTEN})[ .-]{{0,2}}{_DIGITS}")
_NAMED = re.compile(rf"\b(?P<name>{ANY_NAME})(?: (?:airlines?|airways))?{_JOIN}(?<![a-z]){_DIGITS}")
_NAMED_AND_CODED = re.compile(
    rf"\b(?P<name>{ANY_NAME})(?: (?:airlines?|airways))?[ .,-]{{1,2}}(?:flight )?(?:number )?"
    rf"(?P<first>[a-z0-9])[ .-]{{0,2}}(?P<second>[a-z0-9])[ .-]{{0,2}}{_DIGITS}"
)
"""A name followed by its own code, however it is split: "IndiGo 6 E201", "Air India AI 542"."""
_LETTER = "|".join(SPELLING_ALPHABET)
_SPELLING = re.compile(rf"\b(?P<first>{_LETTER})[ ,-]{{1,2}}(?P<second>{_LETTER}){_JOIN}\b{_DIGITS}")
# Recognisers lose the first letter: "I five four two" for "A I five four two".
# At least three digits are needed: "I want" and "I 2" are not flights.
_LOST_LETTER = re.compile(
    rf"(?<![a-z'])(?:i|eye)[ -]{{1,2}}(?=(?:\d{{3}}|[a-z]+[ -](?:[a-z]+|\d+)[ -](?:[a-z]+|\d+))){_DIGITS}"
)
_ANY_CAPITALS = re.compile(r"\b(?P<code>[A-Z][A-Z0-9]|[0-9][A-Z])[ -]?(?P<digits>\d{1,4})\b")


def _number(code: str, match: re.Match[str], *, least: int) -> Found[str] | None:
    zeros = _LEADING_ZEROS.match(match["digits"])
    begin = zeros.end() if zeros else 0
    digits, length = spoken_digits(match["digits"][begin:])
    # "The Indigo one" is not flight 1, but "United 1" is.
    if len(digits) < (least if begin or match["digits"][:1].isdigit() else max(least, 2)) or not digits.strip(
        "0"
    ):
        return None
    return Found(match.start(), match.start("digits") + begin + length, f"{code}{digits.lstrip('0')}")


def _candidates(text: str, original: str) -> list[Found[str] | None]:
    found = [_number(CODES_BY_NAME[match["name"]], match, least=1) for match in _NAMED.finditer(text)]
    for match in _SPELLED_CODE.finditer(text):
        code = next(name[1:] for name, value in match.groupdict().items() if value and name != "digits")
        found.append(_number(code, match, least=2))
    found += [_number(match["code"].upper(), match, least=1) for match in _WRITTEN_CODE.finditer(text)]
    for match in _NAMED_AND_CODED.finditer(text):
        code = CODES_BY_NAME[match["name"]]
        if f"{match['first']}{match['second']}".upper() == code:
            found.append(_number(code, match, least=1))
    for match in _SPELLING.finditer(text):
        code = SPELLING_ALPHABET[match["first"]] + SPELLING_ALPHABET[match["second"]]
        found.append(_number(code, match, least=2) if code in AIRLINES else None)
    found += [_number("AI", match, least=3) for match in _LOST_LETTER.finditer(text)]
    if not original.isupper():
        written = (
            match for match in _ANY_CAPITALS.finditer(original) if match["code"].lower() not in _ALSO_WORDS
        )
        found += [_number(match["code"], match, least=1) for match in written]
    return found


def find_flight_numbers(text: str, original: str) -> list[Found[str]]:
    """Find flight numbers in lower-case `text`. In `original`, its original case, capitals mark a code."""
    return without_overlaps([found for found in _candidates(text, original) if found])
