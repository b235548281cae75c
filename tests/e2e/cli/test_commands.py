"""The commands that talk to the running product."""

from __future__ import annotations

import json
import signal
import subprocess
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mesh.settings import CHECKOUT
from tests.product import READBACK, Product, environment_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

EVENTS = json.loads(resources.files("cli").joinpath("schemas/call_event.json").read_text())
CHENNAI_DELHI = "show flights from Chennai to Delhi tomorrow morning"
AIRPORT = "which airport is in Kochi"
"""A question with a short answer. A turn ends when the answer has been spoken."""


def events_of(product: Product, *arguments: str) -> list[dict[str, Any]]:
    result = product.readback("call", "--json", *arguments)
    assert result.returncode == 0, result.stderr
    events = [json.loads(line) for line in result.stdout.splitlines()]
    for event in events:
        jsonschema.validate(event, EVENTS)
    return events


def test_a_typed_call_is_answered_line_by_line_in_the_order_given(product: Product) -> None:
    events = events_of(product, "--text", CHENNAI_DELHI, "--text", "what about the evening")
    assert [event["event"] for event in events] == ["connected", "turn", "turn", "ended"]
    first, second = events[1:3]
    assert (first["said"], second["said"]) == (CHENNAI_DELHI, "what about the evening")
    (tool,) = first["tools"]
    assert (tool["name"], tool["outcome"]) == ("search_flights", "FOUND")
    (leg,) = tool["arguments"]["legs"]
    assert (leg["origin"], leg["destination"]) == ("MAA", "DEL")
    assert "sample" in first["reply"]
    assert events[-1]["reason"] == "CUSTOMER_HUNG_UP"


