"""For any corrupted body, an adapter returns flights that fit the contract, or raises a typed error.

`FUZZ_BODIES=20000 pytest -k mutilated` runs the full count; otherwise a few hundred.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from doubles.aviationstack.rows import flight_rows, future_rows, timetable_rows
from doubles.flightapi import tracking as flightapi_status
from doubles.flightapi.trips import TripRequest, trips
from doubles.world import World
from services.flightdata.errors import FlightNotFound
from services.flightdata.model.flights import FlightStatus
from services.flightdata.model.queries import FlightQuery
from services.flightdata.model.search_results import Found
from services.flightdata.providers.errors import ProviderError
from services.flightdata.providers.protocol import Direction, FlightProvider
from services.flightdata.wire import messages as flight_messages
from tests.unit.flightdata.vendors.recorded import FIXTURES, aviationstack, flightapi

pytestmark = [pytest.mark.unit, pytest.mark.timeout(1800)]

BODIES = int(os.environ.get("FUZZ_BODIES", "300"))
SEED = 20261123
NOW = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
TODAY, LATER = NOW.date(), NOW.date() + timedelta(days=9)
WORLD = World()
Adapter = Callable[[bytes, datetime, int], FlightProvider]
JUNK: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        2**31,
        2**63,
        -(2**70),
        1e308,
        float("nan"),
        float("inf"),
        "1e400",
        "NaN",
        "sNaN",
        "-Infinity",
    ),
    *("", " ", "0", "-7", "null", "\u0000", "\ud800", "🛫" * 90, "a" * 5000, "--", "٣٤٥"),
    *([], [[]], [[[]]], {}, {"": {}}, {"data": {}}),
    *("+8", "Etc/GMT+99", "../../etc/passwd", "Asia/Kolkata", "UTC"),
    *(
        "2026-11-23T10:30:00+00:00",
        "2026-02-30T10:30:00+00:00",
        "0001-01-01T00:00:00+00:00",
        "9999-12-31T23:59:59+14:00",
    ),
    *(
        "2026-11-23T24:61:00",
        "2026-03-29T01:30:00",
        "25:99",
        "10:30, Feb 31",
        "10:30 PM, Nov 23",
        "13:30 PM, Nov 23",
    ),
    *(1763874000, 1763874000000, -5),
    *("MAA", "DEL", "ZZZ", "maa", "QQQ", "PKX", "AI542", "DUFFEL", "ai", "Iberia 123"),
)


SEARCH_TODAY, SEARCH_LATER, STATUS, OLD_STATUS, ROUTE, DEPARTURES, ARRIVALS, ROUND_TRIP = range(8)
ASKED: list[Callable[[FlightProvider], Awaitable[Any]]] = [
    lambda provider: provider.search(FlightQuery(("MAA",), ("DEL",), TODAY)),
    lambda provider: provider.search(FlightQuery(("MAA", "JFK"), ("DEL", "LHR"), LATER, currency="INR")),
    lambda provider: provider.status("AI542", None),
    lambda provider: provider.status("TK6567", date(2026, 11, 23)),
    lambda provider: provider.route_status("MAA", "DEL", TODAY),
    lambda provider: provider.board("MAA", Direction.DEPARTURES, TODAY),
    lambda provider: provider.board("MAA", Direction.ARRIVALS, LATER),
    lambda provider: provider.search(FlightQuery(("MAA",), ("DEL",), TODAY, currency="INR", back=LATER)),
]


def _documents() -> list[tuple[Adapter, Any, int]]:
    """Return the bodies to corrupt, recorded and from the doubles, each with its adapter and request."""
    flights, port = WORLD.by_pair["MAA", "DEL"], WORLD.ports["MAA"]
    adapters: dict[str, Adapter] = {"aviationstack": aviationstack, "flightapi": flightapi}
    paths = [path for path in sorted(FIXTURES.rglob("*.json")) if path.name != "errors.json"]
    recorded = [(adapters[path.parent.name], json.loads(path.read_text()), OLD_STATUS) for path in paths]
    paging = {"limit": 100, "offset": 0, "count": 3, "total": 3}
    running = {
        "pagination": paging,
        "data": [row for flight in flights for row in flight_rows(flight, TODAY, NOW)],
    }
    coming = {"pagination": paging, "data": [row for flight in flights for row in future_rows(flight, LATER)]}
    board = {
        "pagination": paging,
        "data": [row for flight in flights for row in timetable_rows(flight, TODAY, NOW, "departure")],
    }
    return [
        *recorded,
        (aviationstack, running, ROUTE),
        (aviationstack, running, STATUS),
        (aviationstack, coming, SEARCH_LATER),
        (aviationstack, board, DEPARTURES),
        (
            flightapi,
            trips(WORLD, TripRequest("MAA", "DEL", LATER, 1, 0, 0, "Economy", "INR"), repeats=0),
            SEARCH_LATER,
        ),
        (
            flightapi,
            trips(WORLD, TripRequest("MAA", "DEL", TODAY, 1, 0, 0, "Economy", "INR", back=LATER), repeats=0),
            ROUND_TRIP,
        ),
        (flightapi, flightapi_status.older_tracking(flights[0], TODAY, NOW), STATUS),
        (flightapi, flightapi_status.newer_tracking(flights, TODAY, NOW), STATUS),
        (flightapi, flightapi_status.older_route(flights, TODAY, NOW), ROUTE),
        (flightapi, [flightapi_status.board(port, "departures", flights, TODAY, NOW)], DEPARTURES),
        (flightapi, flightapi_status.newer_board(port, "departures", flights, TODAY), DEPARTURES),
    ]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Yield every container of a document with each of its keys or indices."""
    found: list[tuple[Any, Any]] = []
    stack = [value]
    while stack:
        node = stack.pop()
        keys = (
            list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
        )
        found += [(node, key) for key in keys]
        stack += [node[key] for key in keys]
    return found


