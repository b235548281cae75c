"""A slow tool is bridged with a sentence; an abandoned one is cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from agent.dialogue.dialogue import Dialogue
from agent.dialogue.turn import Speech, ToolFinished, ToolStarted
from tests.unit.dialogue.doubles import NOW, ExactGazetteer, Timetable

if TYPE_CHECKING:
    from readback.flightdata.v1 import flights_pb2

    from agent.dialogue.search_answer import SearchAnswer

pytestmark = pytest.mark.unit


class SlowTimetable(Timetable):
    """A timetable that answers after `go` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def search_flights(self, request: flights_pb2.SearchFlightsRequest) -> SearchAnswer:
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return await super().search_flights(request)


async def test_caller_hears_a_word_while_a_tool_is_slow() -> None:
    timetable = SlowTimetable()
    events = Dialogue(ExactGazetteer(), timetable, patience=0.01).respond(
        "Chennai to Delhi tomorrow", now=NOW
    )
    assert isinstance(await anext(events), ToolStarted)
    assert await anext(events) == Speech("One moment, I'm looking.")
    timetable.go.set()
    assert isinstance(await anext(events), ToolFinished)
    assert "There are five flights" in " ".join(
        [event.text async for event in events if isinstance(event, Speech)]
    )


async def test_barge_in_while_a_tool_works_cancels_it_and_the_next_turn_goes_on() -> None:
    timetable = SlowTimetable()
    dialogue = Dialogue(ExactGazetteer(), timetable, patience=0.01)
    events = dialogue.respond("Chennai to Delhi tomorrow", now=NOW)
    assert isinstance(await anext(events), ToolStarted)
    assert isinstance(await anext(events), Speech)
    await events.aclose()
    await asyncio.wait_for(timetable.cancelled.wait(), 5)
    timetable.go.set()
    answer = [event async for event in dialogue.respond("no, Mumbai", now=NOW)]
    assert isinstance(answer[0], ToolStarted)
    assert answer[0].call.search_flights.legs[0].destination == "BOM"


async def test_barge_in_while_speaking_keeps_what_was_found() -> None:
    dialogue = Dialogue(ExactGazetteer(), Timetable())
    events = dialogue.respond("Chennai to Delhi tomorrow", now=NOW)
    async for event in events:
        if isinstance(event, Speech):
            break
    await events.aclose()
    (first, *_) = [event async for event in dialogue.respond("the second one", now=NOW)]
    assert isinstance(first, Speech)
    assert first.text.startswith("IndiGo two three four")
