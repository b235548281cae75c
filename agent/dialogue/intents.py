"""Which intent an utterance has, from the clues that the grammars found in it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from agent.dialogue.frames import Intent, Slots
from agent.language.en.cues import Acts, opens_with
from agent.language.meanings import Expectation

_ALWAYS_OUT = frozenset(
    {"cancelling", "refunds", "rebooking", "check_in", "human", "hotels", "cars", "weather", "visas"}
)


@cache
def _patterns(name: str) -> Mapping[str, re.Pattern[str]]:
    listed = json.loads(
        resources.files("agent.language.en").joinpath(f"data/{name}.json").read_text(encoding="utf-8")
    )
    return {key: re.compile(rf"\b(?:{'|'.join(alternatives)})") for key, alternatives in listed.items()}


def foreign_topic(text: str) -> str | None:
    """What lower-case `text` asks for that can't be done yet, by its name in `data/topics.json`."""
    return next((name for name, pattern in _patterns("topics").items() if pattern.search(text)), None)


def _speaks_of(subject: str, text: str) -> bool:
    return bool(_patterns("subjects")[subject].search(text))


_WISHES = (
    *(
        "depart_time",
        "arrive_time",
        "airline",
        "airlines",
        "without_airlines",
        "any_airline",
        "one_way",
        "other_day",
    ),
    *("max_stops", "nonstop", "sort", "cabin", "passengers"),
)


@dataclass(frozen=True, slots=True)
class Clues:
    """All that is known of an utterance when its intent is decided. `text` is lower case with dates and the like still in it."""

    text: str
    acts: Acts
    slots: Slots
    rejected: bool
    awaiting: Expectation
    asked: str | None
    searched: bool

    @property
    def places(self) -> int:
        """How many of origin and destination are named."""
        return (self.slots.origin is not None) + (self.slots.destination is not None)

    @property
    def speaks_of_flights(self) -> bool:
        """Whether a word for flying is among the words."""
        return _speaks_of("flights", self.text)

    @property
    def fills_a_search(self) -> bool:
        """Whether a slot of a search is filled that says something here: "quick" and "two people" say nothing where nothing was asked."""
        slots = self.slots
        wishes = (getattr(slots, name) for name in _WISHES)
        talking_flights = (
            self.searched
            or self.speaks_of_flights
            or self.awaiting is not Expectation.NONE
            or self.asked is not None
        )
        core = self.places or slots.depart_date or slots.return_date
        return bool(core) or (talking_flights and any(wish is not None for wish in wishes))


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
    # "No return" and "no return flight" are made of acts, and yet no refusal.
    if clues.acts.rest or clues.slots.one_way:
        return None
    return next((intent for name, intent in _ACT_INTENTS.items() if name in clues.acts), None)


def _is_out_of_scope(clues: Clues) -> bool:
    if clues.slots.topic is None:
        return False
    asks_for_flights = clues.places == 2 or (clues.speaks_of_flights and clues.places > 0)
    return (
        clues.slots.topic in _ALWAYS_OUT
        or not asks_for_flights
        or (clues.slots.topic == "trains" and not clues.speaks_of_flights)
    )


def _asks_status(clues: Clues) -> bool:
    return clues.slots.flight_number is not None or _speaks_of("status", clues.text)


def _asks_airport(clues: Clues) -> bool:
    if clues.asked == "airport" and clues.places == 1 and not clues.speaks_of_flights:
        return True
    return (
        _speaks_of("airports", clues.text)
        and clues.places < 2
        and not re.search(r"\bflights?\b|\bfly\b", clues.text)
    )


def _selects(clues: Clues) -> bool:
    others = clues.places or clues.slots.depart_date or clues.slots.passengers
    by_sort = clues.slots.choice is not None and clues.slots.choice.by is not None
    return (
        clues.slots.choice is not None
        and not others
        and (clues.searched or not (by_sort and clues.speaks_of_flights))
    )


def _corrects(clues: Clues) -> bool:
    if not clues.fills_a_search:
        return False
    corrects = clues.rejected or "deny" in clues.acts or opens_with("correction", clues.text)
    return corrects and not (clues.places == 2 and clues.speaks_of_flights)


def _search_or_refinement(clues: Clues) -> Intent:
    if not clues.searched or clues.places == 2 or clues.awaiting in (Expectation.PLACE, Expectation.DATE):
        return Intent.SEARCH_FLIGHTS
    if clues.places == 1 and clues.speaks_of_flights and not opens_with("refine", clues.text):
        return Intent.SEARCH_FLIGHTS
    return Intent.REFINE


def intent_of(clues: Clues) -> Intent:
    """The intent: acts that fill the whole utterance first, then the most particular question it can be."""
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
    if clues.awaiting is Expectation.YES_NO and "affirm" in clues.acts:
        return Intent.AFFIRM
    if _corrects(clues):
        return Intent.CORRECTION
    if clues.fills_a_search or clues.speaks_of_flights:
        return _search_or_refinement(clues)
    return Intent.UNKNOWN