@contextmanager
def typed_call(product: Product) -> Iterator[subprocess.Popen[str]]:
    """A call with typed lines, after the answer to the first one."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*READBACK, "call", "--json"],
        env=product.environment,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
    ) as call:
        try:
            assert call.stdout is not None
            assert json.loads(call.stdout.readline())["event"] == "connected"
            _type(call, AIRPORT)
            assert json.loads(call.stdout.readline())["said"] == AIRPORT
            yield call
        finally:
            call.kill()


def _type(call: subprocess.Popen[str], line: str) -> None:
    assert call.stdin is not None
    call.stdin.write(f"{line}\n")
    call.stdin.flush()


def test_the_first_interruption_hangs_up_a_call_that_waits_for_a_line(product: Product) -> None:
    with typed_call(product) as call:
        call.send_signal(signal.SIGINT)
        assert call.wait(60) == 130
        assert call.stdout is not None
        assert json.loads(call.stdout.read()) == {"event": "ended", "reason": "CUSTOMER_HUNG_UP"}


def test_a_call_that_the_agent_ends_waits_for_no_further_line(product: Product) -> None:
    with typed_call(product) as call:
        _type(call, "no thank you, goodbye")
        assert call.wait(60) == 0
        assert call.stdout is not None
        assert json.loads(call.stdout.read().splitlines()[-1]) == {
            "event": "ended",
            "reason": "AGENT_HUNG_UP",
        }


def test_a_spoken_call_can_be_listened_to_afterwards(product: Product, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    events = events_of(product, "--say", "Show flights from Mumbai to Delhi tomorrow.", "--out", str(heard))
    turn = events[1]
    assert turn["heard"]
    assert turn["reply"]
    assert turn["first_audio_ms"] is not None
    with wave.open(str(heard)) as recording:
        assert recording.getnframes() > recording.getframerate()


def test_a_persons_own_conversation_is_watched_from_its_beginning(product: Product) -> None:
    registered = product.readback(
        "login", "ada@cli.example", "--password-stdin", "--register", input="correct horse 9\n"
    )
    assert registered.returncode == 0, registered.stderr
    saved = Path(product.environment["XDG_CONFIG_HOME"]) / "readback" / f"{product.address('identity')}.json"
    assert saved.stat().st_mode & 0o777 == 0o600
    assert saved.parent.stat().st_mode & 0o777 == 0o700
    try:
        conversation_id = events_of(product, "--text", AIRPORT)[0]["conversation_id"]
        watched = product.readback("watch", "--no-follow", "--json")
        assert watched.returncode == 0, watched.stderr
        entries = [
            event["entry"] for event in map(json.loads, watched.stdout.splitlines()) if "entry" in event
        ]
        assert [int(entry["number"]) for entry in entries] == list(range(1, len(entries) + 1))
        assert {entry["conversation_id"] for entry in entries} == {conversation_id}
        assert AIRPORT in [entry["utterance"]["text"] for entry in entries if "utterance" in entry]
        assert AIRPORT in product.readback("watch", conversation_id, "--no-follow").stdout
        cursor = json.loads(watched.stdout.splitlines()[-1])["cursor"]
        assert "entry" not in product.readback("watch", "--no-follow", "--json", "--cursor", cursor).stdout
        words = product.readback(
            "watch", "--no-follow", "--since", "1h", "--speaker", "customer", "--kind", "utterance"
        ).stdout
        assert [line.split("  ")[-1] for line in words.splitlines()[1:]] == [f"{AIRPORT} (typed)"]
    finally:
        assert product.readback("logout").stdout == "Logged out.\n"
    assert product.readback("watch").returncode == 2


def test_flights_are_found_by_name_and_marked_as_sample_data(product: Product) -> None:
    table = product.readback("flights", "search", "Chennai", "Delhi")
    assert table.returncode == 0, table.stderr
    assert "MAA → DEL" in table.stdout
    assert "Sample data" in table.stdout
    found = [
        json.loads(line)
        for line in product.readback("flights", "search", "MAA", "DEL", "--json").stdout.splitlines()
    ]
    assert found
    assert all(itinerary["provenance"]["sample"] for itinerary in found)
    number = found[0]["segments"][0]["flight_number"]
    status = product.readback("flights", "status", number)
    assert number in status.stdout
    assert "Sample data" in status.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_flights_are_shown_on_terminals_of_any_encoding(product: Product, encoding: str) -> None:
    terminal = Product(product.process, {**product.environment, "PYTHONIOENCODING": encoding})
    table = terminal.readback("flights", "search", "Chennai", "Delhi")
    assert table.returncode == 0, table.stderr
    assert "MAA -> DEL" in table.stdout


def test_a_round_trip_is_one_search(product: Product) -> None:
    days = [f"{datetime.now(UTC).date() + timedelta(days=ahead)}" for ahead in (10, 14)]
    asked = ["flights", "search", "Chennai", "Delhi", "--date", days[0], "--return", days[1]]
    table = product.readback(*asked)
    assert table.returncode == 0, table.stderr
    assert "and back on" in table.stdout
    lines = [json.loads(line) for line in product.readback(*asked, "--json").stdout.splitlines()]
    legs = {one["itinerary_id"]: one.get("leg_index", 0) for one in lines if "segments" in one}
    ways = [one["itinerary_ids"] for one in lines if "itinerary_ids" in one]
    assert ways
    assert all([legs[name] for name in way] == [0, 1] for way in ways)


def test_the_flights_of_a_route_are_ordered_by_distance_to_a_time(product: Product) -> None:
    done = product.readback(
        "flights", "status", "Chennai", "Delhi", "--date", "tomorrow", "--near", "18:00", "--json"
    )
    assert done.returncode == 0, done.stderr
    leave = [
        json.loads(line)["scheduled_departure"]["local_time"][11:16] for line in done.stdout.splitlines()
    ]
    apart = [
        abs(60 * (int(hours) - 18) + int(minutes)) for hours, minutes in (each.split(":") for each in leave)
    ]
    assert apart
    assert apart == sorted(apart)
    assert "Sample data" in product.readback("flights", "status", "MAA", "DEL").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["flights", "search", "MAA", "DEL", "--date", "2027-01-09", "--return", "2027-01-02"], 1, ""),
        (["flights", "status", "MAA", "DEL", "--near", "dusk"], 2, "HH:MM"),
        (["flights", "status", "AI542", "--near", "18:00"], 2, "--near"),
        (["flights", "search", "MAA", "MAA"], 1, ""),
        (["flights", "search", "MAA", "DEL", "--date", "2020-01-01"], 1, ""),
        (["flights", "search", "MAA", "DEL", "--date", "soon"], 2, "YYYY-MM-DD"),
        (["flights", "search", "Xyzzyplugh", "DEL"], 1, ""),
        (["flights", "status", "AI9999"], 1, ""),
        (["login", "nobody@cli.example", "--password-stdin"], 1, ""),
        (["login", "nobody@cli.example"], 2, "--password-stdin"),
        (["understand", "--today", "soon", "hello"], 2, "YYYY-MM-DD"),
    ],
)
def test_an_impossible_request_ends_with_one_sentence(
    product: Product, arguments: list[str], code: int, words: str
) -> None:
    result = product.readback(
        *arguments, input="wrong password\n" if "--password-stdin" in arguments else None
    )
    assert result.returncode == code, result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_lines_are_understood_with_the_running_service_and_without(product: Product, tmp_path: Path) -> None:
    line = "flights from Chennai to Delhi on the 3rd of March, two of us, nonstop\n"
    schema = json.loads((CHECKOUT / "tests/unit/dialogue/frame.json").read_text())
    with_service = product.readback("understand", "--today", "2027-02-01", input=line)
    frame = json.loads(with_service.stdout)
    jsonschema.validate(frame, schema)
    assert frame["intent"] == "search_flights"
    assert frame["slots"]["origin"]["place"] == "MAA"
    assert frame["slots"]["destination"]["place"] == "DEL"
    assert frame["slots"]["departure_date"] == "2027-03-03"
    assert frame["slots"]["passengers"] == 2
    alone = Product(product.process, environment_for(tmp_path)).readback(
        "understand", "--today", "2027-02-01", input=line
    )
    assert json.loads(alone.stdout) == frame


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["call", "--wav", "no-such-file.wav"], 2, "no-such-file.wav"),
        (["call", "--wav", __file__], 2, "WAV"),
        (["call", "--text", "hi", "--out", "/no/such/folder/heard.wav"], 2, "no folder"),
        (
            ["call", "--text", "hi", "--conversation", "01a20694-e4e3-7775-8f88-c947783080c7"],
            2,
            "readback login",
        ),
        (["call", "--text", "hi"], 1, "readback up"),
        (["flights", "search", "MAA", "DEL"], 1, "readback up"),
        (["watch"], 2, "readback login"),
        (["doctor", "--json"], 1, ""),
        (["reset"], 0, ""),
    ],
)
def test_without_a_running_product_commands_say_what_to_do(
    tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    environment = environment_for(tmp_path)
    result = subprocess.run(
        [*READBACK, *arguments],
        env=environment,
        input="",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == code, result.stderr
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == (1 if words else 0)