def _mutilated(document: Any, chance: random.Random) -> bytes:
    """Replace, drop, double or exchange some values of a document, and maybe some of its bytes."""
    copy = json.loads(json.dumps(document))
    for _ in range(chance.choice((0, 1, 1, 2, 5, 20))):
        places = _places(copy)
        if not places:
            break
        holder, key = chance.choice(places)
        match chance.randrange(5):
            case 0 | 1:
                holder[key] = chance.choice(JUNK)
            case 2:
                del holder[key]
            case 3:
                holder[key] = [holder[key]]
            case 4:
                other, place = chance.choice(places)
                if place in other if isinstance(other, dict) else place < len(other):
                    holder[key] = json.loads(json.dumps(other[place]))
    body = bytearray(json.dumps(copy, allow_nan=True).encode("ascii"))
    match chance.randrange(8):
        case 0:
            del body[chance.randrange(len(body) + 1) :]
        case 1:
            for _ in range(3):
                body[chance.randrange(len(body))] = chance.randrange(256)
        case 2:
            body[0:0] = chance.choice((b"<html>", b"\xef\xbb\xbf", b"PHP Warning: ", b"\x1f\x8b", b")]}',\n"))
    return bytes(body)


def _written(answer: Any) -> int:
    """Convert an answer's records to messages, which reject invalid values, and return their number."""
    if isinstance(answer, Found):
        names = {itinerary.id for itinerary in answer.itineraries}
        assert {offer.itinerary_id for offer in answer.offers} <= names
        messages = [flight_messages.itinerary(itinerary, NOW) for itinerary in answer.itineraries]
        return len(
            [
                m.SerializeToString()
                for m in (*messages, *(flight_messages.offer(offer, NOW) for offer in answer.offers))
            ]
        )
    assert all(isinstance(status, FlightStatus) for status in answer)
    return len([flight_messages.status(status, NOW).SerializeToString() for status in answer])


async def test_no_mutilated_body_makes_an_adapter_raise_anything_but_its_own_errors() -> None:
    documents, result = _documents(), 0
    for number in range(BODIES):
        chance = random.Random(f"{SEED}-{number}")
        own, document, fitting = chance.choice(documents)
        body = _mutilated(document, chance)
        status = chance.choice((200, 200, 200, 200, 200, 200, 200, 401, 403, 404, 410, 429, 500))
        make = chance.choice((own, own, own, own, aviationstack, flightapi))
        try:
            result += _written(
                await ASKED[chance.choice((fitting, fitting, chance.randrange(7)))](make(body, NOW, status))
            )
        except (ProviderError, FlightNotFound):
            continue
        except BaseException:
            print(f"body {number} of seed {SEED}, status {status}, {make.__name__}: {body[:2000]!r}")
            raise
    assert result > BODIES / 4, "most bodies were so broken that nothing was read from them"
