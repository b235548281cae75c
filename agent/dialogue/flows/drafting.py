"""Preparation of a search: merge each utterance into the draft, and find the next question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from agent.dialogue.flows.confirming_places import confirm_place, fill_place, set_place
from agent.dialogue.frames import DateSlot, Intent, Slots
from agent.dialogue.state import About, Draft
from agent.dialogue.turn import Speech, Turn
from agent.language.days import CalendarDay, DateExpression, FromReference
from agent.language.meanings import TimeWindow

MAX_PASSENGERS = 9
_SIDE_REMARKS = frozenset({"seats", "baggage", "meals", "loyalty"})
"""Topics out of scope that may be said in passing: "with an aisle seat, if possible"."""
_COPIED_SLOTS = ("nonstop", "max_stops", "sort", "cabin", "passengers")


def begin(turn: Turn) -> None:
    """Clear the draft if the utterance starts a new search.

    If it names only origin or only destination, keep the route, day, cabin and passengers of the last search.
    If it refers to the last search ("the same from Mumbai to Goa"), keep everything.
    """
    state, slots = turn.state, turn.frame.slots
    if not _starts_search(turn) or turn.language.speaks_of("earlier_search", turn.text):
        return
    names_one_place = bool(slots.origin) != bool(slots.destination)
    known = state.tried or state.searched
    state.draft, state.tried = _journey(state.draft) if known and names_one_place else Draft(), False
    state.unsure.clear()
    state.doubted.clear()


def _journey(draft: Draft) -> Draft:
    """Return the draft without wishes and without a return flight."""
    return Draft(
        origin=draft.origin,
        destination=draft.destination,
        depart=draft.depart,
        cabin=draft.cabin,
        passengers=draft.passengers,
    )


def _starts_search(turn: Turn) -> bool:
    """Return whether the utterance starts a search, rather than completing or changing one."""
    match turn.frame.intent:
        case Intent.SEARCH_FLIGHTS:
            return not turn.state.drafting or _is_other_journey(turn)
        case Intent.REFINE:
            return _is_other_journey(turn) and not turn.language.opens_with("refine", turn.text)
    return False


def _is_other_journey(turn: Turn) -> bool:
    """Return whether the utterance names another route than the complete draft, and a day of its own."""
    slots, state = turn.frame.slots, turn.state
    if slots.departure_date is None or state.draft.origin is None or state.draft.destination is None:
        return False
    if not (state.tried or state.searched or (slots.origin and slots.destination)):
        return False  # an answer to a question about the first search
    named = ((slots.origin, state.draft.origin), (slots.destination, state.draft.destination))
    return any(slot and not (slot.place and slot.place.same_as(place)) for slot, place in named)


def merge(turn: Turn) -> Iterator[Speech]:
    """Merge the slots of the frame into the draft. Yield sentences about what can't be done."""
    slots, state = turn.frame.slots, turn.state
    state.drafting = True
    if (remark := turn.language.topic_out_of_scope(turn.text)) in _SIDE_REMARKS:
        yield turn.say(f"remark_{remark}")
    for name, slot in (("origin", slots.origin), ("destination", slots.destination)):
        if slot:
            yield from fill_place(turn, name, slot)
    if slots.via and slots.via.place:
        state.draft = replace(state.draft, via=slots.via.place, nonstop=False)
    elif slots.nonstop:
        state.draft = replace(state.draft, via=None)
    yield from _merge_dates(turn, slots)
    changes: dict[str, Any] = {
        name: value for name in _COPIED_SLOTS if (value := getattr(slots, name)) is not None
    }
    # A new wish about stops replaces the earlier one. A caller who accepts stops again accepts any number.
    if slots.max_stops is not None:
        changes["nonstop"] = False
    elif slots.nonstop is not None:
        changes["max_stops"] = None
    state.draft = replace(_with_times(_with_airlines(state.draft, slots), slots), **changes)


def _with_airlines(draft: Draft, slots: Slots) -> Draft:
    """Return the draft with new airlines: wanted ones replace earlier ones, rejected ones are added."""
    unwanted = slots.without_airlines or ()
    if slots.airline or slots.airlines:
        return replace(draft, airline=slots.airline, airlines=slots.airlines or (), without_airlines=unwanted)
    if slots.any_airline:
        return replace(draft, airline=None, airlines=(), without_airlines=unwanted)
    return replace(
        draft,
        airline=None if draft.airline in unwanted else draft.airline,
        airlines=tuple(code for code in draft.airlines if code not in unwanted),
        without_airlines=tuple(dict.fromkeys((*draft.without_airlines, *unwanted))),
    )


