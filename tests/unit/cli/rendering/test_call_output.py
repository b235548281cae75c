"""The output of `readback call`; its JSON follows the schema."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from importlib import resources
from typing import Any

import jsonschema
import pytest
from readback.conversation.v1 import entry_pb2
from rich.console import Console

from cli.calls.call_client import ToolUse, TurnReport
from cli.rendering.call_output import JsonCallOutput, TerminalCallOutput

pytestmark = pytest.mark.unit

SCHEMA = json.loads(resources.files("cli").joinpath("schemas/call_event.json").read_text())


CALL = entry_pb2.ToolCall(name="search_flights")
CALL.search_flights.legs.add(origin="MAA", destination="DEL")
TOOL = ToolUse(CALL, entry_pb2.ToolResult(name="search_flights", outcome=entry_pb2.TOOL_OUTCOME_FOUND))
TURN = TurnReport(
    said="Flights from Chennai to Delhi.",
    heard="flights from chennai to delhi",
    reply="There are twelve [flights].",
    tools=[TOOL],
    first_audio_ms=612.5,
    interims=4,
)


def test_every_event_is_one_line_that_fits_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    output = JsonCallOutput()
    output.connected("01a20694-e4e3-7775-8f88-c947783080c7", 212.345)
    output.greeted(TURN)
    output.turn(TURN)
    output.turn(replace(TURN, heard="", reply="", tools=[], first_audio_ms=None, interims=0))
    output.ended("CUSTOMER_HUNG_UP")
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["connected", "turn", "turn", "ended"]
    for event in events:
        jsonschema.validate(event, SCHEMA)


def test_a_turn_carries_what_was_said_heard_answered_and_done(capsys: pytest.CaptureFixture[str]) -> None:
    JsonCallOutput().turn(TURN)
    assert json.loads(capsys.readouterr().out) == {
        "event": "turn",
        "said": "Flights from Chennai to Delhi.",
        "heard": "flights from chennai to delhi",
        "reply": "There are twelve [flights].",
        "tools": [
            {
                "name": "search_flights",
                "arguments": {"legs": [{"origin": "MAA", "destination": "DEL"}]},
                "outcome": "FOUND",
            }
        ],
        "first_audio_ms": 612.5,
        "interims": 4,
    }


@pytest.mark.parametrize(
    "event",
    [
        {"event": "turn"},
        {"event": "ended"},
        {"event": "greeting"},
        {"event": "ended", "reason": "X", "more": 1},
    ],
)
def test_the_schema_refuses_anything_else(event: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(event, SCHEMA)


def test_the_terminal_shows_both_sides_word_for_word() -> None:
    text_of = io.StringIO()
    output = TerminalCallOutput(Console(file=text_of, width=200))
    output.connected("01a2", 212)
    output.greeted(replace(TURN, reply="Hello."))
    output.turn(TURN)
    output.turn(replace(TURN, reply=""))
    output.ended("CUSTOMER_HUNG_UP")
    text = text_of.getvalue()
    for line in (
        "you  Flights from",
        "heard  flights from",
        "tool  search_flights(destination=DEL, origin=MAA): FOUND",
        "There are twelve [flights].",
    ):
        assert line in text
    assert "agent  (no answer)" in text
    assert "call ended: customer hung up" in text
