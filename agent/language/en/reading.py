"""The grammars over one utterance: each takes its words and leaves the rest to the next, and at last to the places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.language.en.airlines import AirlineWish, find_airlines
from agent.language.en.clock_times import TimeWindow, find_times
from agent.language.en.dates import DateExpression, find_dates
from agent.language.en.flight_numbers import find_flight_numbers
from agent.language.en.leaving_or_arriving import find_verbs
from agent.language.en.negation import find_one_way, find_other_day
from agent.language.en.travellers import find_passengers
from agent.language.en.wishes import Choice, find_cabin, find_choice, find_most_stops, find_nonstop, find_sort
from agent.language.meanings import Expectation
from agent.language.spans import Found, masked


@dataclass(slots=True)
class Reading:
    """What the grammars found in one utterance, and the text as it is left for the next grammar."""

    text: str
    left: str
    pieces: list[Found[object]] = field(default_factory=list)

    def take(self, *pieces: Found[object] | None) -> None:
        """Claims pieces: the grammars that come later don't see them."""
        taken = [piece for piece in pieces if piece]
        self.pieces += taken
        self.left = masked(self.left, taken)


@dataclass(slots=True)
class Words:
    """What was said that needs no places to be understood."""

    flight_numbers: list[Found[str]]
    dates: list[Found[DateExpression]]
    times: list[Found[TimeWindow]]
    passengers: Found[int] | None
    cabin: Found[str] | None
    max_stops: Found[int] | None
    nonstop: Found[bool] | None
    sort: Found[str] | None
    choice: Found[Choice] | None
    airlines: AirlineWish
    one_way: Found[bool] | None
    other_day: Found[bool] | None


_TELLS_TIME_TOO = re.compile(r"night|morning|afternoon|evening")


def read(
    text: str, original: str, *, awaiting: Expectation, asked: str | None = None, offered: bool = False
) -> tuple[Reading, Words]:
    """Read lower-case `text`, the most particular grammar first: "AI 542 for two" is a flight before it is a party of two.

    `original` is the text in its own case. `asked` names the slot that the open question is about; `offered` tells that flights have
    been read out.
    """
    reading = Reading(text, text)
    numbers = find_flight_numbers(text, original)
    reading.take(*numbers)
    choice = find_choice(reading.left) if awaiting is not Expectation.DATE else None
    dates = find_dates(reading.left, day_alone=not (choice and offered))
    reading.take(*(piece for piece in dates if not _TELLS_TIME_TOO.search(text[piece.start : piece.end])))
    times = find_times(reading.left)
    reading.take(*times, *dates)
    passengers = find_passengers(reading.left, asked=asked == "passengers")
    reading.take(passengers)
    freed = find_one_way(text, dates), find_other_day(text)
    reading.take(*freed)
    airlines, named = find_airlines(reading.left)
    wishes = (
        find_cabin(reading.left),
        find_most_stops(reading.left),
        find_nonstop(reading.left),
        find_sort(reading.left),
    )
    reading.take(*named, *wishes, *find_verbs(text))
    choice = None if choice and any(choice.overlaps(piece.start, piece.end) for piece in dates) else choice
    reading.take(choice)
    return reading, Words(numbers, dates, times, passengers, *wishes, choice, airlines, *freed)


_RETURN = re.compile(r"\b(?:return(?:ing)?(?! ticket| flight| trip| journey)|back|until|till|through)\b")
_RETURN_TICKET = re.compile(r"\b(?:return|round[ -]?trip|both ways)\b")
_REPAIR = re.compile(r"\b(?:no|sorry|i mean|actually|rather|make that|wait)\b")


def split_dates(
    text: str, dates: Sequence[Found[DateExpression]]
) -> tuple[DateExpression | None, DateExpression | None]:
    """The day of departure and the day of return. Of two days with "no" or "sorry" between them the later said counts."""
    depart: DateExpression | None = None
    back: DateExpression | None = None
    end = 0
    for piece in dates:
        before, end = text[end : piece.start], piece.end
        if _RETURN.search(before):
            back = piece.value
        elif depart is None or _REPAIR.search(before):
            depart = piece.value
        elif back is None and _RETURN_TICKET.search(text):
            back = piece.value
    return depart, back
