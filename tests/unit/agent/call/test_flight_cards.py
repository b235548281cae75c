"""Search results for the web app: the arguments and results of the log, and only of searches."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.call.flight_cards import RoomPublisher, flights_card
from agent.dialogue.turn import ToolFinished, ToolStarted

pytestmark = pytest.mark.unit

ARGUMENTS = {"origin": "MAA", "destination": "LHR", "depart_date": "2026-11-24", "passengers": 2}


@pytest.mark.parametrize(
    ("outcome", "result"),
    [("FOUND", {"sample": True, "itineraries": [{"itinerary_id": "MAA-LHR-1"}]}), ("UNAVAILABLE", {})],
)
def test_a_message_has_the_arguments_and_the_result_that_the_log_has(
    outcome: str, result: dict[str, object]
) -> None:
    started = ToolStarted("id", "search_flights", ARGUMENTS)
    assert flights_card(started, ToolFinished("id", "search_flights", outcome, result)) == {
        "tool_call_id": "id",
        "name": "search_flights",
        "outcome": outcome,
        "arguments": ARGUMENTS,
        "result": result,
    }


def test_other_tools_have_no_card() -> None:
    started = ToolStarted("id", "flight_status", {})
    assert flights_card(started, ToolFinished("id", "flight_status", "FOUND", {})) is None


@pytest.mark.parametrize("how", ["hangs", "fails"])
async def test_an_answer_does_not_wait_for_a_message_that_can_not_be_sent(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send_text(*_: Any, **__: Any) -> None:
        if how == "fails":
            raise ValueError("broken")
        await asyncio.Event().wait()

    monkeypatch.setattr("agent.call.flight_cards._SEND_WITHIN_S", 0.01)
    room = SimpleNamespace(local_participant=SimpleNamespace(send_text=send_text))
    async with asyncio.timeout(5):
        await RoomPublisher(cast("Any", room)).flights_found({"flights": []})
