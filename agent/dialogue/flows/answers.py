"""Answers to the open question: yes, no, or one of two places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agent.dialogue.flows.confirming_places import next_guess, picked_place, settle_place
from agent.dialogue.flows.drafting import MAX_PASSENGERS
from agent.dialogue.flows.search import advance, merge_and_advance, search
from agent.dialogue.flows.small_talk import farewell
from agent.dialogue.frames import PlaceSlot
from agent.dialogue.state import About
from agent.dialogue.turn import Events, Flow, Speech, Turn


def affirm(turn: Turn) -> Events:
    """Return the flow for a yes to the open question."""
    return _answer(turn, _ON_YES)


def deny(turn: Turn) -> Events:
    """Return the flow for a no to the open question."""
    return _answer(turn, _ON_NO)


def _answer(turn: Turn, flows: Mapping[About, Flow]) -> Events:
    flow = flows.get(turn.answered.about) if turn.answered else None
    return (flow or _not_a_yes_no_question)(turn)


async def _not_a_yes_no_question(turn: Turn) -> Events:
    turn.state.question = turn.answered
    yield Speech(turn.answered.words) if turn.answered else turn.say("at_your_service")


def pick_place(turn: Turn) -> Events:
    """Fill the slot with the place that the caller picked, then merge the other slots of the utterance.

    The name of the picked place's country is not another place, so an unknown place is ignored.
    """
    place = picked_place(turn)
    assert place is not None
    assert turn.answered is not None
    settle_place(turn, place)
    other = "destination" if turn.answered.slot == "origin" else "origin"
    slot: PlaceSlot | None = getattr(turn.frame.slots, other)
    places: dict[str, Any] = {turn.answered.slot: None, other: slot if slot and slot.place else None}
    slots = replace(turn.frame.slots, **places)
    return merge_and_advance(replace(turn, frame=replace(turn.frame, slots=slots)))


def _that_place(turn: Turn) -> Events:
    assert turn.answered is not None
    settle_place(turn, turn.answered.places[0])
    return merge_and_advance(turn)


async def _another_place(turn: Turn) -> Events:
    if guess := next_guess(turn):
        yield guess
        return
    async for event in advance(turn):
        yield event


def _most_passengers(turn: Turn) -> Events:
    turn.state.draft = replace(turn.state.draft, passengers=MAX_PASSENGERS)
    return merge_and_advance(turn)


async def _fewer_passengers(turn: Turn) -> Events:
    yield turn.ask(About.PASSENGERS, "fewer")


def _any_flight(turn: Turn) -> Events:
    turn.state.draft = turn.state.draft.without_wishes()
    return merge_and_advance(turn)


async def _other_day(turn: Turn) -> Events:
    turn.state.drafting = True
    yield turn.ask(About.DATE, "other_day")


def _start_search(turn: Turn) -> Events:
    turn.state.drafting = True
    return merge_and_advance(turn)


async def _open_invitation(turn: Turn) -> Events:
    yield turn.say("go_on")


async def _next_request(turn: Turn) -> Events:
    """Leave no question open, so that the dialogue goes on with the remembered request."""
    yield turn.say("all_right")


async def _forget_request(turn: Turn) -> Events:
    turn.state.remembered = ""
    yield turn.ask(About.ANYTHING_ELSE, "anything_else")


async def _anything_else(turn: Turn) -> Events:
    yield turn.ask(About.ANYTHING_ELSE, "anything_else")


_ON_YES: dict[About, Flow] = {
    About.CONFIRM_PLACE: _that_place,
    About.TOO_MANY: _most_passengers,
    About.DROP_WISHES: _any_flight,
    About.ANYTHING_ELSE: _open_invitation,
    About.SEARCH_AT_ALL: _start_search,
    About.RETRY: merge_and_advance,
    About.NEXT_REQUEST: _next_request,
}
_ON_NO: dict[About, Flow] = {
    About.CONFIRM_PLACE: _another_place,
    About.RETURN_DATE: search,
    About.TOO_MANY: _fewer_passengers,
    About.DROP_WISHES: _other_day,
    About.ANYTHING_ELSE: farewell,
    About.SEARCH_AT_ALL: _anything_else,
    About.RETRY: _anything_else,
    About.NEXT_REQUEST: _forget_request,
}
