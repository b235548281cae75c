"""`readback call` with vendors configured: fallback to the second vendor, a delay, and an outage."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from cli.supervisor.child_processes import child_process
from tests.product import READBACK, Product, environment_for, started

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def vendors() -> Iterator[dict[str, str]]:
    """Run both vendors' doubles in a process, and yield the settings to use them without pauses."""
    command = [*READBACK, "doubles", "--aviationstack-port", "0", "--flightapi-port", "0"]
    with child_process(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        printed = "".join(islice(process.stdout, 5))
        settings = dict(re.findall(r"(\w+)=(\S+)", printed))
        assert settings["READBACK_AVIATIONSTACK_SPACING_SECONDS"] == "0"
        yield settings


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, vendors: dict[str, str]) -> Iterator[Product]:
    """The product with both vendors configured."""
    home: Path = tmp_path_factory.mktemp("home")
    with started(environment_for(home, **vendors)) as running:
        running.wait_for("Ctrl-C ends everything")
        yield running


def _turn(product: Product, kind: str, words: str) -> dict[str, Any]:
    """Return the report of a call with one utterance."""
    ended = product.readback("call", "--json", kind, words, timeout=360)
    assert ended.returncode == 0, ended.stderr
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    (turn,) = [event for event in events if event["event"] == "turn"]
    assert isinstance(turn, dict)
    return turn


@pytest.mark.parametrize("kind", ["--say", "--text"])
def test_a_search_falls_back_to_the_second_vendor(product: Product, kind: str) -> None:
    turn = _turn(product, kind, "Show flights from Oslo to London tomorrow.")
    (tool,) = turn["tools"]
    assert (tool["name"], tool["outcome"], tool["arguments"]["origin"]) == (
        "search_flights",
        "FOUND",
        "OSL",
    ), turn
    assert "from Oslo to London" in turn["reply"]
    assert "sample" not in turn["reply"]


def test_an_outage_is_reported_as_such(product: Product) -> None:
    turn = _turn(product, "--say", "Show flights from Reykjavik to Paris tomorrow.")
    (tool,) = turn["tools"]
    assert (tool["name"], tool["outcome"]) == ("search_flights", "UNAVAILABLE"), turn
    assert "couldn't reach" in turn["reply"]


def test_a_delayed_flight_is_reported_with_its_delay(product: Product) -> None:
    turn = _turn(product, "--text", "What is the status of FI 907?")
    (tool,) = turn["tools"]
    assert (tool["name"], tool["outcome"]) == ("flight_status", "DELAYED"), turn
    assert "one hour and five minutes late" in turn["reply"]
