"""The doubles' responses have the recorded fields and types, so they can't share a parser's mistake."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from doubles.aviationstack.rows import flight_rows, future_rows, timetable_rows
from doubles.flightapi import tracking as flightapi_status
from doubles.flightapi.trips import TripRequest, trips
from doubles.world import World
from tests.unit.flightdata.vendors.recorded import recorded

pytestmark = pytest.mark.unit

DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
WORLD = World()
FLIGHTS = WORLD.by_pair["MAA", "DEL"] + WORLD.by_pair["LHR", "JFK"]
UNPROMISED = {
    "codeshared",
    "mode",
    "transport_mode",
    "last_updated",
    "amount",
    "eventTime",
    "city",
    "code",
    "rating",
    "stop_ids",
    "items",
}
"""Fields that are optional in the recorded responses."""


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _merged(shapes: Iterable[dict[str, set[str]]]) -> dict[str, set[str]]:
    merged: dict[str, set[str]] = {}
    for shape in shapes:
        for path, kinds in shape.items():
            merged.setdefault(path, set()).update(kinds)
    return merged


def _shape(value: Any, path: str = "") -> dict[str, set[str]]:
    """Return every path of a JSON value with its types; the elements of a list share one path."""
    own = {path: {_kind(value)}}
    if isinstance(value, dict):
        return _merged([own, *(_shape(inner, f"{path}.{name}") for name, inner in value.items())])
    if isinstance(value, list):
        return _merged([own, *(_shape(inner, f"{path}[]") for inner in value)])
    return own


def _assert_same_shape(double: Any, real: Any) -> None:
    written, seen = _shape(double), _shape(real)
    for path in written.keys() ^ seen.keys():
        parents = path.replace("[]", "").split(".")
        assert UNPROMISED & set(parents), f"{path} is {'invented' if path in written else 'missing'}"
    for path in written.keys() & seen.keys():
        kinds = written[path] - {"NoneType"}
        assert kinds <= seen[path] or seen[path] == {"NoneType"}, (
            f"{path}: {written[path]} instead of {seen[path]}"
        )


def test_flights_are_written_as_recorded() -> None:
    rows = [row for flight in FLIGHTS for row in flight_rows(flight, DAY, NOW)]
    seen = [row | {"live": None, "aircraft": None} for row in recorded("aviationstack", "flights")["data"]]
    assert [row for row in rows if row["flight"]["codeshared"]]
    _assert_same_shape(rows, seen)


def test_coming_schedules_are_written_as_recorded() -> None:
    rows = [row for flight in FLIGHTS for row in future_rows(flight, DAY)]
    _assert_same_shape(rows, recorded("aviationstack", "flightsFuture")["data"])


def test_timetables_are_written_as_recorded() -> None:
    rows = [row for flight in FLIGHTS for row in timetable_rows(flight, DAY, NOW, "departure")]
    _assert_same_shape(rows, recorded("aviationstack", "timetable")["data"])


def test_trips_are_written_as_recorded() -> None:
    asked = TripRequest("MAA", "DEL", DAY, 1, 0, 0, "Economy", "USD")
    _assert_same_shape(trips(WORLD, asked, repeats=0), recorded("flightapi", "onewaytrip"))


def test_round_trips_are_written_as_recorded_with_two_legs_and_one_price() -> None:
    asked = TripRequest("MAA", "DEL", DAY, 1, 0, 0, "Economy", "USD", back=date(2026, 12, 1))
    body = trips(WORLD, asked, repeats=0)
    _assert_same_shape(body, recorded("flightapi", "onewaytrip"))
    legs = {leg["id"] for leg in body["legs"]}
    for row in body["itineraries"]:
        assert row["id"] == "|".join(row["leg_ids"])
        assert len(row["leg_ids"]) == 2
        assert set(row["leg_ids"]) <= legs


@pytest.mark.parametrize(
    "name", ["airline_older", "airline_newer", "trackbyroute_older", "compschedule", "schedule_v2"]
)
def test_tracking_and_boards_are_written_as_recorded(name: str) -> None:
    flight, port = FLIGHTS[0], WORLD.ports["MAA"]
    written: dict[str, Any] = {
        "airline_older": flightapi_status.older_tracking(flight, DAY, NOW),
        "airline_newer": flightapi_status.newer_tracking([flight], DAY, NOW),
        "trackbyroute_older": flightapi_status.older_route([flight], DAY, NOW),
        "compschedule": [flightapi_status.board(port, "departures", FLIGHTS[:2], DAY, NOW)],
        "schedule_v2": flightapi_status.newer_board(port, "departures", FLIGHTS, DAY),
    }
    _assert_same_shape(written[name], recorded("flightapi", name))


def test_shares_of_duplicates_and_of_withheld_flights_are_those_counted() -> None:
    flights = list(WORLD.flights())
    rows = [row for flight in flights for row in flight_rows(flight, DAY, NOW)]
    shared = sum(row["flight"]["codeshared"] is not None for row in rows) / len(rows)
    sold = [flight for flight in flights if flight.sold_by]
    withheld = sum(flight.withheld for flight in sold) / len(sold)
    assert 0.55 < shared < 0.68
    assert 0.24 < withheld < 0.32
    assert all(row["departure"]["estimated"] == row["departure"]["scheduled"] for row in rows)


def test_a_world_is_the_same_twice_and_every_number_is_one_flight() -> None:
    again = World()
    assert list(again.flights()) == list(WORLD.flights())
    assert WORLD.by_number["AI542"].origin.iata == "MAA"
    numbers = [f.code for f in WORLD.flights()]
    assert len(numbers) == len(set(numbers))