def _with_times(draft: Draft, slots: Slots) -> Draft:
    """Return the draft with new times of departure and arrival.

    If no flight can meet both a new time and an old one, the old one is removed.
    """
    leaving, arriving = slots.depart_time, slots.arrive_time
    any_time = leaving is not None and leaving.is_open
    window, arrival = leaving or draft.window, arriving or (None if any_time else draft.arrival)
    if bool(leaving) != bool(arriving) and _conflict(window, arrival):
        window, arrival = leaving, arriving
    returning = _closed(slots.return_time or draft.returning)
    return replace(draft, window=_closed(window), arrival=_closed(arrival), returning=returning)


def _closed(window: TimeWindow | None) -> TimeWindow | None:
    """Return the window, or None if it is open on both sides ("any time")."""
    return None if window is None or window.is_open else window


def _conflict(leaving: TimeWindow | None, arriving: TimeWindow | None) -> bool:
    """Return whether no flight can meet both windows, because arrival must end before departure starts."""
    if leaving is None or arriving is None or leaving.over_midnight or arriving.over_midnight:
        return False
    return leaving.start is not None and arriving.end is not None and arriving.end <= leaving.start


def _merge_dates(turn: Turn, slots: Slots) -> Iterator[Speech]:
    state = turn.state
    if slots.other_day:
        state.draft = replace(state.draft, depart=None)
    if slots.one_way:
        state.draft = replace(state.draft, back=None)
    if slots.departure_date:
        impossible = slots.departure_date.day is None
        state.draft = replace(state.draft, depart=None if impossible else _anchored(slots.departure_date))
        if impossible:
            yield turn.say("impossible_date")
    if slots.return_date:
        state.draft = replace(state.draft, back=slots.return_date.expression)
        # Another departure later doesn't move a return whose date has been told.
        if back := return_day(turn):
            state.draft = replace(state.draft, back=CalendarDay.of(back))


def _anchored(slot: DateSlot) -> DateExpression:
    """Return the expression, but convert "the next day" to a date, because its reference day may change."""
    return (
        CalendarDay.of(slot.day)
        if isinstance(slot.expression, FromReference) and slot.day
        else slot.expression
    )


def departure_day(turn: Turn) -> date | None:
    """Return the local date of departure, or None if it is unknown."""
    return turn.state.draft.day_on(turn.context.now, turn.context.home.time_zone)


def return_day(turn: Turn) -> date | None:
    """Return the local date of the return flight, or None if it is unknown."""
    return turn.state.draft.return_on(turn.context.now, turn.context.home.time_zone)


def next_question(turn: Turn) -> Iterator[Speech]:
    """Ask for one missing part of the search. Yield nothing if the draft is complete."""
    state = turn.state
    draft = state.draft
    if state.unsure:
        yield confirm_place(turn)
    elif draft.origin and draft.destination and draft.origin.same_as(draft.destination):
        yield turn.say("same_place", origin=draft.origin.city, destination=draft.destination.city)
        set_place(state, "destination", None)
        yield turn.ask(About.DESTINATION, "ask_destination_from", origin=draft.origin.city)
    elif draft.origin is None:
        yield turn.ask(About.ORIGIN, "ask_origin")
    elif draft.destination is None:
        yield turn.ask(About.DESTINATION, "ask_destination_from", origin=draft.origin.city)
    elif draft.passengers > MAX_PASSENGERS:
        yield turn.ask(About.TOO_MANY, "too_many", most=turn.language.number(MAX_PASSENGERS))
    else:
        yield from _ask_date(turn)


def _ask_date(turn: Turn) -> Iterator[Speech]:
    when, today = departure_day(turn), turn.context.today_at(turn.state.draft.origin)
    if when is not None and when < today:
        yield from ask_other_date(turn, turn.say("date_in_past", today=turn.language.weekday_date(today)))
    elif when is None:
        yield turn.ask(About.DATE, "ask_date")
    else:
        yield from _ask_return_date(turn, when)


def _ask_return_date(turn: Turn, leaving: date) -> Iterator[Speech]:
    back, state = return_day(turn), turn.state
    if state.draft.back is None or (back and back >= leaving):
        return
    state.drafting, state.draft = True, replace(state.draft, back=None)
    there = turn.language.weekday_date(leaving)
    yield turn.say("return_before_departure", day=there) if back else turn.say("impossible_date")
    yield turn.ask(About.RETURN_DATE, "ask_return_date")


def ask_other_date(turn: Turn, problem: Speech) -> Iterator[Speech]:
    """Report a problem with the date, and ask for another date."""
    turn.state.drafting = True
    turn.state.draft = replace(turn.state.draft, depart=None)
    yield problem
    yield turn.ask(About.DATE, "ask_date")
