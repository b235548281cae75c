"""The flights that were found: reading them out, reading more of them, and telling all about one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from agent.dialogue.departure_times import nearest_first
from agent.dialogue.state import About, Offer
from agent.dialogue.tools import Itinerary, SearchAnswer
from agent.dialogue.turn import Events, Speech, Turn
from agent.language.en.clock_times import TimeWindow
from agent.language.en.phrases import phrase
from agent.language.en.spoken_forms import (
    clock,
    clock_after,
    counted,
    day,
    duration,
    flight,
    listed,
    number,
    price,
)
from agent.language.en.wishes import Choice
from agent.language.en.wording import option, wishes_of

AT_ONCE = 3
"""Options read at once: nobody keeps more in mind."""


def tell_offer(turn: Turn, answer: SearchAnswer) -> Iterator[Speech]:
    """How many there are, the first three, and one question."""
    state, draft = turn.state, turn.state.draft
    assert state.offer is not None
    assert draft.origin is not None
    assert draft.destination is not None
    total = max(answer.total, len(answer.itineraries))
    name = "found_one" if total == 1 else "found" if total <= AT_ONCE else "found_many"
    request, today = state.offer.request, turn.today_at(draft.origin)
    when, route = (
        day(request.depart_date, today),
        {"origin": draft.origin.city, "destination": draft.destination.city},
    )
    if request.return_date:
        name = "found_return_one" if total == 1 else "found_return"
        route["back"] = day(request.return_date, today)
    yield Speech(phrase(name, count=number(total), day=when, wishes=wishes_of(draft), **route))
    if answer.sample and not state.sample_told:
        state.sample_told = True
        yield Speech(phrase("sample"))
    if answer.partial:
        yield Speech(phrase("partial"))
    if draft.sort == "cheapest" and not any(itinerary.total for itinerary in answer.itineraries):
        yield Speech(phrase("no_prices"))
    if total > AT_ONCE:
        yield Speech(phrase("first_three"))
    yield from _read_out(turn, state.offer)
    if total > 1:
        yield Speech(phrase("which_one"))


def _read_out(turn: Turn, offer: Offer) -> Iterator[Speech]:
    following = offer.itineraries[offer.read : offer.read + AT_ONCE]
    turn.state.offer = replace(offer, read=offer.read + len(following))
    for index, itinerary in enumerate(following, start=offer.read):
        yield Speech(option(itinerary, index, turn.state.draft, only=len(offer.itineraries) == 1))


async def more(turn: Turn) -> Events:
    """The next three of the flights found."""
    offer = turn.state.offer
    if offer is None or not offer.itineraries:
        yield Speech(phrase("nothing_offered"))
        yield turn.ask(About.SEARCH_AT_ALL, "at_your_service")
    elif offer.read >= len(offer.itineraries):
        left = offer.total - len(offer.itineraries)
        yield Speech(
            phrase("narrow_down", count=counted(left, "more flight"))
            if left > 0
            else phrase("no_more_options")
        )
        yield Speech(phrase("which_one"))
    else:
        yield Speech(phrase("more_options"))
        for speech in _read_out(turn, offer):
            yield speech


async def select(turn: Turn) -> Events:
    """All about one of the flights found."""
    offer = turn.state.offer
    if offer is None or not offer.itineraries:
        yield Speech(phrase("nothing_offered"))
        yield turn.ask(About.SEARCH_AT_ALL, "at_your_service")
        return
    choice = turn.frame.slots.choice
    chosen = chosen_of(offer, choice, turn.frame.slots.depart_time) if choice else None
    if chosen is None:
        yield Speech(_why_none(choice, offer))
        if len(offer.itineraries) > 1:
            yield Speech(phrase("which_one"))
        return
    turn.state.chosen = chosen
    for speech in _details(turn, chosen):
        yield speech


def _why_none(choice: Choice | None, offer: Offer) -> str:
    if choice is not None and choice.ordinal is not None:
        return phrase("no_such_option", count=number(len(offer.itineraries)))
    return phrase("no_prices" if choice is not None and choice.by == "cheapest" else "no_such_flight")


def chosen_of(offer: Offer, choice: Choice, about: TimeWindow | None = None) -> Itinerary | None:
    """The flight that the choice points at, of those that leave `about` a time; None when there is no such flight on offer."""
    if choice.ordinal is not None:
        index = offer.read - 1 if choice.ordinal < 0 else choice.ordinal - 1
        return offer.itineraries[index] if 0 <= index < len(offer.itineraries) else None
    fitting = [itinerary for itinerary in offer.itineraries if _fits(itinerary, choice)]
    if about:
        fitting = nearest_first(fitting, about)
    return _best(fitting, choice.by) if choice.by else next(iter(fitting), None)


def _best(flights: Sequence[Itinerary], by: str) -> Itinerary | None:
    if by == "cheapest":
        priced = [itinerary for itinerary in flights if itinerary.total]
        return min(
            priced, key=lambda itinerary: itinerary.total.amount if itinerary.total else 0, default=None
        )
    if by == "fastest":
        return min(flights, key=_travelled, default=None)
    choose = max if by == "latest" else min
    return choose(flights, key=lambda itinerary: itinerary.departure.time, default=None)


def _travelled(itinerary: Itinerary) -> timedelta:
    return itinerary.duration + (itinerary.back.duration if itinerary.back else timedelta())


def _fits(itinerary: Itinerary, choice: Choice) -> bool:
    leaves = itinerary.departure.local
    if choice.time and (
        leaves.minute != choice.time.minute
        or leaves.hour not in (choice.time.hour, (choice.time.hour + 12) % 24)
    ):
        return False
    return choice.airline is None or any(
        segment.carrier_code == choice.airline for segment in itinerary.segments
    )


def _details(turn: Turn, chosen: Itinerary) -> Iterator[Speech]:
    yield from _flown("details", chosen)
    if chosen.back:
        yield from _flown(
            "details_back",
            chosen.back,
            day=day(chosen.back.departure.local.date(), turn.today_at(turn.state.draft.origin)),
        )
    if chosen.total:
        each = chosen.per_passenger
        several = each and each.amount != chosen.total.amount
        name = "details_price_both" if chosen.back else "details_price"
        yield Speech(
            phrase(name, price=price(chosen.total), each=f", {price(each)} each" if each and several else "")
        )
    if not turn.state.booking_told:
        turn.state.booking_told = True
        yield Speech(phrase("cannot_book_yet"))


def _flown(name: str, chosen: Itinerary, **more: str) -> Iterator[Speech]:
    """Flights with their times, and where one changes."""
    leaves, arrives = chosen.departure.local, chosen.arrival.local
    flights = [flight(segment.flight_number, carrier=segment.carrier) for segment in chosen.segments]
    parts = {
        "flight": ", then ".join(flights),
        "origin": chosen.departure.city,
        "departure": clock(leaves),
        "destination": chosen.arrival.city,
        "arrival": clock_after(arrives, leaves.date()),
        "duration": duration(chosen.duration),
    }
    yield Speech(phrase(name if len(flights) == 1 else f"{name}_changing", **parts, **more))
    if chosen.stops:
        cities = listed([segment.arrival.city for segment in chosen.segments[:-1]])
        yield Speech(phrase("details_stops", stops=counted(chosen.stops, "time"), cities=cities))
