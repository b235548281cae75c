"""Completeness of partial transcripts. Endpointing waits longer after incomplete words.

It is computed for every partial transcript, so it must be fast: it uses words and grammars, and looks up no
places. An answer that fits the open question is complete, for example "yes" after a yes/no question, or a
name alone after "where to?".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.language.en.choices import find_choice
from agent.language.en.clock_times import find_times
from agent.language.en.cues import acts_of, opens_with, plain_words
from agent.language.en.dates import find_dates
from agent.language.en.flight_numbers import find_flight_numbers
from agent.language.en.negation import find_one_way
from agent.language.en.wishes import find_cabin, find_most_stops, find_nonstop, find_sort
from agent.language.meanings import Completeness, Expectation
from agent.language.spans import Found, lowered, masked

_DANGLING = re.compile(
    r"\b(?:to|from|the|a|an|for|on|in|at|of|and|with|my|is|are|i|i'd|i'm|want|show|show me|need|fly|flying|"
    r"change|about|or|but|between|leaving|arriving|departing|returning|what|what's|which|when|how|can|could|"
    r"would|like|your|this|that|next|by|via|into|me|us|we|find|get|going|go|before|after|around|until|than|"
    r"also|not|without|except|avoid|arrive|land|reach|reaching|no no|because|if|so|um+|uh+|er+|hmm+|"
    r"please show|number|flight number|status|as|new|san|port|los|saint|navi|abu|kuala|sri|hong|tel|rio|las|"
    r"tiru)$"
)
_CUT_OFF = re.compile(r"(?:-|…|\.\.\.|,)\s*$")
_FROM = re.compile(r"\bfrom\b")
_FROM_TO = re.compile(r"\bfrom\b.*\b(?:to|into)\b \w+|\bto\b.*\bfrom\b \w+|\bbetween\b.*\band\b \w+")
_ROUTE = re.compile(r"\b(?:to|from|between) \w{3,}")
_HALF_A_ROUTE = re.compile(r"\bfrom\b (?:\w+ ?){1,3}(?:2|two|too)$|\bbetween\b(?!.*\band\b \w)")
_MONTH_ALONE = re.compile(
    r"\b(?:january|february|march|april|june|july|august|september|october|november|december|twenty|thirty)$"
)
_FLIGHTS = re.compile(r"\b(?:fl(?:y|ights?|ying)|tickets?|travel|trip|go)\b")
_AIRPORT_OF = re.compile(
    r"\bairports?\b.*\b(?:in|of|at|near|for|serves?|has|does) \w{4,}|\b(?:does|has) \w{4,}.* \bairports?$"
)
_UP_TO_THE_NAME = re.compile(r"^(?:.*\b(?:to|from|in|it's|uh|um) )+")
_WHOLE_NUMBER = 5
"""Length of a flight number that counts as complete: airline code and three digits."""


def completeness(text: str, expectation: Expectation = Expectation.NONE) -> Completeness:
    """Return how complete `text` is as an answer of the expected kind."""
    lower = lowered(text)
    words = plain_words(lower)
    if not words or _CUT_OFF.search(lower) or _HALF_A_ROUTE.search(words):
        return Completeness.INCOMPLETE
    if not acts_of(lower).rest:
        return _of_acts(lower, words)
    expects_date = expectation is Expectation.DATE
    if _DANGLING.search(words) or (expects_date and _ends_with_half_a_date(lower)):
        return Completeness.INCOMPLETE
    if (
        (expectation is Expectation.PLACE and _is_short_name(words))
        or (expects_date and find_dates(lower))
        or (expectation is Expectation.FLIGHT_NUMBER and _is_whole_number(find_flight_numbers(lower, lower)))
    ):
        return Completeness.COMPLETE
    return _of_request(lower, words)


def _complete_if(condition: object) -> Completeness:
    return Completeness.COMPLETE if condition else Completeness.UNKNOWN


def _of_acts(text: str, words: str) -> Completeness:
    names = acts_of(text).names
    if not names:
        return Completeness.INCOMPLETE
    # "Good morning" and "hello" are often followed by the request.
    return _complete_if(set(names) != {"greeting"} or len(words.split()) >= 3)


def _is_short_name(words: str) -> bool:
    name = _UP_TO_THE_NAME.sub("", words)
    return 0 < len(name.split()) <= 3 and len(name) > 2 and not _FLIGHTS.match(name)


def _ends_with_half_a_date(text: str) -> bool:
    return bool(_MONTH_ALONE.search(plain_words(masked(text, find_dates(text)))))


def _is_whole_number(numbers: Sequence[Found[str]]) -> bool:
    return bool(numbers) and len(numbers[0].value) >= _WHOLE_NUMBER


def _of_request(text: str, words: str) -> Completeness:
    numbers = find_flight_numbers(text, text)
    if numbers:
        more_follows = numbers[0].end < len(text.rstrip(" .?!"))
        return _complete_if(_is_whole_number(numbers) or more_follows)
    dates = find_dates(text)
    if _FROM.search(words) and _FLIGHTS.search(words) and not _FROM_TO.search(words):
        return Completeness.INCOMPLETE
    when = bool(dates or find_times(masked(text, dates)))
    if when and not _ends_with_half_a_date(text) and (_ROUTE.search(words) or not _FLIGHTS.search(words)):
        return Completeness.COMPLETE
    return _complete_if(_AIRPORT_OF.search(words) or _is_short_wish(text, words))


def _is_short_wish(text: str, words: str) -> bool:
    """Return whether the text is a short wish: "nonstop only", "the second one", "what about Mumbai"."""
    wishes = (find_choice, find_most_stops, find_nonstop, find_cabin, find_sort, find_one_way)
    if len(words.split()) <= 5 and any(find(text) for find in wishes):
        return True
    return opens_with("refine", text) and re.search(r"\b(?:what|how) about \w{4,}", words) is not None
