"""Classification of an utterance: its intent, decided from clues."""

from __future__ import annotations

from dataclasses import dataclass

from agent.dialogue.context import Context
from agent.dialogue.frames import Intent, Slots
from agent.language.meanings import Acts, Expectation

_ALWAYS_OUT_OF_SCOPE = frozenset(
    {"cancelling", "refunds", "rebooking", "check_in", "human", "hotels", "cars", "weather", "visas"}
)
"""Topics that are out of scope even if the utterance also asks for flights."""


_WISH_NAMES = (
    "depart_time arrive_time airline airlines without_airlines any_airline one_way other_day "
    "max_stops nonstop sort cabin passengers"
)
_WISHES = tuple(_WISH_NAMES.split())


@dataclass(frozen=True, slots=True)
class Clues:
    """Facts about an utterance from which its intent is decided.

    `text` is the whole utterance in lower case. `rejected` is True if it rejects a place ("not Delhi").
    """

    text: str
    acts: Acts
    slots: Slots
    rejected: bool
    context: Context

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

        Wishes such as "quick" or "two people" count only in a conversation about flights.
        """
        slots = self.slots
        if self.places or slots.depart_date or slots.return_date:
            return True
        about_flights = self.context.under_way or self.speaks_of_flights
        return about_flights and any(getattr(slots, name) is not None for name in _WISHES)


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


def _is_out_of_scope(clues: Clues) -> bool:
    if clues.slots.topic is None:
        return False
    asks_for_flights = clues.places == 2 or (clues.speaks_of_flights and clues.places > 0)
    return (
        clues.slots.topic in _ALWAYS_OUT_OF_SCOPE
        or not asks_for_flights
        or (clues.slots.topic == "trains" and not clues.speaks_of_flights)
    )


def _asks_airport(clues: Clues) -> bool:
    if clues.context.asked == "airport" and clues.places == 1 and not clues.speaks_of_flights:
        return True
    return clues.speaks_of("airports") and clues.places < 2 and not clues.speaks_of("flights_only")


def _selects(clues: Clues) -> bool:
    others = clues.places or clues.slots.depart_date or clues.slots.passengers
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
    if clues.slots.flight_number is not None or clues.speaks_of("status"):
        return Intent.FLIGHT_STATUS
    if _asks_airport(clues):
        return Intent.AIRPORT_INFO
    if _selects(clues):
        return Intent.SELECT
    if clues.context.awaiting is Expectation.YES_NO and "affirm" in clues.acts:
        return Intent.AFFIRM
    if _corrects(clues):
        return Intent.CORRECTION
    if clues.fills_a_search or clues.speaks_of_flights:
        return _search_or_refinement(clues)
    return Intent.UNKNOWN
