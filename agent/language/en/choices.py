"""References to a found flight: "the second one", "the cheapest", "the IndiGo one", "the one at six"."""

from __future__ import annotations

import re
from datetime import time

from agent.language.en.airlines import ANY_NAME, find_airline_names
from agent.language.en.negation import negated
from agent.language.en.numbers import CARDINAL, ORDINAL, cardinal, ordinal
from agent.language.meanings import Choice
from agent.language.spans import Found, found_at

_ONE = r"(?:one|ones|option|flight|choice|result|card)"
# "On the tenth" and "back the tenth" name a day.
_BEFORE_A_DAY = "".join(rf"(?<!\b{word} )" for word in ("on", "back", "return", "returning", "until", "till"))
_BY_ORDINAL = re.compile(
    rf"\b(?:the )?(?P<ordinal>{ORDINAL})(?: {_ONE})\b|"
    rf"\b{_BEFORE_A_DAY}the (?P<alone>{ORDINAL})(?=[ ,.?!]*$| please)|"
    rf"^(?P<bare>{ORDINAL})(?=[ ,.?!]*$)"
)
_BY_NUMBER = re.compile(
    rf"\b(?:option|number|flight number|choice|result)s? (?P<number>{CARDINAL})\b(?! ?\d)"
)
_LAST = re.compile(rf"\b(?:the )?(?:very )?last {_ONE}\b|\bthe last(?=[ ,.?!]*$| please)")
_MIDDLE = re.compile(rf"\bthe middle {_ONE}\b")
_BY = re.compile(
    r"\b(?:the )?(?P<by>cheapest|cheaper|fastest|quickest|shortest|earliest|earlier|latest|later|morning|"
    rf"evening) {_ONE}\b"
)
_WHICH_IS = re.compile(
    r"\b(?:which|what)(?: one| flight| option)?(?: is|'s) (?:the )?(?P<by>cheapest|fastest|quickest|"
    r"shortest|earliest|latest)(?=[ ,.?!]*$)"
)
_BEST = {
    "cheaper": "cheapest",
    "quickest": "fastest",
    "shortest": "fastest",
    "earlier": "earliest",
    "later": "latest",
    "morning": "earliest",
    "evening": "latest",
}
_AIRLINES_ONE = re.compile(rf"\bthe (?:{ANY_NAME})(?: {_ONE})\b")
_MINUTES = r"(?:fifteen|thirty|forty five|\d\d)"
_AT = re.compile(
    rf"\bthe (?:one at )?(?P<hour>{CARDINAL})(?:[: ](?P<minute>{_MINUTES}))?(?: ?(?P<half>[ap])\.?m\.?)?"
    r"(?: o'?clock)? (?:one|flight|option)\b"
)


def _by_time(match: re.Match[str]) -> Choice | None:
    hour, minute = cardinal(match["hour"]), cardinal(match["minute"] or "zero")
    if (
        hour > 23
        or minute > 59
        or not (match["minute"] or match["half"] or "clock" in match.group() or "at" in match.group())
    ):
        return None
    return Choice(time=time(hour % 12 + 12 * (match["half"] == "p") if match["half"] else hour, minute))


def _meant(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Return the first match that isn't negated: "the second one" in "not the first one, the second one"."""
    return next(
        (match for match in pattern.finditer(text) if not negated(text, match.start(), match.end())), None
    )


def find_choice(text: str) -> Found[Choice] | None:
    """Return the reference to a found flight in lower-case `text`, or None."""
    if match := _meant(_BY, text) or _WHICH_IS.search(text):
        return found_at(match, Choice(by=_BEST.get(match["by"], match["by"])))
    if match := _meant(_LAST, text):
        return found_at(match, Choice(ordinal=-1))
    if (match := _meant(_AT, text)) and (choice := _by_time(match)):
        return found_at(match, choice)
    if match := _meant(_BY_ORDINAL, text):
        return found_at(match, Choice(ordinal=ordinal(next(filter(None, match.groups())))))
    if match := _meant(_BY_NUMBER, text):
        return found_at(match, Choice(ordinal=cardinal(match["number"])))
    if match := _meant(_MIDDLE, text):
        return found_at(match, Choice(ordinal=2))
    if match := _meant(_AIRLINES_ONE, text):
        return found_at(match, Choice(airline=find_airline_names(match.group())[0].value))
    return None
