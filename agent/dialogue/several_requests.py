"""Several requests in one utterance: the first is answered, and the text of the rest is remembered."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from agent.dialogue.context import Context
from agent.dialogue.frames import Frame, Intent
from agent.dialogue.places import PlaceAnnotator
from agent.dialogue.understanding import MAX_CHARACTERS, understand

MOST_BOUNDARIES = 4
"""Maximum number of divisions of an utterance that are tried. Each looks up places twice."""
_SEARCHES = frozenset({Intent.SEARCH_FLIGHTS, Intent.REFINE, Intent.CORRECTION})
_FIRST = _SEARCHES | {Intent.FLIGHT_STATUS, Intent.AIRPORT_INFO, Intent.SELECT, Intent.OUT_OF_SCOPE}
_PART_OF_A_SEARCH = frozenset({"seats", "baggage", "meals", "loyalty", "booking"})
"""Topics out of scope that callers name as part of a search: "and book it with an aisle seat"."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """The first request of an utterance: its text and its frame. `rest` is the text of later ones, or ""."""

    text: str
    frame: Frame
    rest: str = ""


async def first_request(text: str, annotator: PlaceAnnotator, context: Context) -> Utterance:
    """Return the first request of an utterance, and the text of the others.

    Raises:
        ToolUnavailable: the annotator can't look up places.
    """
    text = text[:MAX_CHARACTERS]
    alone = Context(now=context.now, home=context.home)
    for first, rest in islice(context.language.request_boundaries(text), MOST_BOUNDARIES):
        frame = await understand(first, annotator, context)
        if frame.intent in _FIRST and _is_another(frame, await understand(rest, annotator, alone)):
            return Utterance(first, frame, rest)
    return Utterance(text, await understand(text, annotator, context))


def _is_another(first: Frame, second: Frame) -> bool:
    """Return whether the second frame is a request of its own, and not a part of the first."""
    one, other = first.slots, second.slots
    match second.intent:
        case Intent.FLIGHT_STATUS:
            named = other.flight_number or other.choice or (other.origin and other.destination)
            return bool(named) and (first.intent is not Intent.FLIGHT_STATUS or one != other)
        case Intent.SEARCH_FLIGHTS if first.intent in _SEARCHES:
            complete = one.origin and one.destination and other.origin and other.destination
            return bool(complete) and (one.origin, one.destination) != (other.origin, other.destination)
        case Intent.SEARCH_FLIGHTS:
            return bool(other.origin or other.destination)
        case Intent.AIRPORT_INFO:
            return other.airport is not None and one.airport != other.airport
        case Intent.OUT_OF_SCOPE:
            return first.intent is not Intent.OUT_OF_SCOPE and other.topic not in _PART_OF_A_SEARCH
    return False
