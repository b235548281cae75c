"""The adapters read recorded responses correctly, with each vendor's known traps."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.flightdata.errors import FlightNotFound
from services.flightdata.model.flights import Doubt, FlightStatus, State
from services.flightdata.model.instants import Convention
from services.flightdata.model.queries import FlightQuery
from services.flightdata.places import load
from services.flightdata.providers.errors import ProviderError
from services.flightdata.providers.protocol import Direction
from services.flightdata.vendors.aviationstack import responses as aviationstack_responses
from services.flightdata.vendors.flightapi import responses as flightapi_responses
from services.flightdata.vendors.flightapi.boards import board_legs
from tests.unit.flightdata.vendors.recorded import answer_of, aviationstack, flightapi, recorded

pytestmark = pytest.mark.unit


def _utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def _bytes(vendor: str, name: str) -> bytes:
    return json.dumps(recorded(vendor, name)).encode()


async def _flight(number: str, now: datetime, day: date | None = None) -> FlightStatus:
    (status,) = await aviationstack(_bytes("aviationstack", "flights"), now).status(number, day)
    return status


async def test_digits_labelled_utc_are_local() -> None:
    status = await _flight("TK6363", _utc(2021, 2, 8, 0))
    assert status.segment.departure.at.utc == _utc(2021, 2, 8, 7, 5)
    assert status.segment.arrival.at.utc == _utc(2021, 2, 8, 14, 20)
    assert status.segment.duration == timedelta(hours=7, minutes=15)
    assert status.segment.arrival.at.convention is Convention.LOCAL_LABELLED_UTC
    assert (status.state, status.vendor_state) == (State.SCHEDULED, "unknown")


async def test_a_live_position_is_in_utc_and_shows_a_flight_in_the_air() -> None:
    airborne = await _flight("TK6551", _utc(2021, 2, 7, 20, 10))
    assert (airborne.state, airborne.vendor_state) == (State.EN_ROUTE, "scheduled")
    assert airborne.delay == timedelta(minutes=221)
    assert airborne.estimated_arrival == _utc(2021, 2, 8, 0, 15) + timedelta(minutes=154)


async def test_a_diverted_flight_is_diverted_without_a_new_airport() -> None:
    status = await _flight("TK6567", _utc(2021, 2, 8, 2, 20), date(2021, 2, 7))
    assert status.state is State.DIVERTED
    assert status.segment.arrival.airport == "JFK"


async def test_a_codeshare_names_its_operator() -> None:
    status = await _flight("HA4094", _utc(2025, 7, 9, 1))
    assert status.segment.operator
    assert (status.segment.operator.flight, status.segment.operator.carrier) == ("VA832", "Virgin Australia")
    assert status.actual_arrival == _utc(2025, 7, 9, 2, 1)
    assert (status.segment.departure.gate, status.segment.arrival.gate) == ("45", "3")


async def test_airports_without_name_and_zone_have_ours() -> None:
    status = await _flight("QR5128", _utc(2023, 2, 17, 6))
    assert (status.segment.departure.zone, status.segment.arrival.city) == ("America/Sao_Paulo", "Brasília")


async def test_a_departure_long_before_the_plan_is_another_days() -> None:
    status = await _flight("8K804", _utc(2026, 9, 7, 17), date(2026, 9, 8))
    assert status.segment.doubts == {Doubt.CONTRADICTORY_TIMES}
    assert status.actual_departure is None


async def test_a_zone_that_is_none_and_a_wrong_name_do_no_harm() -> None:
    status = await _flight("CZ8001", _utc(2025, 7, 15, 23))
    assert status.segment.departure.zone == "Asia/Shanghai"
    assert (status.segment.arrival.airport, status.segment.arrival.city) == ("UPG", "Makassar")
    assert "empty" not in status.segment.carrier


async def test_a_helicopter_without_a_number_is_left_out() -> None:
    provider = aviationstack(_bytes("aviationstack", "flights"), _utc(2025, 7, 17, 0))
    result = await provider.route_status("KTA", "LEA", date(2025, 7, 17))
    assert "KTA" not in {status.segment.departure.airport for status in result}


async def test_coming_schedules_in_small_letters_are_read() -> None:
    query = FlightQuery(("JFK",), ("LAX", "LHR"), date(2026, 10, 1))
    provider = aviationstack(_bytes("aviationstack", "flightsFuture"), _utc(2026, 9, 1))
    found = {
        itinerary.segments[0].flight: itinerary for itinerary in (await provider.search(query)).itineraries
    }
    american, british = found["AA117"], found["BA178"]
    assert american.segments[0].also_sold_as == ("AT5027",)
    assert american.segments[0].carrier == "American Airlines"
    assert (american.departure.at.utc, american.arrival.at.utc) == (
        _utc(2026, 10, 2, 0),
        _utc(2026, 10, 2, 6, 13),
    )
    assert (american.departure.terminal, british.departure.terminal) == ("8", "")
    assert british.segments[0].days_later == 1


async def test_the_older_schedule_without_days_gets_them_from_the_distance() -> None:
    provider = aviationstack(_bytes("aviationstack", "flightsFuture_older"), _utc(2026, 9, 1))
    (british,) = (await provider.search(FlightQuery(("JFK",), ("LHR",), date(2026, 10, 1)))).itineraries
    assert (british.departure.at.utc, british.arrival.at.utc) == (
        _utc(2026, 10, 2, 1, 30),
        _utc(2026, 10, 2, 8, 35),
    )
    assert british.arrival.at.convention is Convention.LOCAL_CLOCK


async def test_a_timetable_is_read_with_its_delay_as_text() -> None:
    provider = aviationstack(_bytes("aviationstack", "timetable"), _utc(2026, 11, 23, 4))
    (status,) = await provider.board("MAA", Direction.DEPARTURES, date(2026, 11, 23))
    assert (status.state, status.delay) == (State.DELAYED, timedelta(minutes=35))
    assert status.segment.departure.at.utc == _utc(2026, 11, 23, 5)
    assert (status.segment.departure.gate, status.segment.arrival.belt) == ("12", "4")


async def test_a_timetable_without_rows_is_an_object_and_no_error() -> None:
    provider = aviationstack(_bytes("aviationstack", "timetable_none"), _utc(2026, 11, 23, 4))
    assert await provider.board("MAA", Direction.DEPARTURES, date(2026, 11, 23)) == []


@pytest.mark.parametrize(
    "case", recorded("aviationstack", "errors"), ids=lambda case: f"{case['status']}-{case['kind']}"
)
def test_aviationstacks_errors_are_known(case: dict[str, Any]) -> None:
    error = aviationstack_responses.error_of(answer_of(case), "flights", _utc(2026, 11, 23))
    if error is None:
        with pytest.raises(Exception, match="malformed rows"):
            aviationstack_responses.rows(answer_of(case), "flights", _utc(2026, 11, 23))
        assert case["kind"] == "bad answer"
    else:
        assert error.problem.value == case["kind"]


async def test_a_trip_is_joined_by_ids() -> None:
    query = FlightQuery(("HEL",), ("OUL",), date(2024, 5, 20), currency="USD")
    found = await flightapi(_bytes("flightapi", "onewaytrip"), _utc(2024, 5, 15)).search(query)
    (itinerary,), (offer,) = found.itineraries, found.offers
    (segment,) = itinerary.segments
    assert (segment.flight, segment.carrier, segment.departure.airport, segment.arrival.airport) == (
        "AY431",
        "Finnair",
        "HEL",
        "OUL",
    )
    assert segment.departure.at.utc == _utc(2024, 5, 20, 3)
    assert (offer.fare.total.amount, offer.fare.total.currency, offer.seller) == (
        Decimal("52.10"),
        "USD",
        "A seller",
    )
    assert offer.itinerary_ids == (itinerary.id,)


@pytest.mark.parametrize(
    ("name", "flight", "now"),
    [("airline_older", "AA2401", _utc(2023, 7, 24, 16)), ("airline_newer", "AA2401", _utc(2026, 7, 24, 10))],
)
async def test_tracking_is_read_in_both_shapes(name: str, flight: str, now: datetime) -> None:
    (status,) = await flightapi(_bytes("flightapi", name), now).status(flight, now.date())
    assert (status.segment.departure.airport, status.segment.arrival.airport) == ("DFW", "LAX")
    assert status.segment.departure.at.utc == datetime(now.year, 7, 24, 15, 30, tzinfo=UTC)
    assert status.segment.duration == timedelta(hours=3, minutes=20)


async def test_older_tracking_has_actual_times() -> None:
    (status,) = await flightapi(_bytes("flightapi", "airline_older"), _utc(2023, 7, 24, 16)).status(
        "AA2401", date(2023, 7, 24)
    )
    assert (status.state, status.vendor_state, status.delay) == (
        State.EN_ROUTE,
        "In Flight",
        timedelta(minutes=14),
    )
    assert (status.segment.departure.gate, status.segment.departure.terminal) == ("A12", "D")
    assert status.segment.departure.at.convention is Convention.LOCAL_CLOCK


async def test_a_route_names_operators_without_a_code() -> None:
    now = _utc(2026, 7, 24, 3)
    (status,) = await flightapi(_bytes("flightapi", "trackbyroute_older"), now).route_status(
        "MAD", "LHR", now.date()
    )
    assert (status.segment.flight, status.segment.also_sold_as) == ("IB123", ("AA8648",))


async def test_a_board_in_seconds_is_read_with_the_queried_airport_for_the_missing_one() -> None:
    now = datetime.fromtimestamp(1763869800, UTC)
    (status,) = await flightapi(_bytes("flightapi", "compschedule"), now).board(
        "MAA", Direction.DEPARTURES, date(2025, 11, 23)
    )
    assert (status.segment.flight, status.segment.departure.airport, status.segment.arrival.airport) == (
        "6E2345",
        "MAA",
        "DEL",
    )
    assert status.segment.departure.at.utc.timestamp() == 1763874000
    assert status.delay == timedelta(minutes=30)
    assert status.segment.also_sold_as == ("QR4711",)


def test_a_board_of_clock_faces_gets_its_days() -> None:
    lexicon = load()
    legs = board_legs(
        recorded("flightapi", "schedule_v2"),
        lexicon.airport("JFK"),
        Direction.DEPARTURES,
        date(2026, 11, 21),
        lexicon,
    )
    own, sold = legs
    assert own.departure.movement.scheduled
    assert own.arrival.movement.scheduled
    assert own.departure.movement.scheduled.utc == _utc(2026, 11, 22, 2, 30)
    assert own.arrival.movement.scheduled.utc == _utc(2026, 11, 22, 9, 35)
    assert sold.operator
    assert sold.operator.flight == "BA178"


def test_arrivals_of_clock_faces_left_when_they_can_have_flown_so_far() -> None:
    lexicon = load()
    body = recorded("flightapi", "schedule_v2")
    for row in body["data"]["flights"]:
        row["airport"]["fs"] = "JFK"
    leg, _ = board_legs(body, lexicon.airport("LHR"), Direction.ARRIVALS, date(2026, 11, 22), lexicon)
    assert leg.departure.movement.scheduled
    assert leg.departure.movement.scheduled.utc == _utc(2026, 11, 22, 2, 30)


@pytest.mark.parametrize(
    "case", recorded("flightapi", "errors"), ids=lambda case: f"{case['status']}-{case['kind']}"
)
def test_flightapis_errors_are_known(case: dict[str, Any]) -> None:
    works = bool(case.get("known"))
    if case["kind"] is None:
        assert (
            flightapi_responses.content(answer_of(case), "trips", _utc(2026, 11, 23), key_works=works) is None
        )
        return
    with pytest.raises(ProviderError) as failed:
        flightapi_responses.content(answer_of(case), "trips", _utc(2026, 11, 23), key_works=works)
    assert failed.value.problem.value == case["kind"]


async def test_no_details_is_an_unknown_flight_and_an_empty_search() -> None:
    nothing, now = json.dumps({"message": "No details for your input"}).encode(), _utc(2026, 11, 23)
    with pytest.raises(FlightNotFound):
        await flightapi(nothing, now, 404).status("AI542", None)
    assert (
        await flightapi(nothing, now, 404).search(FlightQuery(("MAA",), ("DEL",), now.date()))
    ).itineraries == []
