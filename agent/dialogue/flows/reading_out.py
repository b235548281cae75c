"""Reading out of flights: the first few, more on request, and the details of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, time, timedelta

from readback.flightdata.v1 import flights_pb2

from agent.dialogue.search_answer import SearchAnswer
from agent.dialogue.state import About, FlightList
from agent.dialogue.turn import Events, Speech, Turn
from agent.language.flight_times import day_of, local
from agent.language.found_flight import FoundFlight
from agent.language.meanings import Choice, TimeWindow

READ_AT_ONCE = 3
"""Number of flights that are read out in one answer. Listeners don't remember more."""
_DAY = 24 * 60


def tell_results(turn: Turn, answer: SearchAnswer) -> Iterator[Speech]:
    """Report the number of flights, read out the first ones, and ask which one the caller wants."""
    state, draft, language = turn.state, turn.state.draft, turn.language
    found = state.flight_list
    assert found is not None
    assert draft.origin is not None
    assert draft.destination is not None
    total, today = max(answer.total, len(answer.flights)), turn.context.today_at(draft.origin)
    name = "found_one" if total == 1 else "found" if total <= READ_AT_ONCE else "found_many"
    parts = {
        "count": language.number(total),
        "origin": draft.origin.city,
        "destination": draft.destination.city,
        "day": language.day(day_of(found.request.legs[0].departure_date), today),
        "wishes": language.wishes_words(draft),
    }
    if len(found.request.legs) > 1:
        name = "found_return_one" if total == 1 else "found_return"
        parts["back"] = language.day(day_of(found.request.legs[1].departure_date), today)
    yield turn.say(name, **parts)
    if answer.sample and not state.sample_mentioned:
        state.sample_mentioned = True
        yield turn.say("sample")
    if answer.partial:
        yield turn.say("partial")
    if draft.sort == "cheapest" and not any(flight.total for flight in answer.flights):
        yield turn.say("no_prices")
    if total > READ_AT_ONCE:
        yield turn.say("first_few", count=language.number(READ_AT_ONCE))
    yield from _read_out(turn, found)
    if total > 1:
        yield turn.say("which_one")


def _read_out(turn: Turn, found: FlightList) -> Iterator[Speech]:
    following = found.flights[found.read : found.read + READ_AT_ONCE]
    turn.state.flight_list = replace(found, read=found.read + len(following))
    for index, flight in enumerate(following, start=found.read):
        yield Speech(turn.language.option(flight, index, turn.state.draft, only=len(found.flights) == 1))


async def more(turn: Turn) -> Events:
    """Read out the next flights."""
    found = turn.state.flight_list
    if found is None or not found.flights:
        yield turn.say("nothing_offered")
        yield turn.ask(About.SEARCH_AT_ALL, "at_your_service")
    elif found.read < len(found.flights):
        yield turn.say("more_options")
        for speech in _read_out(turn, found):
            yield speech
    else:
        unlisted = found.total - len(found.flights)
        if unlisted > 0:
            yield turn.say("narrow_down", count=turn.language.counted(unlisted, "more flight"))
        else:
            yield turn.say("no_more_options")
        yield turn.say("which_one")


async def select(turn: Turn) -> Events:
    """Report the details of the flight that the caller chose."""
    found = turn.state.flight_list
    if found is None or not found.flights:
        yield turn.say("nothing_offered")
        yield turn.ask(About.SEARCH_AT_ALL, "at_your_service")
        return
    choice = turn.frame.slots.choice
    chosen = chosen_of(found, choice, turn.frame.slots.depart_time) if choice else None
    if chosen is None:
        yield _no_such_flight(turn, choice, found)
        if len(found.flights) > 1:
            yield turn.say("which_one")
        return
    turn.state.chosen = chosen
    for speech in _details(turn, chosen):
        yield speech


def _no_such_flight(turn: Turn, choice: Choice | None, found: FlightList) -> Speech:
    if choice is not None and choice.ordinal is not None:
        return turn.say("no_such_option", count=turn.language.number(len(found.flights)))
    return turn.say("no_prices" if choice is not None and choice.by == "cheapest" else "no_such_flight")


