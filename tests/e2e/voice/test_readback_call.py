"""`readback call` places a real call: random routes, spoken or typed, are understood and searched."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.voice.drawn_routes import Drawn, draw, seeded
from tests.product import Product

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def questions() -> list[Drawn]:
    """Three questions, the last with a name that the recogniser misspells."""
    choice = seeded()
    return [draw(choice, garbled=garbled) for garbled in (False, False, True)]


def _call(product: Product, kind: str, questions: list[Drawn]) -> list[dict[str, Any]]:
    arguments = [word for question in questions for word in (kind, question.text)]
    ended = product.readback("call", "--json", *arguments, timeout=360)
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def _understood(events: list[dict[str, Any]], questions: list[Drawn]) -> None:
    assert [event["event"] for event in events] == ["connected", "turn", "turn", "turn", "ended"]
    assert events[-1]["reason"] == "CUSTOMER_HUNG_UP"
    for turn, question in zip(events[1:-1], questions, strict=True):
        assert turn["said"] == question.text
        assert [tool["name"] for tool in turn["tools"]] == ["search_flights"], turn
        (leg,) = turn["tools"][0]["arguments"]["legs"]
        assert (leg["origin"], leg["destination"]) == (question.origin, question.destination), turn
        assert turn["tools"][0]["outcome"] in {"FOUND", "EMPTY"}
        assert turn["reply"]


def test_three_spoken_questions_on_drawn_routes_are_looked_up(
    product: Product, questions: list[Drawn]
) -> None:
    events = _call(product, "--say", questions)
    _understood(events, questions)
    assert all(turn["first_audio_ms"] is not None for turn in events[1:-1])
    assert all(turn["interims"] >= 1 for turn in events[1:-1])
