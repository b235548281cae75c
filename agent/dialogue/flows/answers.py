"""Yes and no, by the question that was open."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

from agent.dialogue.flows.drafting import MOST_PASSENGERS, confirm_place, learn, merge
from agent.dialogue.flows.search import advance
from agent.dialogue.flows.small_talk import farewell
from agent.dialogue.frames import PlaceSlot
from agent.dialogue.places import Place
from agent.dialogue.state import About, Question, Unsure
from agent.dialogue.turn import Events, Flow, Speech, Turn
from agent.language.en.phrases import phrase


async def affirm(turn: Turn) -> Events:
    """Yes."""
    question = turn.answered
    flow = _ON_YES.get(question.about, _no_question) if question else _no_question
    async for event in flow(turn):
        yield event


async def deny(turn: Turn) -> Events:
    """No."""
    question = turn.answered
    flow = _ON_NO.get(question.about, _no_question) if question else _no_question
    async for event in flow(turn):
        yield event


async def _no_question(turn: Turn) -> Events:
    turn.state.question = turn.answered
    yield Speech(turn.answered.words if turn.answered else phrase("at_your_service"))


def _question(turn: Turn) -> Question:
    assert turn.answered is not None
    return turn.answered


async def _that_place(turn: Turn) -> Events:
    _settle(turn, _question(turn).places[0])
    async for event in _go_on(turn):
        yield event


def _settle(turn: Turn, place: Place) -> None:
    question = _question(turn)
    chosen: dict[str, Any] = {question.slot: place}
    turn.state.draft = replace(turn.state.draft, **chosen)
    turn.state.unsure.pop(question.slot, None)
    learn(turn.state, question.slot, place)


def picked(turn: Turn) -> Place | None:
    """Which of the places that the question offered is meant: "the second one", "the one in Japan"."""
    named = turn.answered.named if turn.answered and turn.answered.about is About.CONFIRM_PLACE else ()
    if len(named) < 2:
        return None
    choice = turn.frame.slots.choice
    if choice and choice.ordinal is not None:
        index = len(named) - 1 if choice.ordinal < 0 else choice.ordinal - 1
        return named[index] if index < len(named) else None
    said = [place for place in named if _says(turn.text, place)]
    return said[0] if len(said) == 1 else None


async def pick_place(turn: Turn) -> Events:
    """One of two places that were asked about, with whatever else was said; words for its country are no place to fly to."""
    place = picked(turn)
    assert place is not None
    _settle(turn, place)
    other = "destination" if _question(turn).slot == "origin" else "origin"
    slot: PlaceSlot | None = getattr(turn.frame.slots, other)
    heard: dict[str, Any] = {
        "origin": None,
        "destination": None,
        other: slot if slot and slot.mention else None,
    }
    frame = replace(turn.frame, slots=replace(turn.frame.slots, **heard))
    async for event in _go_on(replace(turn, frame=frame)):
        yield event


def _says(text: str, place: Place) -> bool:
    names = [place.country.lower(), *countries().get(place.country_code, ())]
    return any(re.search(rf"\b{re.escape(name)}\b", text) for name in names)


@cache
def countries() -> Mapping[str, Sequence[str]]:
    """What else countries are called, by ISO 3166-1 alpha-2."""
    spoken: Mapping[str, Sequence[str]] = json.loads(
        resources.files("agent.language.en").joinpath("data/countries.json").read_text(encoding="utf-8")
    )
    return spoken


async def _go_on(turn: Turn) -> Events:
    """With whatever else was said: "yes, tomorrow"."""
    for complaint in merge(turn):
        yield complaint
    async for event in advance(turn):
        yield event


async def _another_place(turn: Turn) -> Events:
    question = _question(turn)
    # Two guesses are enough, in one question or in two; then the name is asked for again.
    rest = question.places[1:2]
    if rest and len(question.named) < 2:
        turn.state.unsure[question.slot] = Unsure(rest)
        yield confirm_place(turn, "confirm_other_place")
        return
    turn.state.unsure.pop(question.slot, None)
    async for event in advance(turn):
        yield event


async def _nine(turn: Turn) -> Events:
    turn.state.draft = replace(turn.state.draft, passengers=MOST_PASSENGERS)
    async for event in _go_on(turn):
        yield event


async def _fewer(turn: Turn) -> Events:
    yield turn.ask(About.PASSENGERS, "fewer")


async def _any_flight(turn: Turn) -> Events:
    turn.state.draft = turn.state.draft.without_wishes()
    async for event in _go_on(turn):
        yield event


async def _other_day(turn: Turn) -> Events:
    turn.state.drafting = True
    yield turn.ask(About.DATE, "other_day")


async def _start(turn: Turn) -> Events:
    turn.state.drafting = True
    async for event in _go_on(turn):
        yield event


async def _anything(_: Turn) -> Events:
    yield Speech(phrase("go_on"))


async def _nothing_then(turn: Turn) -> Events:
    yield turn.ask(About.ANYTHING_ELSE, "anything_else")


_ON_YES: dict[About, Flow] = {
    About.CONFIRM_PLACE: _that_place,
    About.TOO_MANY: _nine,
    About.DROP_WISHES: _any_flight,
    About.ANYTHING_ELSE: _anything,
    About.SEARCH_AT_ALL: _start,
    About.RETRY: _go_on,
}
_ON_NO: dict[About, Flow] = {
    About.CONFIRM_PLACE: _another_place,
    About.TOO_MANY: _fewer,
    About.DROP_WISHES: _other_day,
    About.ANYTHING_ELSE: farewell,
    About.SEARCH_AT_ALL: _nothing_then,
    About.RETRY: _nothing_then,
}
