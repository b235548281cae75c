"""Lines for `readback understand`, as text or as JSON with their context."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from agent.dialogue.context import Context
from agent.language.meanings import Expectation
from cli.commands import understand
from cli.commands.utterances import utterance_of
from cli.errors import UsageError

pytestmark = pytest.mark.unit

CONTEXT = Context.pinned(date(2026, 11, 23))


def frames(*lines: dict[str, Any] | str) -> list[dict[str, Any]]:
    app = typer.Typer()
    understand.register(app)
    given = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    result = CliRunner().invoke(app, ["--today", "2026-11-23", *given])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("question", "text", "slots"),
    [
        ("How many people are travelling?", "Two people.", {"passengers": 2}),
        ("How many people are travelling?", "three", {"passengers": 3}),
        ("Which class would you like?", "Coach is fine.", {"cabin": "economy"}),
        ("Which day would you like to come back?", "the ninth", {"return_date": "2026-12-09"}),
        ("Which day would you like to fly?", "the ninth", {"departure_date": "2026-12-09"}),
    ],
)
def test_an_answer_is_understood_with_its_question(question: str, text: str, slots: dict[str, Any]) -> None:
    (frame,) = frames({"text": text, "question": question})
    assert (frame["intent"], frame["slots"]) == ("search_flights", slots)


def test_a_printed_frame_is_context_for_the_next_line() -> None:
    (first,) = frames("flights from Chennai to Delhi on Friday")
    (later,) = frames({"text": "the next day", "frame": first})
    assert later["slots"] == {"departure_date": "2026-11-28"}
    assert later["intent"] == "refine"


def test_lines_of_text_and_of_json_are_mixed() -> None:
    assert [
        frame["slots"].get("passengers") for frame in frames("two", {"text": "two", "question": "How many?"})
    ] == [
        None,
        2,
    ]


def test_a_question_sets_what_is_awaited() -> None:
    _, context = utterance_of('{"text": "yes", "question": "Shall I search?"}', CONTEXT)
    assert context.awaiting is Expectation.YES_NO


@pytest.mark.parametrize(
    "line",
    [
        '{"question": "Where to?"}',
        '{"text": 5}',
        '{"text": "to Delhi", "question": 1}',
        '{"text": "to Delhi", "frame": "x"}',
        '{"text": "to Delhi", "frame": {"slots": {"origin": {"place": "ZZZZ"}}}}',
        '{"text": "to Delhi", "frame": {"slots": {"departure_date": "soon"}}}',
    ],
)
def test_a_wrong_context_is_refused(line: str) -> None:
    with pytest.raises(UsageError):
        utterance_of(line, CONTEXT)


@pytest.mark.parametrize("line", ["", "{not json", "to Delhi"])
def test_other_lines_are_text(line: str) -> None:
    assert utterance_of(line, CONTEXT) == (line, CONTEXT)
