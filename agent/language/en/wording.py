"""Wording for found flights, and for the wishes of a search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from readback.flightdata.v1 import flights_pb2

from agent.language.en.airlines import airline, alliance_of
from agent.language.en.parts_of_day import named_part
from agent.language.en.phrases import phrase
from agent.language.en.spoken_forms import (
    bare_clock,
    clock,
    clock_after,
    counted,
    duration,
    flight,
    listed,
    number,
    ordinal,
    price,
)
from agent.language.flight_times import local
from agent.language.found_flight import FoundFlight, Wishes
from agent.language.meanings import TimeWindow

_SUPERLATIVES = {"cheapest", "fastest", "earliest", "latest"}


def window_words(window: TimeWindow) -> str:
    """Return "in the morning", "after six in the evening" or "between nine and eleven in the morning"."""
    if part := named_part(window):
        return part
    if window.start and window.end:
        return f"between {clock(window.start)} and {clock(window.end)}"
    if window.start:
        return f"after {clock(window.start)}"
    return f"before {clock(window.end)}" if window.end else "at any time"


def wishes_words(wishes: Wishes) -> str:
    """Return ", in the morning, with IndiGo and without a stop", or "" if there are no wishes."""
    words = [window_words(wishes.window)] if wishes.window else []
    if wishes.arrival:
        words.append(f"arriving {window_words(wishes.arrival)}")
    if wishes.returning:
        words.append(f"coming back {window_words(wishes.returning)}")
    if wanted := wishes.airlines or (wishes.airline and [wishes.airline]):
        words.append(f"with {_either(wanted)}")
    if wishes.without_airlines:
        words.append(f"without {_either(wishes.without_airlines)}")
    if wishes.nonstop:
        words.append("without a stop")
    if wishes.max_stops:
        words.append(f"with {counted(wishes.max_stops, 'stop')} at most")
    if wishes.via:
        words.append(f"by way of {wishes.via.city}")
    if wishes.cabin and wishes.cabin != "economy":
        words.append(
            f"in {'premium economy' if wishes.cabin == 'premium_economy' else f'{wishes.cabin} class'}"
        )
    if wishes.passengers > 1:
        words.append(f"for {number(wishes.passengers)}")
    return f", {listed(words)}" if words else ""


def _either(codes: Sequence[str]) -> str:
    if alliance := alliance_of(codes):
        return alliance
    names = [airline(code) for code in codes]
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def rank(index: int, sort: str | None, *, priced: bool = True) -> str:
    """Return "The first", or "The cheapest" for the first flight of a list that is sorted by price."""
    if index == 0 and sort in _SUPERLATIVES and (sort != "cheapest" or priced):
        return f"The {sort}"
    return f"The {ordinal(index + 1)}"


def option(found: FoundFlight, index: int, wishes: Wishes, *, only: bool) -> str:
    """Return the sentence for one flight of a list.

    `index` is its position in the list, from 0. `only` is True if the list has no other flight.
    """
    # The list is introduced with "in the morning", so the part of the day isn't repeated.
    time = bare_clock if named_part(wishes.window) else clock
    return phrase(
        "option_only" if only else "option",
        rank=rank(index, wishes.sort, priced=found.total is not None),
        leaves="leaves" if index == 0 else "is",
        time=time(local(found.departure)),
        carrier=_airline_of(found.there),
        stops=stops_words(found.there) + _back_words(found.back),
        price=_price_words(found, wishes.passengers),
    )


def stops_words(itinerary: flights_pb2.Itinerary) -> str:
    """Return ", with one stop over night in Doha and on from another airport there", or "" if nonstop."""
    cities = [segment.arrival.city for segment in itinerary.segments[:-1]]
    if not cities:
        return ""
    nights = " over night" if any(layover.overnight for layover in itinerary.layovers) else ""
    changes_airport = any(layover.next_airport_code for layover in itinerary.layovers)
    onward = " and on from another airport there" if changes_airport else ""
    return f", with {counted(len(cities), 'stop')}{nights} in {listed(cities)}{onward}"


def _back_words(back: flights_pb2.Itinerary | None) -> str:
    """Return ", and back at nine in the morning with IndiGo", or "" for a one-way flight."""
    if back is None:
        return ""
    leaves = clock(local(back.segments[0].departure))
    return f", and back at {leaves} with {_airline_of(back)}{stops_words(back)}"


def _airline_of(itinerary: flights_pb2.Itinerary) -> str:
    first = itinerary.segments[0]
    return first.carrier or airline(first.carrier_code)


def _price_words(found: FoundFlight, passengers: int) -> str:
    if found.sold_out:
        return ", but it is sold out"
    for_all = " in all" if passengers > 1 or found.back else ""
    return f", for {price(found.total)}{for_all}" if found.total else ""


def details(name: str, itinerary: flights_pb2.Itinerary, **parts: str) -> Iterator[str]:
    """Yield sentences about the times of an itinerary and its connecting cities.

    `name` is the name of the phrase for a nonstop flight.
    """
    first, last = itinerary.segments[0], itinerary.segments[-1]
    leaves = local(first.departure)
    flights = [flight(segment.flight_number, carrier=segment.carrier) for segment in itinerary.segments]
    yield phrase(
        name if len(flights) == 1 else f"{name}_changing",
        flight=", then ".join(flights),
        origin=first.departure.city,
        departure=clock(leaves),
        destination=last.arrival.city,
        arrival=clock_after(local(last.arrival), leaves.date()),
        duration=duration(itinerary.duration.ToTimedelta()),
        **parts,
    )
    if cities := [segment.arrival.city for segment in itinerary.segments[:-1]]:
        yield phrase("details_stops", stops=counted(len(cities), "time"), cities=listed(cities))
