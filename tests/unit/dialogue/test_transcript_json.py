"""Answers in JSON are read alike from the service and from the transcript."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from google.type.money_pb2 import Money
from readback.flightdata.v1 import flights_pb2

from agent.dialogue.places import Place
from agent.dialogue.transcript_json import flight_from_json
from agent.language.flight_times import date_message, instant, local
from mesh.contracts.tool_arguments import arguments_from
from tests.unit.dialogue.doubles import DEPARTURES, PLACES, flight_json

pytestmark = pytest.mark.unit

DAY = date(2026, 11, 24)


def test_itinerary_is_read_whole() -> None:
    found = flight_from_json(flight_json(PLACES["MAA"], PLACES["DEL"], DAY, DEPARTURES[0], 2))
    assert found.there.itinerary_id == "AI542-2026-11-24"
    assert found.departure.airport_code == "MAA"
    assert instant(found.departure.time) == datetime(2026, 11, 24, 0, 45, tzinfo=UTC)
    assert local(found.departure).strftime("%H:%M %z") == "06:15 +0530"
    assert found.there.duration.ToTimedelta() == timedelta(hours=2, minutes=45)
    assert len(found.there.segments) == 1
    assert found.total == Money(currency_code="INR", units=10400)
    assert found.per_passenger == Money(currency_code="INR", units=5200)
    assert found.there.provenance.sample


@pytest.mark.parametrize(
    ("money", "exact"),
    [
        ({"currency_code": "INR", "units": "5200"}, (5200, 0)),
        ({"currency_code": "INR", "units": 5200.0}, (5200, 0)),
        ({"currency_code": "EUR", "units": "99", "nanos": 500_000_000}, (99, 500_000_000)),
        ({"currency_code": "EUR"}, (0, 0)),
    ],
)
def test_money_is_exact_as_text_or_number(money: dict[str, object], exact: tuple[int, int]) -> None:
    data = flight_json(PLACES["MAA"], PLACES["DEL"], DAY, DEPARTURES[0], 1)
    data["fare"] = {"total": money}
    total = flight_from_json(data).total
    assert total
    assert (total.units, total.nanos) == exact


def test_itinerary_without_a_fare_has_no_price() -> None:
    data = flight_json(PLACES["MAA"], PLACES["DEL"], DAY, DEPARTURES[0], 1)
    del data["fare"]
    assert flight_from_json(data).total is None


@pytest.mark.parametrize("missing", ["itinerary_id", "segments"])
def test_itinerary_without_required_parts_is_refused(missing: str) -> None:
    data = flight_json(PLACES["MAA"], PLACES["DEL"], DAY, DEPARTURES[0], 1)
    del data[missing]
    with pytest.raises(ValueError, match="without"):
        flight_from_json(data)


def test_places_survive_the_transcript() -> None:
    for place in PLACES.values():
        assert Place.from_json(place.to_json()) == place


def test_search_arguments_leave_out_what_is_not_asked_for() -> None:
    request = flights_pb2.SearchFlightsRequest(origin="MAA", destination="DEL", depart_date=date_message(DAY))
    assert arguments_from(request) == {
        "origin": "MAA",
        "destination": "DEL",
        "depart_date": "2026-11-24",
    }
