"""Understanding: converts text to a frame.

First the grammars of the language read the words. Then the remaining text is searched for places. Finally the
intent is decided from clues.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from readback.flightdata.v1 import places_pb2

from agent.dialogue.confidence import confidence
from agent.dialogue.context import Context
from agent.dialogue.frames import DateSlot, Frame, Intent, PlaceSlot, Slots
from agent.dialogue.intents import NAMED_EXACTLY, Clues, intent_of
from agent.dialogue.places import PlaceAnnotator
from agent.dialogue.unsure_places import with_alternatives
from agent.language import Language
from agent.language.days import DateExpression, ImpossibleDate, return_day
from agent.language.meanings import Acts, Expectation, PlaceRoles, Reading
from agent.language.spans import lowered, masked

MAX_CHARACTERS = 1000
"""Maximum number of characters that are read. The rest of a longer typed text is ignored."""


async def understand(text: str, annotator: PlaceAnnotator, context: Context) -> Frame:
    """Return the frame of an utterance.

    Raises:
        ToolUnavailable: the annotator can't look up places.
    """
    language = context.language
    original = language.with_repaired_numbers(language.with_routes_in_words(text[:MAX_CHARACTERS]))
    lower = lowered(original)
    reading = language.read(
        lower,
        original,
        awaiting=context.awaiting,
        asked=context.asked,
        offered=context.offered,
        country=context.home.country,
    )
    rest = masked(original, reading.pieces)
    found: Sequence[places_pb2.PlaceAnnotation] = ()
    if language.plain_words(lowered(rest)):
        found = await annotator.annotate(rest, home_country=context.home.country)
        found = _without_ordinary(found, lower, context)
        found = await with_alternatives(found, context.heard, annotator, language, context.home.country)
    roles = language.place_roles(lower, found)
    acts = language.acts_of(lower)
    unknown = language.unknown_places(lower, [*reading.pieces, *found])
    _assign_remaining_place(roles, context)
    slots = _slots(reading, *_places(reading, roles, unknown, acts, context), roles, context, lower)
    foreign = language.foreign_words(masked(lower, [*reading.pieces, *found]))
    clues = Clues(lower, acts, slots, roles.rejected is not None, context, foreign)
    intent = intent_of(clues)
    fitting = _fitting(intent, slots, roles, context)
    return Frame(intent, fitting, confidence(intent, fitting, clues))


def _without_ordinary(
    found: Sequence[places_pb2.PlaceAnnotation], text: str, context: Context
) -> Sequence[places_pb2.PlaceAnnotation]:
    """Return the places whose words are unlikely to be ordinary ones. Keep all if a place was asked for."""
    language = context.language
    if context.awaiting is Expectation.PLACE:
        return found
    only = len(found) == 1 and not language.speaks_of("flying", text)
    return [
        place
        for place in found
        if not _has_request_words(place, language) and not (only and _is_word_like_code(place, language))
    ]


def _has_request_words(found: places_pb2.PlaceAnnotation, language: Language) -> bool:
    """Return whether a doubtful place consists of words that any request has: "I want to start my trip"."""
    doubtful = not found.confident and found.candidates[0].score < NAMED_EXACTLY
    return doubtful and language.foreign_words(lowered(found.text)) == 0


def _is_word_like_code(found: places_pb2.PlaceAnnotation, language: Language) -> bool:
    """Return whether an ordinary word in lower case happens to be a code: "I'm going to bed"."""
    words = lowered(found.text)
    is_code = found.text == words and words.upper() == found.candidates[0].place.code
    return is_code and language.is_ordinary(words)


def _slot(found: places_pb2.PlaceAnnotation | None) -> PlaceSlot | None:
    return PlaceSlot.of(found) if found else None


def _assign_remaining_place(roles: PlaceRoles[places_pb2.PlaceAnnotation], context: Context) -> None:
    """Assign the first place without a cue word to the role that the conversation suggests."""
    if not roles.others:
        return
    role = context.asked if context.asked in ("origin", "destination") else "destination"
    if roles.rejected:
        replaces_origin = context.origin and roles.rejected.candidates[0].place.code == context.origin.code
        role = "origin" if replaces_origin else "destination"
    elif roles.destination and not roles.origin and context.asked != "destination":
        role = "origin"
    if getattr(roles, role) is None:
        setattr(roles, role, roles.others.pop(0))


def _places(
    reading: Reading,
    roles: PlaceRoles[places_pb2.PlaceAnnotation],
    unknown: Mapping[str, str],
    acts: Acts,
    context: Context,
) -> tuple[PlaceSlot | None, PlaceSlot | None]:
    """Return the slots of origin and destination."""
    turns_back = "way_back" in acts and not acts.rest and not reading.one_way
    if turns_back and context.origin and context.destination:
        return PlaceSlot.certain(context.destination), PlaceSlot.certain(context.origin)
    origin, destination = (
        _slot(found) or (PlaceSlot(unknown[role]) if role in unknown else None)
        for role, found in (("origin", roles.origin), ("destination", roles.destination))
    )
    asks_place = context.awaiting is Expectation.PLACE and not (origin or destination or acts.names)
    if asks_place and 0 < len(acts.rest.split()) <= 3:
        words = PlaceSlot(acts.rest)
        return (words, None) if context.asked == "origin" else (None, words)
    return origin, destination


def _slots(
    reading: Reading,
    origin: PlaceSlot | None,
    destination: PlaceSlot | None,
    roles: PlaceRoles[places_pb2.PlaceAnnotation],
    context: Context,
    text: str,
) -> Slots:
    departs_from = (origin and origin.place) or context.origin
    wanted = reading.airlines.wanted
    # The caller can withdraw wishes only during a search.
    withdrawn: Mapping[str, Any] = (
        {"one_way": reading.one_way, "any_airline": reading.airlines.any_airline or None}
        if context.under_way
        else {}
    )
    return Slots(
        origin=origin,
        destination=destination,
        via=_slot(roles.via),
        airline=wanted[0] if len(wanted) == 1 else None,
        airlines=wanted if len(wanted) > 1 else None,
        without_airlines=reading.airlines.unwanted or None,
        flight_number=reading.flight_number,
        max_stops=reading.max_stops,
        nonstop=reading.nonstop,
        sort=reading.sort,
        cabin=reading.cabin,
        passengers=reading.passengers,
        party=reading.party,
        choice=reading.choice,
        topic=context.language.topic_out_of_scope(text),
        **_days(reading, context, context.today_at(departs_from)),
        **_times(reading, context),
        **withdrawn,
    )


def _days(reading: Reading, context: Context, today: date) -> Mapping[str, Any]:
    # In "not tomorrow, the day after" the second day is relative to the rejected one.
    rejected = _resolved(reading.rejected_day, today, context.departure_date)
    depart = _resolved(reading.depart, today, (rejected and rejected.day) or context.departure_date)
    if context.asked == "return_date" and reading.back is None:
        depart, back = None, _returning(reading.depart, today, context.departure_date)
    else:
        back = _returning(reading.back, today, (depart and depart.day) or context.departure_date)
    other_day = (rejected or reading.other_day) and depart is back is None and context.under_way
    return {
        "departure_date": depart,
        "return_date": None if reading.one_way else back,
        "other_day": True if other_day else None,
    }


def _returning(expression: DateExpression | None, today: date, leaving: date | None) -> DateSlot | None:
    if expression is None:
        return None
    try:
        return DateSlot(expression, return_day(expression, today, leaving))
    except (ImpossibleDate, OverflowError):
        return DateSlot(expression, None)


def _resolved(expression: DateExpression | None, today: date, reference: date | None) -> DateSlot | None:
    if expression is None:
        return None
    try:
        return DateSlot(expression, expression.on(today, reference))
    except (ImpossibleDate, OverflowError):
        return DateSlot(expression, None)


def _times(reading: Reading, context: Context) -> Mapping[str, Any]:
    # "Any time" withdraws a wish, so it has no meaning before a search.
    windows = {
        "depart_time": reading.departing,
        "arrive_time": reading.arriving,
        "return_time": reading.returning,
    }
    return {
        name: None if window and window.is_open and not context.under_way else window
        for name, window in windows.items()
    }


_SEARCH_SLOT_NAMES = (
    "origin destination via departure_date depart_time arrive_time return_date return_time one_way other_day "
    "airline airlines without_airlines any_airline max_stops nonstop sort cabin passengers party"
)
_SEARCH_SLOTS = frozenset(_SEARCH_SLOT_NAMES.split())
_SLOTS: Mapping[Intent, frozenset[str]] = {
    **dict.fromkeys((Intent.SEARCH_FLIGHTS, Intent.REFINE, Intent.CORRECTION, Intent.AFFIRM), _SEARCH_SLOTS),
    Intent.FLIGHT_STATUS: frozenset(
        {"flight_number", "airline", "origin", "destination", "departure_date", "depart_time", "choice"}
    ),
    Intent.AIRPORT_INFO: frozenset({"airport"}),
    Intent.SELECT: frozenset({"choice", "depart_time"}),
    Intent.OUT_OF_SCOPE: frozenset({"topic"}),
}


def _fitting(
    intent: Intent, slots: Slots, roles: PlaceRoles[places_pb2.PlaceAnnotation], context: Context
) -> Slots:
    """Return only the slots that the intent uses. For example, SELECT uses `choice` but not `sort`."""
    kept = {name: getattr(slots, name) for name in _SLOTS.get(intent, ())}
    if slots.origin or slots.destination:
        kept.pop("choice", None)
    confirms_place = context.awaiting is Expectation.YES_NO and context.asked in ("origin", "destination")
    if confirms_place and slots.choice and slots.choice.ordinal:
        # The answer "the second, tomorrow" can pick one of two offered places.
        kept["choice"] = slots.choice
    if slots.flight_number:
        kept.pop("airline", None)
    points_at_time = intent is Intent.SELECT and slots.choice is not None and slots.choice.time is not None
    if points_at_time or (intent is Intent.FLIGHT_STATUS and slots.depart_time and slots.depart_time.is_open):
        kept.pop("depart_time", None)
    if intent is Intent.AIRPORT_INFO:
        named = next(filter(None, (roles.destination, roles.origin, *roles.others)), None)
        kept["airport"] = _slot(named) or slots.destination
    return Slots(**kept)
