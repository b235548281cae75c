"""Answers to the open question: yes, no, or one of two places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agent.dialogue.flows.confirming_places import next_guess, picked_place, settle_place
from agent.dialogue.flows.drafting import MAX_PASSENGERS
from agent.dialogue.flows.search import advance, merge_and_advance
from agent.dialogue.flows.small_talk import farewell
from agent.dialogue.frames import PlaceSlot
from agent.dialogue.state import About
from agent.dialogue.turn import Events, Flow, Speech, Turn


async def affirm(turn: Turn) -> Events:
    """Handle a yes."""
    async for event in _flow_for(turn, _ON_YES)(turn):
        yield event


async def deny(turn: Turn) -> Events:
    """Handle a no."""
    async for event in _flow_for(turn, _ON_NO)(turn):
        yield event


def _flow_for(turn: Turn, flows: Mapping[About, Flow]) -> Flow:
    return flows.get(turn.answered.about, _not_a_yes_no_question) if turn.answered else _not_a_yes_no_question


async def _not_a_yes_no_question(turn: Turn) -> Events:
    turn.state.question = turn.answered
    yield Speech(turn.answered.words) if turn.answered else turn.say("at_your_service")


async def pick_place(turn: Turn) -> Events:
    """Take one of the two places asked about, and the rest of the utterance except the place's country."""
    place = picked_place(turn)
    assert place is not None
    assert turn.answered is not None
    settle_place(turn, place)
    other = "destination" if turn.answered.slot == "origin" else "origin"
    slot: PlaceSlot | None = getattr(turn.frame.slots, other)
    places: dict[str, Any] = {
        "origin": None,
        "destination": None,
        other: slot if slot and slot.place else None,
    }
    frame = replace(turn.frame, slots=replace(turn.frame.slots, **places))
    async for event in merge_and_advance(replace(turn, frame=frame)):
        yield event


async def _that_place(turn: Turn) -> Events:
    assert turn.answered is not None
    settle_place(turn, turn.answered.places[0])
    async for event in merge_and_advance(turn):
        yield event


async def _another_place(turn: Turn) -> Events:
    if guess := next_guess(turn):
        yield guess
        return
    async for event in advance(turn):
        yield event


async def _most_passengers(turn: Turn) -> Events:
    turn.state.draft = replace(turn.state.draft, passengers=MAX_PASSENGERS)
    async for event in merge_and_advance(turn):
        yield event


async def _fewer_passengers(turn: Turn) -> Events:
    yield turn.ask(About.PASSENGERS, "fewer")


async def _any_flight(turn: Turn) -> Events:
    turn.state.draft = turn.state.draft.without_wishes()
    async for event in merge_and_advance(turn):
        yield event


async def _other_day(turn: Turn) -> Events:
    turn.state.drafting = True
    yield turn.ask(About.DATE, "other_day")


async def _start_search(turn: Turn) -> Events:
    turn.state.drafting = True
    async for event in merge_and_advance(turn):
        yield event


async def _open_invitation(turn: Turn) -> Events:
    yield turn.say("go_on")


async def _anything_else(turn: Turn) -> Events:
    yield turn.ask(About.ANYTHING_ELSE, "anything_else")


_ON_YES: dict[About, Flow] = {
    About.CONFIRM_PLACE: _that_place,
    About.TOO_MANY: _most_passengers,
    About.DROP_WISHES: _any_flight,
    About.ANYTHING_ELSE: _open_invitation,
    About.SEARCH_AT_ALL: _start_search,
    About.RETRY: merge_and_advance,
}
_ON_NO: dict[About, Flow] = {
    About.CONFIRM_PLACE: _another_place,
    About.TOO_MANY: _fewer_passengers,
    About.DROP_WISHES: _other_day,
    About.ANYTHING_ELSE: farewell,
    About.SEARCH_AT_ALL: _anything_else,
    About.RETRY: _anything_else,
}
