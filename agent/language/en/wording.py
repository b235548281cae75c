"""Phrases made of a draft's wishes and of flights, shared by the flows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from agent.dialogue.state import Draft
from agent.dialogue.tools import Itinerary, ToolError, ToolRestricted, ToolUsedUp
from agent.language.en.clock_times import PARTS_OF_DAY, TimeWindow
from agent.language.en.phrases import phrase
from agent.language.en.spoken_forms import (
    airline,
    bare_clock,
    clock,
    counted,
    day,
    listed,
    number,
    ordinal,
    price,
)

_PARTS = {
    window: f"{'at' if name.endswith('night') else 'in the'} {name}" for name, window in PARTS_OF_DAY.items()
}
_SORTS = {
    "cheapest": "The cheapest",
    "fastest": "The fastest",
    "earliest": "The earliest",
    "latest": "The latest",
}


def window_words(window: TimeWindow) -> str:
    """Says "in the morning", "after six in the evening", "between nine and eleven in the morning"."""
    if part := _PARTS.get(window):
        return part
    if window.start and window.end:
        return f"between {clock(window.start)} and {clock(window.end)}"
    return (
        f"after {clock(window.start)}"
        if window.start
        else f"before {clock(window.end)}"
        if window.end
        else "at any time"
    )


def wishes_of(draft: Draft) -> str:
    """Says ", in the morning, with IndiGo or Vistara and without a stop": what was asked for beside route and day; "" for nothing."""
    wishes = [window_words(draft.window)] if draft.window else []
    if draft.arrival:
        wishes.append(f"arriving {window_words(draft.arrival)}")
    if wanted := draft.airlines or (draft.airline and [draft.airline]):
        wishes.append(f"with {_either(wanted)}")
    if draft.without_airlines:
        wishes.append(f"without {_either(draft.without_airlines)}")
    if draft.nonstop:
        wishes.append("without a stop")
    if draft.max_stops:
        wishes.append(f"with {counted(draft.max_stops, 'stop')} at most")
    if draft.via:
        wishes.append(f"by way of {draft.via.city}")
    if draft.cabin and draft.cabin != "economy":
        wishes.append(
            f"in {draft.cabin.replace('_', ' ')}{'' if draft.cabin == 'premium_economy' else ' class'}"
        )
    if draft.passengers > 1:
        wishes.append(f"for {number(draft.passengers)}")
    return f", {listed(wishes)}" if wishes else ""


def _either(codes: Sequence[str]) -> str:
    names = [airline(code) for code in codes]
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def why_untold(error: ToolError | None, today: date) -> str:
    """Says why a tool could not answer; what has a question of its own is told by the flows."""
    match error:
        case ToolRestricted():
            return phrase("restricted")
        case ToolUsedUp(until=until) if until and until > today:
            return phrase("used_up_until", day=day(until, today))
        case ToolUsedUp():
            return phrase("used_up")
    return phrase("unavailable")


def rank(index: int, draft: Draft, *, priced: bool = True) -> str:
    """Says "The first", or "The cheapest" for the first of those sorted by price; only what has a price is the cheapest."""
    if index == 0 and draft.sort in _SORTS and (draft.sort != "cheapest" or priced):
        return _SORTS[draft.sort]
    return f"The {ordinal(index + 1)}"


def _leaving(itinerary: Itinerary, draft: Draft) -> str:
    """The time; bare after "in the morning", which needs no saying twice."""
    return (bare_clock if draft.window in _PARTS else clock)(itinerary.departure.local)


def option(itinerary: Itinerary, index: int, draft: Draft, *, only: bool) -> str:
    """One line of a list of flights."""
    return phrase(
        "option_only" if only else "option",
        rank=rank(index, draft, priced=itinerary.total is not None),
        leaves="leaves" if index == 0 else "is",
        time=_leaving(itinerary, draft),
        carrier=itinerary.segments[0].carrier,
        stops=stops_of(itinerary) + _back_of(itinerary),
        price=_costs(itinerary, draft),
    )


def stops_of(itinerary: Itinerary) -> str:
    """Says ", with one stop in Dubai", ", with one stop over night in Doha" or ", … in London, from another airport"; "" without."""
    if not itinerary.stops:
        return ""
    layovers = itinerary.data.get("layovers", ())
    nights = " over night" if any(layover.get("overnight") for layover in layovers) else ""
    onward = (
        " and on from another airport there"
        if any(layover.get("next_airport_code") for layover in layovers)
        else ""
    )
    return f", with {counted(itinerary.stops, 'stop')}{nights} in {listed([s.arrival.city for s in itinerary.segments[:-1]])}{onward}"


def _back_of(itinerary: Itinerary) -> str:
    """Says ", and back at nine in the morning with IndiGo"; "" for one way."""
    if itinerary.back is None:
        return ""
    first = itinerary.back.segments[0]
    return f", and back at {clock(itinerary.back.departure.local)} with {first.carrier}{stops_of(itinerary.back)}"


def _costs(itinerary: Itinerary, draft: Draft) -> str:
    """The price, or that there is none to pay."""
    if itinerary.sold_out:
        return ", but it is sold out"
    for_all = " in all" if draft.passengers > 1 or itinerary.back else ""
    return f", for {price(itinerary.total)}{for_all}" if itinerary.total else ""
