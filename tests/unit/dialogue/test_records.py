"""Messages in JSON, fresh from the service or back from the transcript, are read alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from agent.dialogue import records
from agent.dialogue.places import Place
from agent.dialogue.tools import Price, SearchFlightsRequest
from tests.unit.dialogue.doubles import DEPARTURES, PLACES, flight_json

pytestmark = pytest.mark.unit

DAY = date(2026, 11, 24)


def test_itinerary_is_read_whole() -> None:
    found = records.itinerary(flight_json(PLACES["MAA"], PLACES["DEL"], DAY, DEPARTURES[0], 2))
    assert found.itinerary_id == "AI542-2026-11-24"
    assert found.departure.airport_code == "MAA"
    assert found.departure.time == datetime(2026, 11, 24, 0, 45, tzinfo=UTC)
    assert found.departure.local.strftime("%H:%M %z") == "06:15 +0530"
    assert found.duration == timedelta(hours=2, minutes=45)
    assert found.stops == 0
    assert found.total == Price("INR", Decimal(10400))
    assert found.per_passenger == Price("INR", Decimal(5200))
    assert found.sample


@pytest.mark.parametrize(
    ("money", "amount"),
    [
        ({"currency_code": "INR", "units": "5200"}, Decimal(5200)),
        ({"currency_code": "INR", "units": 5200.0}, Decimal(5200)),
        ({"currency_code": "EUR", "units": "99", "nanos": 500_000_000}, Decimal("99.5")),
        ({"currency_code": "EUR"}, Decimal(0)),
    ],
)
def test_money_is_exact_as_text_or_number(money: dict[str, object], amount: Decimal) -> None:
    data = flight_json(PLACES["MAA"], PLACES["DEL"], DAY, DEPARTURES[0], 1)
    data["fare"] = {"total": money}
    total = records.itinerary(data).total
    assert total
    assert total.amount == amount


def test_itinerary_without_a_fare_has_no_price() -> None:
    data = flight_json(PLACES["MAA"], PLACES["DEL"], DAY, DEPARTURES[0], 1)
    del data["fare"]
    assert records.itinerary(data).total is None


@pytest.mark.parametrize("missing", ["itinerary_id", "segments"])
def test_itinerary_without_what_it_needs_is_refused(missing: str) -> None:
    data = flight_json(PLACES["MAA"], PLACES["DEL"], DAY, DEPARTURES[0], 1)
    del data[missing]
    with pytest.raises(KeyError):
        records.itinerary(data)


def test_places_survive_the_transcript() -> None:
    for place in PLACES.values():
        assert Place.from_json(place.to_json()) == place


def test_search_arguments_leave_out_what_is_not_asked_for() -> None:
    assert SearchFlightsRequest(origin="MAA", destination="DEL", depart_date=DAY).to_json() == {
        "origin": "MAA",
        "destination": "DEL",
        "depart_date": "2026-11-24",
    }
