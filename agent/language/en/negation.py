"""Words that reject something, or take back what was asked for before."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.language.spans import Found, found_at

_REACH = 80
"""Characters before a word within which its negation can begin."""
_REFUSES = r"(?:do|ca|wo|would|could|should)n't|dont|cant|cannot|(?:do|can|could|would|will) not"
_NOT = (
    rf"{_REFUSES}|(?<!why )(?<!you )not(?! (?:only|just|necessarily)\b)|never|neither|(?<!is there )nothing|"
    r"without|with out|avoid(?:ing)?|except(?:ing)?(?: for)?|exclud(?:e|ing)|skip(?:ping)?|"
    r"leav(?:e|ing) out|hide|ignore|drop|remove|filter out|hate|dislike|non(?=-)|(?:any|every)(?:thing|one|"
    r"body)?(?: flights?| airlines?| time| day)?,? but|all(?: airlines?| flights?)? but|other than|"
    r"rather than|instead of|apart from|aside from|besides|(?:different|other|another)"
    r"(?: (?:airlines?|flights?|carriers?|days?|times?))? (?:than|from)|(?<!there )no (?:flights?|ones?|"
    r"options?|departures?|arrivals?)"
)
_OF_THE_SAME = (
    r"want|like|need|have|to|be|make|go|going|fly|flying|use|take|show|include|leave|leaving|depart|"
    r"departing|arrive|arriving|land|landing|get|see|book|travel|return|returning|come back|coming back|me|"
    r"us|it|in|on|at|with|by|of|for|from|the|a|an|any|anything|too|very|there|flights?|ones?|airlines?"
)
_NEGATED = re.compile(rf"\b(?:{_NOT})(?: (?:{_OF_THE_SAME}))*[ -]?$")
_REFUSED_THERE = re.compile(
    rf"\b(?:{_REFUSES})(?: (?:{_OF_THE_SAME}))* (?:in|to|at|from|leave|reach) [a-z]+(?: [a-z]+)? ?$"
)
"""A place may stand between: "I can't be in Delhi before nine"."""
_NO = re.compile(r"\bno (?:more |early |late )?$")
_SUCH = re.compile(r" (?:flights?|ones?|options?|departures?|arrivals?)\b")


def negated(text: str, start: int, end: int) -> bool:
    """Return whether the caller rejects the words from `start` to `end` of lower-case `text`.

    A bare "no" rejects only in "no morning flights". "No, in the morning" is a correction, and recognisers
    leave out its comma.
    """
    before = text[max(0, start - _REACH) : start]
    return bool(
        _NEGATED.search(before)
        or _REFUSED_THERE.search(before)
        or (_NO.search(before) and _SUCH.match(text, end))
    )


_BACK = r"(?:return(?: flight| trip| journey| leg| ticket)?|(?:way|flight|journey|trip) back)"
_ONE_WAY = re.compile(
    r"\b(?:one[ -]?way|single (?:ticket|trip|journey|fare)|(?:just|only) (?:the )?(?:way there|outbound|"
    r"onward)|(?:no|without(?: the| a| any)?|(?:forget(?: about)?|get rid of|(?:do not|don't) bother with|"
    r"drop|skip|leave out|remove|never mind|ignore) (?:the|my)|(?:(?:do not|don't) (?:need|want)|"
    rf"no need (?:for|of))(?: the| a| any)?) {_BACK}\b|not a (?:return|round[ -]?trip)\b|"
    r"(?P<verb>(?:not|don't|won't)(?: need to| want to| have to| be)? (?:com(?:e|ing) back|return(?:ing)?|"
    r"fly(?:ing)? back))\b)(?! (?:on|until|till|before|after|by|via)\b)"
)
_OTHER_DAY = re.compile(
    r"\b(?<!the )(?:(?:any |some )?other|another|different) (?:days?|dates?)\b|\b(?:a few|some|several) "
    r"(?:days|weeks) (?:later|earlier|before|after|sooner)\b|"
    r"\b(?:later|earlier) (?:on )?(?:(?:in )?(?:the|that|this) )(?:week|month|year)\b"
)


def find_one_way(text: str, dates: Sequence[Found[object]] = ()) -> Found[bool] | None:
    """Find words in lower-case `text` against a flight back: "just one way", "forget the return".

    "Not returning Monday" rejects only a day, one of `dates`.
    """
    match = _ONE_WAY.search(text)
    if match is None or (match.group().startswith("one") and negated(text, match.start(), match.end())):
        return None
    if match["verb"] and any(piece.start == match.end() + 1 for piece in dates):
        return None
    return found_at(match, True)


def find_other_day(text: str) -> Found[bool] | None:
    """Find words in lower-case `text` that ask for another day without naming one."""
    match = _OTHER_DAY.search(text)
    return found_at(match, True) if match else None
