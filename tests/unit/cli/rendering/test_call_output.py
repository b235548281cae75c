"""What `readback call --json` prints is what its schema says."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from cli.rendering.call_output import Conversation, JsonLines

pytestmark = pytest.mark.unit

SCHEMA = json.loads(resources.files("cli").joinpath("schemas/call_event.json").read_text())


@dataclass
class Tool:
    name: str = "search_flights"
    arguments: dict[str, Any] = field(default_factory=lambda: {"origin": "MAA", "destination": "DEL"})
    outcome: str = "FOUND"


@dataclass
class Turn:
    said: str = "Flights from Chennai to Delhi."
    heard: str = "flights from chennai to delhi"
    reply: str = "There are twelve [flights]."
    tools: list[Tool] = field(default_factory=lambda: [Tool()])
    first_audio_ms: float | None = 612.5
    interims: int = 4


def test_every_event_is_one_line_that_fits_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    report = JsonLines()
    report.connected("01a20694-e4e3-7775-8f88-c947783080c7", 212.345)
    report.greeted(Turn())
    report.turn(Turn())
    report.turn(Turn(heard="", reply="", tools=[], first_audio_ms=None, interims=0))
    report.ended("CALLER_HUNG_UP")
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["connected", "turn", "turn", "ended"]
    for event in events:
        jsonschema.validate(event, SCHEMA)


def test_a_turn_carries_what_was_said_heard_answered_and_done(capsys: pytest.CaptureFixture[str]) -> None:
    JsonLines().turn(Turn())
    assert json.loads(capsys.readouterr().out) == {
        "event": "turn",
        "said": "Flights from Chennai to Delhi.",
        "heard": "flights from chennai to delhi",
        "reply": "There are twelve [flights].",
        "tools": [
            {
                "name": "search_flights",
                "arguments": {"origin": "MAA", "destination": "DEL"},
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
def test_the_schema_refuses_what_is_no_event(event: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(event, SCHEMA)


def test_a_person_reads_both_sides_word_for_word() -> None:
    output = io.StringIO()
    report = Conversation(Console(file=output, width=200))
    report.connected("01a2", 212)
    report.greeted(Turn(reply="Hello."))
    report.turn(Turn())
    report.turn(Turn(reply=""))
    report.ended("CALLER_HUNG_UP")
    text = output.getvalue()
    for line in (
        "you  Flights from",
        "heard  flights from",
        "tool  search_flights(origin=MAA, destination=DEL): FOUND",
        "There are twelve [flights].",
    ):
        assert line in text
    assert "agent  (no answer)" in text
    assert "call ended: caller hung up" in text
