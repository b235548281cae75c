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

Turn = dict[str, Any]
OSLO = "Show flights from Oslo to London tomorrow."

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


@pytest.fixture(scope="module")
def spoken(product: Product) -> list[Turn]:
    """Both turns of a spoken call."""
    return _turns(product, "--say", OSLO, "Show flights from Reykjavik to Paris tomorrow.")


@pytest.fixture(scope="module")
def typed(product: Product) -> list[Turn]:
    """Both turns of a typed call."""
    return _turns(product, "--text", OSLO, "What is the status of FI 907?")


def _turns(product: Product, kind: str, *lines: str) -> list[Turn]:
    """Return the reports of a call's turns."""
    arguments = [word for line in lines for word in (kind, line)]
    ended = product.readback("call", "--json", *arguments, timeout=360)
    assert ended.returncode == 0, ended.stderr
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    turns = [event for event in events if event["event"] == "turn"]
    assert len(turns) == len(lines)
    return turns


@pytest.mark.parametrize("call", ["spoken", "typed"])
def test_a_search_falls_back_to_the_second_vendor(call: str, request: pytest.FixtureRequest) -> None:
    turn = request.getfixturevalue(call)[0]
    (tool,) = turn["tools"]
    assert (tool["name"], tool["outcome"], tool["arguments"]["legs"][0]["origin"]) == (
        "search_flights",
        "FOUND",
        "OSL",
    ), turn
    assert "from Oslo to London" in turn["reply"]
    assert "sample" not in turn["reply"]


def test_an_outage_is_reported_as_such(spoken: list[Turn]) -> None:
    turn = spoken[1]
    (tool,) = turn["tools"]
    assert (tool["name"], tool["outcome"]) == ("search_flights", "UNAVAILABLE"), turn
    assert "couldn't reach" in turn["reply"]


def test_a_delayed_flight_is_reported_with_its_delay(typed: list[Turn]) -> None:
    turn = typed[1]
    (tool,) = turn["tools"]
    assert (tool["name"], tool["outcome"]) == ("flight_status", "FOUND"), turn
    assert "one hour and five minutes late" in turn["reply"]
