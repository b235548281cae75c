"""The flights of a search are read from its result."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from google.type.money_pb2 import Money
from readback.flightdata.v1 import flights_pb2

from agent.dialogue.places import Place
from agent.dialogue.search_answer import SearchAnswer, without_dearer_offers
from agent.language.flight_times import instant, local
from agent.language.found_flight import FoundFlight
from mesh.contracts.tool_arguments import arguments_from
from tests.flight_searches import search_request
from tests.unit.dialogue.doubles import DEPARTURES, PLACES, flight_json, journey_json, search_result

pytestmark = pytest.mark.unit

DAY = date(2026, 11, 24)


def flight_of(data: dict[str, Any]) -> FoundFlight:
    (flight,) = SearchAnswer.of(search_result([data], 1, 1)).flights
    return flight


def test_itinerary_is_read_whole() -> None:
    found = flight_of(flight_json(PLACES["MAA"], PLACES["DEL"], DAY, DEPARTURES[0], 2))
    assert found.there.itinerary_id == "AI542-2026-11-24"
    assert found.departure.airport_code == "MAA"
    assert instant(found.departure.time) == datetime(2026, 11, 24, 0, 45, tzinfo=UTC)
    assert local(found.departure).strftime("%H:%M %z") == "06:15 +0530"
    assert found.there.duration.ToTimedelta() == timedelta(hours=2, minutes=45)
    assert len(found.there.segments) == 1
    assert found.total == Money(currency_code="INR", units=10400)
    assert found.per_adult == Money(currency_code="INR", units=5200)
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
    total = flight_of(data).total
    assert total
    assert (total.units, total.nanos) == exact


def test_itinerary_without_a_fare_has_no_price() -> None:
    data = flight_json(PLACES["MAA"], PLACES["DEL"], DAY, DEPARTURES[0], 1)
    del data["fare"]
    assert flight_of(data).total is None


@pytest.mark.parametrize("missing", ["itinerary_id", "segments"])
def test_itinerary_without_required_parts_is_refused(missing: str) -> None:
    data = flight_json(PLACES["MAA"], PLACES["DEL"], DAY, DEPARTURES[0], 1)
    del data[missing]
    with pytest.raises(ValueError, match="without"):
        flight_of(data)


def offer(itinerary_id: str, units: int, nanos: int = 0, back: str = "") -> flights_pb2.Offer:
    total = Money(currency_code="INR", units=units, nanos=nanos)
    ids = [itinerary_id, back] if back else [itinerary_id]
    return flights_pb2.Offer(itinerary_ids=ids, fare=flights_pb2.Fare(total=total))


def test_of_each_flight_only_the_cheapest_offer_is_kept() -> None:
    one, other = (
        flight_json(PLACES["MAA"], PLACES["DEL"], DAY, departure, 1) for departure in DEPARTURES[:2]
    )
    result = search_result([one, other], 2, 2)
    first, second = one["itinerary_id"], other["itinerary_id"]
    cheapest = [offer(first, 9, back="x"), offer(first, 500), offer(second, 700)]
    result.results.offers.extend([offer(first, 500, 1), *cheapest])
    result.results.CopyFrom(without_dearer_offers(result.results))
    assert list(result.results.offers) == cheapest
    assert [flight.offer for flight in SearchAnswer.of(result).flights] == cheapest[1:]


def test_the_fare_of_a_round_trip_is_that_of_the_journey() -> None:
    out = flight_json(PLACES["MAA"], PLACES["DEL"], DAY, DEPARTURES[0], 1)
    back = flight_json(PLACES["DEL"], PLACES["MAA"], DAY, DEPARTURES[1], 1)
    flight = flight_of(journey_json(out, back, priced=True))
    assert flight.back
    assert flight.total
    assert flight.total.units == 5200 + 4800
    assert flight_of(journey_json(out, back, priced=False)).total is None


def test_places_survive_the_transcript() -> None:
    for place in PLACES.values():
        assert Place.of(place.message()) == place


def test_search_arguments_leave_out_what_is_not_asked_for() -> None:
    (leg,) = arguments_from(search_request("MAA", "DEL", DAY))["legs"]
    assert leg == {"origin": "MAA", "destination": "DEL", "departure_date": "2026-11-24"}
