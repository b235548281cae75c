"""Ways out of what was asked for before: of the way back, and of the day."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.dialogue.negation import negated
from agent.dialogue.spans import Found

_BACK = r"(?:return(?: flight| trip| journey| leg| ticket)?|(?:way|flight|journey|trip) back)"
_ONE_WAY = re.compile(
    rf"\b(?:one[ -]?way|single (?:ticket|trip|journey|fare)|(?:just|only) (?:the )?(?:way there|outbound|onward)|"
    rf"(?:no|without(?: the| a| any)?|(?:forget(?: about)?|get rid of|(?:do not|don't) bother with|drop|"
    rf"skip|leave out|remove|never mind|ignore) (?:the|my)|"
    rf"(?:(?:do not|don't) (?:need|want)|no need (?:for|of))(?: the| a| any)?) {_BACK}\b|not a (?:return|round[ -]?trip)\b|"
    r"(?P<verb>(?:not|don't|won't)(?: need to| want to| have to| be)? (?:com(?:e|ing) back|return(?:ing)?|fly(?:ing)? back))\b)"
    r"(?! (?:on|until|till|before|after|by|via)\b)"
)
_OTHER_DAY = re.compile(
    r"\b(?<!the )(?:(?:any |some )?other|another|different) (?:days?|dates?)\b|"
    r"\b(?:a few|some|several) (?:days|weeks) (?:later|earlier|before|after|sooner)\b"
)


def find_one_way(text: str, dates: Sequence[Found[object]] = ()) -> Found[bool] | None:
    """Whether lower-case `text` wants no way back, or not any more: "just one way", "forget the return".

    "Not returning Monday" turns down a day of `dates` only.
    """
    match = _ONE_WAY.search(text)
    if match is None or (match.group().startswith("one") and negated(text, match.start(), match.end())):
        return None
    if match["verb"] and any(piece.start == match.end() + 1 for piece in dates):
        return None
    return Found(match.start(), match.end(), True)


def find_other_day(text: str) -> Found[bool] | None:
    """Whether lower-case `text` wants another day without saying which."""
    match = _OTHER_DAY.search(text)
    return Found(match.start(), match.end(), True) if match else None