def chosen_of(found: FlightList, choice: Choice, around: TimeWindow | None = None) -> FoundFlight | None:
    """Return the flight that matches the choice and departs within `around`, or None."""
    if choice.ordinal is not None:
        index = found.read - 1 if choice.ordinal < 0 else choice.ordinal - 1
        return found.flights[index] if 0 <= index < len(found.flights) else None
    fitting = [flight for flight in found.flights if _fits(flight, choice)]
    if around:
        fitting = _nearest_first(fitting, around)
    return _best(fitting, choice.by) if choice.by else next(iter(fitting), None)


def _fits(flight: FoundFlight, choice: Choice) -> bool:
    leaves, named = local(flight.departure), choice.time
    # "The six o'clock one" may leave at 18:00.
    if named and (leaves.minute != named.minute or leaves.hour not in (named.hour, (named.hour + 12) % 24)):
        return False
    return choice.airline is None or any(
        segment.carrier_code == choice.airline for segment in flight.there.segments
    )


def _best(flights: Sequence[FoundFlight], by: str) -> FoundFlight | None:
    if by == "cheapest":
        priced = [(total.units, total.nanos, flight) for flight in flights if (total := flight.total)]
        return min(priced, key=lambda entry: entry[:2])[2] if priced else None
    if by == "fastest":
        return min(flights, key=_travel_time, default=None)
    choose = max if by == "latest" else min
    return choose(flights, key=lambda flight: local(flight.departure), default=None)


def _travel_time(flight: FoundFlight) -> timedelta:
    back = flight.back.duration.ToTimedelta() if flight.back else timedelta()
    return flight.there.duration.ToTimedelta() + back


def middle(window: TimeWindow) -> time | None:
    """Return the middle of a window, which may cross midnight. For a half-open window, return its one end."""
    if window.start is None or window.end is None:
        return window.start or window.end
    start = _minutes(window.start)
    minutes = (start + (_minutes(window.end) - start) % _DAY // 2) % _DAY
    return time(minutes // 60, minutes % 60)


def _nearest_first(flights: Sequence[FoundFlight], window: TimeWindow) -> list[FoundFlight]:
    """Return the flights that depart in a window, sorted by distance from its middle if it has one."""
    center = middle(window)
    leaving = [flight for flight in flights if _contains(window, local(flight.departure).time())]
    if center is None:
        return leaving
    return sorted(leaving, key=lambda flight: _minutes_between(local(flight.departure).time(), center))


def _contains(window: TimeWindow, moment: time) -> bool:
    since, until = window.start or time(), window.end
    if until is None:
        return moment >= since
    return since <= moment < until if since <= until else moment >= since or moment < until


def _minutes_between(one: time, other: time) -> int:
    """Return the shorter distance between two times of day, in minutes."""
    apart = (_minutes(one) - _minutes(other)) % _DAY
    return min(apart, _DAY - apart)


def _minutes(moment: time) -> int:
    return moment.hour * 60 + moment.minute


def _details(turn: Turn, chosen: FoundFlight) -> Iterator[Speech]:
    language, back = turn.language, chosen.back
    for sentence in language.details("details", chosen.there):
        yield Speech(sentence)
    if back:
        day = language.day(_departure_date(back), turn.context.today_at(turn.state.draft.origin))
        for sentence in language.details("details_back", back, day=day):
            yield Speech(sentence)
    if total := chosen.total:
        name, each = "details_price_both" if back else "details_price", chosen.per_adult
        if each and each != total:
            yield turn.say(f"{name}_each", price=language.price(total), each=language.price(each))
        else:
            yield turn.say(name, price=language.price(total))
    if not turn.state.booking_mentioned:
        turn.state.booking_mentioned = True
        yield turn.say("cannot_book_yet")


def _departure_date(itinerary: flights_pb2.Itinerary) -> date:
    return local(itinerary.segments[0].departure).date()
