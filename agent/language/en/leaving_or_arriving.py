"""Times of departure and of arrival. The closest verb before a time decides; the default is departure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.language.spans import Found, T, found_at

_CUE = re.compile(
    r"\b(?:(?P<arrive>arriv(?:es?|ing|als?)|land(?:s|ing)?|touch(?:es|ing)? down|reach(?:es|ing)?|"
    r"be (?:there|in|at|home)|get(?:s|ting)? (?:me |us )?(?:in(?!to)|there|home)|com(?:es?|ing) in|"
    r"make it there|due(?: in)?)|(?P<reach>get(?:s|ting)? (?:me |us )?(?:in)?to)|leav(?:es?|ing)|"
    r"depart(?:s|ing|ures?)?|tak(?:es?|ing)[ -]?off|fly(?:ing)?|set(?:ting)? (?:off|out)|"
    r"go(?:ing)? (?:out|from)|start(?:s|ing)?|board(?:ing)?)\b"
)
_SENTENCE_ENDS = re.compile(r"[.?!;](?= )(?<![ap]\.m\.)")
_NOUN_AFTER = re.compile(
    r" (?:(?P<arrive>arrivals?|landing)|departures?)\b(?! (?:at|by|before|after|around|about|between|any|\d))"
)
_BOUND = re.compile(
    r"(?:no |not |any ?time )?(?:by|before|until|till|after|at|around|about|between|later|earlier|past|from|"
    r"\d)"
)
_BY = re.compile(r"(?:by|before)\b")

_TO_DO = re.compile(r"(?<=\bto )(?:land|reach|touch down|depart|take off|board)\b")
_REACH = 150
"""Maximum distance, in characters, between a time and the verb before it."""


def is_arrival(text: str, start: int, end: int) -> bool:
    """Return whether the time at `start` to `end` of lower-case `text` is a time of arrival.

    In "get to Delhi by six" it is. In "get to Delhi in the morning" it isn't, because that can mean
    departure.
    """
    if noun := _NOUN_AFTER.match(text, end):
        return noun["arrive"] is not None
    sentence = _SENTENCE_ENDS.split(text[max(0, start - _REACH) : start])[-1]
    if sentence.endswith(("be ", "be there ")) and _BY.match(text, start):
        return True
    *_, cue = None, *_CUE.finditer(sentence)
    if cue is None:
        return False
    return bool(cue["arrive"] or (cue["reach"] and _BOUND.match(text, start)))


def find_verbs(text: str) -> list[Found[None]]:
    """Find verbs in lower-case `text` that could be mistaken for a place: "I want to land by nine"."""
    return [found_at(match, None) for match in _TO_DO.finditer(text)]


def split_times(text: str, times: Sequence[Found[T]]) -> tuple[list[Found[T]], list[Found[T]]]:
    """Return the times of departure, and the times of arrival."""
    arriving = [piece for piece in times if is_arrival(text, piece.start, piece.end)]
    return [piece for piece in times if piece not in arriving], arriving
