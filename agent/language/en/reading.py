"""Order of the grammars. Each claims its words, and the next grammar reads only the remaining text."""

from __future__ import annotations

import re

from agent.language.en.airlines import find_airlines
from agent.language.en.choices import find_choice
from agent.language.en.clock_times import find_times, window_of
from agent.language.en.dates import find_dates, split_rejected
from agent.language.en.flight_numbers import find_flight_numbers
from agent.language.en.leaving_or_arriving import find_verbs, split_times
from agent.language.en.negation import find_one_way, find_other_day
from agent.language.en.repairs import unreplaced
from agent.language.en.travellers import find_passengers
from agent.language.en.trips import find_stay, split_dates, split_returning
from agent.language.en.wishes import find_cabin, find_most_stops, find_nonstop, find_sort
from agent.language.meanings import Expectation, Reading
from agent.language.spans import Found, masked, value_of

_NAMES_PART_OF_DAY = re.compile(r"night|morning|afternoon|evening")


def read(
    text: str,
    original: str,
    *,
    awaiting: Expectation,
    asked: str | None = None,
    offered: bool = False,
    country: str = "IN",
) -> Reading:
    """Read lower-case `text`. The most specific grammars come first, for example flight numbers.

    `original` is the text in its original case. `asked` is the slot or subject of the open question.
    `offered` is True if there are found flights, so that "the second" can refer to one. `country` is the
    caller's, for the names of holidays.
    """
    claims = _Claims(text)
    numbers = find_flight_numbers(text, original)
    claims.add(*numbers)
    choice = find_choice(claims.rest) if awaiting is not Expectation.DATE else None
    dates = find_dates(claims.rest, day_alone=not (choice and offered), country=country)
    claims.add(*(piece for piece in dates if not _NAMES_PART_OF_DAY.search(text[piece.start : piece.end])))
    times = find_times(claims.rest)
    stay = find_stay(claims.rest)
    claims.add(*times, *dates, stay)
    # "Three economy class tickets" has a cabin within its number.
    words = claims.rest
    passengers = find_passengers(words, asked=asked == "passengers")
    one_way, other_day = find_one_way(text, dates), find_other_day(text)
    claims.add(passengers, one_way, other_day)
    airlines, named = find_airlines(claims.rest)
    cabin, sort = find_cabin(words), find_sort(claims.rest)
    max_stops, nonstop = find_most_stops(claims.rest), find_nonstop(words)
    claims.add(*named, cabin, max_stops, nonstop, sort, *find_verbs(text))
    if choice and any(choice.overlaps(piece.start, piece.end) for piece in dates):
        choice = None
    claims.add(choice)

    meant, rejected = split_rejected(text, dates)
    # In "forget the return, tomorrow", tomorrow is not the day of return.
    depart, back = split_dates(masked(text, [one_way] if one_way else []), meant)
    out, returning = split_returning(text, unreplaced(text, times), returns=bool(back or stay))
    departing, arriving = split_times(text, out)
    return Reading(
        pieces=claims.pieces,
        airlines=airlines,
        flight_number=unreplaced(text, numbers)[0].value if numbers else None,
        depart=depart,
        rejected_day=split_dates(text, rejected)[0],
        back=back or value_of(stay),
        departing=window_of(departing),
        arriving=window_of(arriving),
        returning=window_of(returning),
        passengers=value_of(passengers),
        party=True if passengers and passengers.value is None else None,
        cabin=value_of(cabin),
        max_stops=value_of(max_stops),
        nonstop=value_of(nonstop),
        sort=value_of(sort),
        choice=value_of(choice),
        one_way=value_of(one_way),
        other_day=value_of(other_day),
    )


class _Claims:
    """The words claimed so far, and the text that remains for later grammars."""

    def __init__(self, text: str) -> None:
        self.rest = text
        self.pieces: list[Found[object]] = []

    def add(self, *pieces: Found[object] | None) -> None:
        claimed = [piece for piece in pieces if piece]
        self.pieces += claimed
        self.rest = masked(self.rest, claimed)
