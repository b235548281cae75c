"""Puts a search together from what the caller says, and finds the one thing to ask next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from agent.dialogue.frames import DateSlot, Intent, PlaceSlot, Slots
from agent.dialogue.places import Place
from agent.dialogue.state import About, DialogueState, Draft, Question, Unsure
from agent.dialogue.turn import Speech, Turn
from agent.language.en.clock_times import TimeWindow
from agent.language.en.dates import CalendarDay, DateExpression, FromReference
from agent.language.en.phrases import phrase
from agent.language.en.spoken_forms import full_date, weekday_date

MOST_PASSENGERS = 9
_PLAIN_SLOTS = ("nonstop", "max_stops", "sort", "cabin", "passengers")


def begin(turn: Turn) -> None:
    """Clears the draft for a new search. What a new request leaves out it takes from the last one only when it names one place of two."""
    state, slots = turn.state, turn.frame.slots
    if turn.frame.intent is not Intent.SEARCH_FLIGHTS or state.drafting:
        return
    old = state.draft if state.searched else Draft()
    if bool(slots.origin) == bool(slots.destination):
        old = Draft()
    state.draft = Draft(
        origin=old.origin,
        destination=old.destination,
        depart=old.depart,
        cabin=old.cabin,
        passengers=old.passengers,
    )
    state.unsure.clear()
    state.doubted.clear()


def merge(turn: Turn) -> Iterator[Speech]:
    """Takes the frame's slots into the draft; yields what has to be said about those that can't be taken."""
    slots, state = turn.frame.slots, turn.state
    state.drafting = True
    for name, slot in (("origin", slots.origin), ("destination", slots.destination)):
        if slot:
            yield from _merge_place(state, name, slot)
    if slots.via and slots.via.mention:
        state.draft = replace(state.draft, via=slots.via.mention.place, nonstop=False)
    elif slots.nonstop:
        state.draft = replace(state.draft, via=None)
    yield from _merge_dates(turn, slots)
    given: dict[str, Any] = {
        name: value for name in _PLAIN_SLOTS if (value := getattr(slots, name)) is not None
    }
    # One of the two counts, the one that was said last; who takes stops after all takes any number.
    if slots.max_stops is not None:
        given["nonstop"] = False
    elif slots.nonstop is not None:
        given["max_stops"] = None
    state.draft = replace(_with_times(_with_airlines(state.draft, slots), slots), **given)


def _with_airlines(draft: Draft, slots: Slots) -> Draft:
    """Whom to fly with: who is named replaces those named before, who is turned down joins those turned down before."""
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
    """When to leave and when to be there. Of two wishes that no day flight meets, the one that was said now counts."""
    leaving, arriving = slots.depart_time, slots.arrive_time
    any_time = leaving is not None and leaving.is_open
    window, arrival = leaving or draft.window, arriving or (None if any_time else draft.arrival)
    if bool(leaving) != bool(arriving) and _collide(window, arrival):
        window, arrival = leaving, arriving
    return replace(draft, window=_closed(window), arrival=_closed(arrival))


def _closed(window: TimeWindow | None) -> TimeWindow | None:
    """The window unless it is open, as "any time" is."""
    return None if window is None or window.is_open else window


def _collide(leaving: TimeWindow | None, arriving: TimeWindow | None) -> bool:
    """Whether who leaves then is never there by then on the same day."""
    if leaving is None or arriving is None or leaving.over_midnight or arriving.over_midnight:
        return False
    return leaving.start is not None and arriving.end is not None and arriving.end <= leaving.start


def _merge_place(state: DialogueState, name: str, slot: PlaceSlot) -> Iterator[Speech]:
    state.unsure.pop(name, None)
    words = slot.text.lower()
    if words in state.learned:
        _set(state, name, state.learned[words])
    elif slot.mention is None:
        _set(state, name, None)
        state.doubted[name] = (words, ())
        yield Speech(unknown_place(slot.text))
    elif slot.mention.confident:
        learn(state, name, slot.mention.place)
        _set(state, name, slot.mention.place)
    else:
        _set(state, name, None)
        places = _distinct(candidate.place for candidate in slot.mention.candidates)
        state.unsure[name] = Unsure(places, slot.mention.question)
        state.doubted[name] = (words, places)


def learn(state: DialogueState, name: str, place: Place) -> None:
    """Remembers what the words doubted for a slot turned out to mean; a place that is nothing like them is a change of mind."""
    words, places = state.doubted.pop(name, ("", ()))
    if words and (not places or place in places):
        state.learned[words] = place


LONGEST_NAME = 40
"""Characters of an unknown place that are said back; more is noise, not a name."""


def unknown_place(text: str) -> str:
    """That we know no place of this name."""
    return (
        phrase("unknown_place", text=text.title())
        if len(text) <= LONGEST_NAME
        else phrase("place_not_caught")
    )


def _set(state: DialogueState, name: str, value: object) -> None:
    changes: dict[str, Any] = {name: value}
    state.draft = replace(state.draft, **changes)


def _merge_dates(turn: Turn, slots: Slots) -> Iterator[Speech]:
    state = turn.state
    if slots.other_day:
        _set(state, "depart", None)
    if slots.one_way:
        _set(state, "back", None)
    if slots.depart_date:
        if slots.depart_date.day is None:
            _set(state, "depart", None)
            yield Speech(phrase("impossible_date"))
        else:
            _set(state, "depart", _absolute(slots.depart_date))
    if slots.return_date and slots.return_date.day:
        _set(state, "back", slots.return_date.day)


def _absolute(slot: DateSlot) -> DateExpression:
    """Keeps an expression as said, but fixes "the next day": it is next to what was talked about now, not to what will be."""
    if isinstance(slot.expression, FromReference) and slot.day:
        return CalendarDay(slot.day.day, slot.day.month, slot.day.year)
    return slot.expression


def departure_day(turn: Turn) -> date | None:
    """The day of departure in the departure airport's zone; None when it isn't known."""
    return turn.state.draft.day_on(turn.context.now, turn.context.home_zone)


def next_question(turn: Turn) -> Iterator[Speech]:
    """What must still be asked before searching, one thing: nothing when the draft is whole."""
    state = turn.state
    draft = state.draft
    if state.unsure:
        yield confirm_place(turn)
    elif draft.origin and draft.destination and _same(draft.origin, draft.destination):
        yield Speech(phrase("same_place", origin=draft.origin.city, destination=draft.destination.city))
        _set(state, "destination", None)
        yield turn.ask(About.DESTINATION, "ask_destination_from", origin=draft.origin.city)
    elif draft.origin is None:
        yield turn.ask(About.ORIGIN, "ask_origin")
    elif draft.destination is None:
        yield turn.ask(About.DESTINATION, "ask_destination_from", origin=draft.origin.city)
    elif draft.passengers > MOST_PASSENGERS:
        yield turn.ask(About.TOO_MANY, "too_many")
    else:
        yield from _ask_date(turn)


def _ask_date(turn: Turn) -> Iterator[Speech]:
    when, today = departure_day(turn), turn.today_at(turn.state.draft.origin)
    if when is not None and when < today:
        yield from ask_other_date(turn, phrase("date_in_past", today=weekday_date(today)))
    elif when is None:
        yield turn.ask(About.DATE, "ask_date")


def ask_other_date(turn: Turn, why: str) -> Iterator[Speech]:
    """Says what is wrong with the date and asks for another."""
    turn.state.drafting = True
    _set(turn.state, "depart", None)
    yield Speech(why)
    yield turn.ask(About.DATE, "ask_date")


def beyond(last_date: date | None, today: date) -> str:
    """That schedules end before the date asked for."""
    if last_date is None:
        return phrase("date_beyond_unknown")
    return phrase("date_beyond", last=full_date(last_date) + " next year" * (last_date.year > today.year))


def _distinct(places: Iterable[Place]) -> tuple[Place, ...]:
    """One place a city: "London, then?" after "Did you mean London?" helps nobody."""
    by_city: dict[tuple[str, str], Place] = {}
    for place in places:
        by_city.setdefault((place.city, place.country_code), place)
    return tuple(by_city.values())


def confirm_place(turn: Turn, name: str = "confirm_place") -> Speech:
    """Asks "did you mean Kochi in India?", for the first place that we are unsure of, in the resolver's words if it has some."""
    slot, unsure = next(iter(turn.state.unsure.items()))
    place = unsure.places[0]
    words = unsure.question or phrase(name, place=place.told)
    return turn.question(Question(About.CONFIRM_PLACE, words, slot, unsure.places))


def _same(one: Place, other: Place) -> bool:
    return one.code == other.code or bool({one.code, *one.airport_codes} & {other.code, *other.airport_codes})
