"""Policy: selects the flow that answers an utterance."""

from __future__ import annotations

from collections.abc import Mapping

from readback.flightdata.v1 import flights_pb2

from agent.dialogue.flows.airport_facts import airport_facts
from agent.dialogue.flows.answers import affirm, deny, pick_place
from agent.dialogue.flows.confirming_places import picked_place
from agent.dialogue.flows.flight_status import flight_status
from agent.dialogue.flows.reading_out import more, select
from agent.dialogue.flows.search import search, search_by_merit, way_back
from agent.dialogue.flows.small_talk import (
    farewell,
    give_help,
    greet,
    not_understood,
    out_of_scope,
    repeat,
    thanks,
)
from agent.dialogue.frames import Intent
from agent.dialogue.turn import Flow, Turn

_FLOWS: Mapping[Intent, Flow] = {
    Intent.SEARCH_FLIGHTS: search,
    Intent.REFINE: search,
    Intent.CORRECTION: search,
    Intent.FLIGHT_STATUS: flight_status,
    Intent.AIRPORT_INFO: airport_facts,
    Intent.SELECT: select,
    Intent.MORE: more,
    Intent.REPEAT: repeat,
    Intent.HELP: give_help,
    Intent.GREETING: greet,
    Intent.THANKS: thanks,
    Intent.GOODBYE: farewell,
    Intent.AFFIRM: affirm,
    Intent.DENY: deny,
    Intent.OUT_OF_SCOPE: out_of_scope,
    Intent.UNKNOWN: not_understood,
}


def flow_for(turn: Turn) -> Flow:
    """Return the flow that answers the utterance of this turn."""
    if picked_place(turn):
        return pick_place
    if _turns_round(turn):
        return way_back
    return search_by_merit if _needs_new_search(turn) else _FLOWS[turn.frame.intent]


def _needs_new_search(turn: Turn) -> bool:
    """Return whether a wish such as "the cheapest one" needs flights or prices that aren't known yet."""
    choice, found = turn.frame.slots.choice, turn.state.flight_list
    if turn.frame.intent is not Intent.SELECT or choice is None or choice.by is None or found is None:
        return False
    # A search sorted by price uses providers with prices. Other searches may have used other providers.
    unpriced = bool(found.flights) and not any(flight.total for flight in found.flights)
    return not found.complete or (
        choice.by == "cheapest" and unpriced and found.request.sort != flights_pb2.FLIGHT_SORT_CHEAPEST
    )


def _turns_round(turn: Turn) -> bool:
    """Return whether the caller wants the last journey in the opposite direction."""
    slots, draft = turn.frame.slots, turn.state.draft
    if turn.frame.intent is not Intent.REFINE or not (
        slots.origin and slots.destination and draft.origin and draft.destination
    ):
        return False
    wanted = [slot.place.code for slot in (slots.origin, slots.destination) if slot.place]
    return wanted == [draft.destination.code, draft.origin.code]
