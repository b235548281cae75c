"""What is said of a flight beside its time: where one changes, whether that takes a night, and when no seat is left."""

from __future__ import annotations

from typing import Any

import pytest

from agent.dialogue import records
from agent.dialogue.state import Draft
from agent.dialogue.wording import option, stops_of

pytestmark = pytest.mark.unit


def _stop(airport: str, city: str, time: str) -> dict[str, str]:
    return {"airport_code": airport, "city": city, "time": time, "time_zone": "UTC"}


def _data(*, overnight: bool = False, **more: Any) -> dict[str, Any]:
    first = (_stop("MAA", "Chennai", "2026-12-01T06:00:00Z"), _stop("DXB", "Dubai", "2026-12-01T10:00:00Z"))
    second = (_stop("DXB", "Dubai", "2026-12-01T13:00:00Z"), _stop("LHR", "London", "2026-12-01T20:00:00Z"))
    segments = [
        {"carrier_code": "EK", "carrier": "Emirates", "flight_number": f"EK{n}", "departure": leaves, "arrival": arrives, "duration": "1s"}
        for n, (leaves, arrives) in enumerate((first, second), 1)
    ]
    return {"itinerary_id": "one", "segments": segments, "layovers": [{"airport_code": "DXB", "overnight": overnight}]} | more


@pytest.mark.parametrize(("overnight", "said"), [(False, ", with one stop in Dubai"), (True, ", with one stop over night in Dubai")])
def test_a_stop_is_told_with_its_city_and_its_night(overnight: bool, said: str) -> None:
    assert stops_of(records.itinerary(_data(overnight=overnight))) == said


def test_a_change_of_airports_is_told() -> None:
    layovers = [{"airport_code": "DXB", "next_airport_code": "DWC"}]
    assert stops_of(records.itinerary(_data(layovers=layovers))) == ", with one stop in Dubai and on from another airport there"


def test_without_a_stop_nothing_is_said_of_stops() -> None:
    data = _data()
    data["segments"] = data["segments"][:1]
    assert stops_of(records.itinerary(data)) == ""


def test_a_sold_out_flight_is_said_to_be() -> None:
    itinerary = records.itinerary(_data(seats_left=0))
    assert itinerary.sold_out
    assert option(itinerary, 0, Draft(), only=True).endswith(", but it is sold out.")


def test_few_seats_at_a_price_are_not_sold_out() -> None:
    fare = {"total": {"currency_code": "INR", "units": "4000"}}
    assert not records.itinerary(_data(seats_left=2, fare=fare)).sold_out
    assert not records.itinerary(_data()).sold_out
