"""Classification of an utterance: its intent, decided from clues."""

from __future__ import annotations

from dataclasses import dataclass

from agent.dialogue.context import Context
from agent.dialogue.frames import Intent, Slots
from agent.language.meanings import Acts, Expectation

_ALWAYS_OUT_OF_SCOPE = frozenset(
    {"cancelling", "refunds", "rebooking", "check_in", "human", "hotels", "cars", "weather", "visas"}
    | {"roads", "money", "destinations", "orders", "lost_baggage"}
)
"""Topics that are out of scope even if the utterance also asks for flights."""


MOST_FOREIGN = 2
"""Maximum number of words that no request for flights needs, next to origin and destination."""
_WISH_NAMES = (
    "depart_time arrive_time return_time airline airlines without_airlines any_airline one_way other_day "
    "max_stops nonstop sort cabin passengers"
)
_WISHES = tuple(_WISH_NAMES.split())


@dataclass(frozen=True, slots=True)
class Clues:
    """Facts about an utterance from which its intent is decided.

    `text` is the whole utterance in lower case. `rejected` is True if it rejects a place ("not Delhi").
    `foreign` is the number of its words that no request for flights needs.
    """

    text: str
    acts: Acts
    slots: Slots
    rejected: bool
    context: Context
    foreign: int = 0

    @property
    def places(self) -> int:
        """Number of places named as origin or destination."""
        return (self.slots.origin is not None) + (self.slots.destination is not None)

    @property
    def speaks_of_flights(self) -> bool:
        """True if the text contains a word about flying."""
        return self.speaks_of("flights")

    def speaks_of(self, subject: str) -> bool:
        """Return whether the text contains words about this subject."""
        return self.context.language.speaks_of(subject, self.text)

    def opens_with(self, cue: str) -> bool:
        """Return whether the text begins with this cue."""
        return self.context.language.opens_with(cue, self.text)

    @property
    def fills_a_search(self) -> bool:
        """True if the utterance fills a slot of a search.

        A place or a day counts only if nothing else is spoken of: not in "things to see in Boston". Wishes
        such as "quick" or "two people" count only in a conversation about flights.
        """
        slots = self.slots
        about_flights = self.context.under_way or self.speaks_of_flights
        if self.places or slots.departure_date or slots.return_date:
            return about_flights or self.speaks_of("journeys") or self._is_route
        return about_flights and any(getattr(slots, name) is not None for name in _WISHES)

    @property
    def _is_route(self) -> bool:
        """True if the places and days are all that is said, so that they must be a request."""
        known = any(slot and slot.confident for slot in (self.slots.origin, self.slots.destination))
        if not known and self.context.language.loose_act(self.acts.rest):
            return False
        few_others = self.places == 2 and self.foreign <= MOST_FOREIGN and not self.opens_with("asks_about")
        return self.is_plain or few_others

    @property
    def is_plain(self) -> bool:
        """True if every word could be part of a request for flights."""
        return self.foreign == 0

    @property
    def requests(self) -> bool:
        """True if the utterance asks for flights. A general question about flying doesn't."""
        if not self.speaks_of_flights:
            return False
        return self.is_plain or self.places > 0 or not self.opens_with("asks_about")


_ACT_INTENTS = {
    "goodbye": Intent.GOODBYE,
    "repeat": Intent.REPEAT,
    "help": Intent.HELP,
    "deny": Intent.DENY,
    "affirm": Intent.AFFIRM,
    "way_back": Intent.REFINE,
    "more": Intent.MORE,
    "greeting": Intent.GREETING,
    "thanks": Intent.THANKS,
}


def _act(clues: Clues) -> Intent | None:
    # "No return flight" consists only of acts, but it isn't an answer of "no".
    if clues.acts.rest or clues.slots.one_way:
        return None
    return next((intent for name, intent in _ACT_INTENTS.items() if name in clues.acts), None)


def _loose_act(clues: Clues) -> Intent:
    """Return the intent of an utterance that names nothing, by its manner: "it was nice talking to you"."""
    name = clues.context.language.loose_act(clues.text)
    if name in ("affirm", "deny") and clues.opens_with("asks_about"):
        name = None  # "why did my card not get accepted"
    return _ACT_INTENTS[name] if name else Intent.UNKNOWN


def _is_out_of_scope(clues: Clues) -> bool:
    if clues.slots.topic is None:
        return False
    if clues.slots.topic in _ALWAYS_OUT_OF_SCOPE or clues.opens_with("asks_about"):
        return True
    if clues.slots.topic == "trains":
        return not clues.speaks_of("flights_only")
    if clues.slots.topic == "booking" and clues.speaks_of_flights and not clues.context.offered:
        return False  # the caller announces a booking: "I want to book the flight"
    return not (clues.places == 2 or (clues.speaks_of_flights and clues.fills_a_search))


def _asks_airport(clues: Clues) -> bool:
    if clues.context.asked == "airport" and clues.places == 1 and not clues.speaks_of_flights:
        return True
    if not clues.speaks_of("airports") or clues.places == 2 or clues.speaks_of("flights_only"):
        return False
    return clues.is_plain or clues.speaks_of("airport_itself")


def _asks_status(clues: Clues) -> bool:
    """Return whether the utterance asks how a flight is doing, and not another thing ("my order")."""
    if clues.slots.flight_number is not None:
        return True
    about_a_flight = clues.speaks_of_flights or clues.context.under_way or clues.is_plain
    return clues.speaks_of("status") and about_a_flight


def _selects(clues: Clues) -> bool:
    others = clues.places or clues.slots.departure_date or clues.slots.passengers
    by_sort = clues.slots.choice is not None and clues.slots.choice.by is not None
    return (
        clues.slots.choice is not None
        and not others
        and (clues.context.searched or not (by_sort and clues.speaks_of_flights))
    )


def _corrects(clues: Clues) -> bool:
    if not clues.fills_a_search:
        return False
    corrects = clues.rejected or "deny" in clues.acts or clues.opens_with("correction")
    return corrects and not (clues.places == 2 and clues.speaks_of_flights)


def _search_or_refinement(clues: Clues) -> Intent:
    names_flights_to_one_place = clues.places == 1 and clues.speaks_of_flights
    new_search = (
        not clues.context.searched
        or clues.places == 2
        or clues.context.awaiting in (Expectation.PLACE, Expectation.DATE)
        or (names_flights_to_one_place and not clues.opens_with("refine"))
    )
    return Intent.SEARCH_FLIGHTS if new_search else Intent.REFINE


def intent_of(clues: Clues) -> Intent:
    """Return the intent: a speech act if the utterance has no other words, else the most specific match."""
    if act := _act(clues):
        return act
    if _is_out_of_scope(clues):
        return Intent.OUT_OF_SCOPE
    if _asks_status(clues):
        return Intent.FLIGHT_STATUS
    if _asks_airport(clues):
        return Intent.AIRPORT_INFO
    if _selects(clues):
        return Intent.SELECT
    if clues.context.awaiting is Expectation.YES_NO and "affirm" in clues.acts:
        return Intent.AFFIRM
    if _corrects(clues):
        return Intent.CORRECTION
    if clues.fills_a_search or clues.requests:
        return _search_or_refinement(clues)
    return _loose_act(clues)
