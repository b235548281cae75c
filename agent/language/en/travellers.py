"""Number of travellers: "for two", "me and my wife", "family of four", "three adults and a child"."""

from __future__ import annotations

import re

from agent.language.en.numbers import CARDINAL, cardinal
from agent.language.spans import Found, found_at

_NOUN = (
    r"(?:people|persons?|passengers?|pax|adults?|child(?:ren)?|kids?|infants?|travell?ers?|tickets?|seats?|"
    r"friends|of us|guests?|senior citizens?)"
)
_COUNT = rf"(?:{CARDINAL}|an?|both)"
_COUNTED = re.compile(
    rf"\b(?:(?:for|make it|with|and|plus|the) )*(?P<count>{_COUNT}) (?:of )?(?:the )?(?:more )?"
    rf"(?P<noun>{_NOUN})\b"
)
_PARTY = re.compile(rf"\b(?:a )?(?:family|group|party) of (?P<count>{CARDINAL})\b")
_WE_ARE = re.compile(
    rf"\b(?:we are|we're|there are|there will be) (?P<count>{CARDINAL})\b"
    r"(?! (?:flights?|options?|days?|weeks?))"
)
_RELATIVE = (
    r"(?:wife|husband|partner|spouse|son|daughter|mother|mom|mum|father|dad|brother|sister|friend|boss|"
    r"colleague|girlfriend|boyfriend|child|kid|baby|parents)"
)
_WITH_ME = re.compile(
    rf"\b(?:(?:for )?(?:me|myself|i) and (?:my|a) (?P<second>{_RELATIVE})|(?:for )?my "
    rf"(?P<first>{_RELATIVE}) and (?:i|me|myself)|(?:along )?with my (?P<third>{_RELATIVE}))\b"
)
_MY_RELATIVE = re.compile(rf"\bmy {_RELATIVE}\b")
_COMPANIONS = ("kid", "child", "infant", "friend")
_ALONE = re.compile(r"\b(?:just|only) (?:for )?(?:me|myself)\b|\b(?:alone|for myself|by myself)\b")
_AFTER_A_COUNT = r"(?:from|to|on|in|please|tomorrow|today|next|this|and|at|with|leaving|returning)\b"
# "For two" must end the phrase: "for two weeks" is not a number of people.
_FOR_N = re.compile(rf"\bfor (?P<count>{CARDINAL})(?=[ ,.?!]*$|,| {_AFTER_A_COUNT})")
_BARE = re.compile(rf"^\W*(?:(?:we are|just|only|make it|it's|for) )?(?P<count>{CARDINAL})\b")


def _count(words: str) -> int:
    if words in ("a", "an"):
        return 1
    return 2 if words == "both" else cardinal(words)


def find_passengers(text: str, *, asked: bool = False) -> Found[int] | None:
    """Find the number of travellers in lower-case `text`. The piece covers all words about it.

    With `asked`, the open question is about this number, so a number alone is an answer.
    """
    counted = list(_COUNTED.finditer(text))
    if counted:
        tickets = [match for match in counted if match["noun"].startswith(("ticket", "seat"))]
        total = sum(_count(match["count"]) for match in tickets or counted)
        if all(match["noun"].startswith(_COMPANIONS) for match in counted):
            # In "with two kids and my wife", the caller travels too.
            total += 1 + len(_MY_RELATIVE.findall(text))
        return Found(counted[0].start(), counted[-1].end(), total)
    for pattern in (_PARTY, _WE_ARE, _FOR_N):
        if match := pattern.search(text):
            return found_at(match, _count(match["count"]))
    if match := _WITH_ME.search(text):
        return found_at(match, 3 if "parents" in match.groups() else 2)
    if asked and (match := _BARE.search(text)):
        return found_at(match, _count(match["count"]))
    if match := _ALONE.search(text):
        return found_at(match, 1)
    return None
