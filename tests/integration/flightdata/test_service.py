"""Flight data through a real gRPC server: answers, refusals and their reasons."""

from __future__ import annotations

from collections.abc import AsyncIterable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import grpc
import pytest
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay
from readback.flightdata.v1 import flight_status_pb2, flightdata_service_pb2, flights_pb2, places_pb2
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub

from mesh.calling.channel import open_channel
from mesh.errors import metadata_of, reason_of
from tests.integration.flightdata.conftest import FLIGHTDATA

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub
from tests.flight_searches import search_request

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


def _date(day: date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)


def _ahead(days: int) -> date:
    return datetime.now(ZoneInfo("Asia/Kolkata")).date() + timedelta(days=days)


async def _search(
    stub: FlightDataServiceAsyncStub, request: flights_pb2.SearchFlightsRequest
) -> tuple[list[flights_pb2.Itinerary], flights_pb2.SearchDone]:
    messages = [message async for message in stub.SearchFlights(request)]
    assert [m.WhichOneof("event") for m in messages].count("done") == 1
    assert messages[-1].WhichOneof("event") == "done"
    return [i for m in messages for i in m.results.itineraries], messages[-1].done


def _chennai_delhi(**more: object) -> flights_pb2.SearchFlightsRequest:
    fields: dict[str, Any] = {"origin": "MAA", "destination": "DEL", "day": _ahead(1)} | more
    return search_request(**fields)


async def test_a_garbled_sentence_becomes_places(flightdata: FlightDataServiceAsyncStub) -> None:
    text = "Show me flights from chinai to deli to Mara morning"
    found = (await flightdata.AnnotatePlaces(places_pb2.AnnotatePlacesRequest(text=text))).annotations
    assert [(a.text, a.candidates[0].place.code) for a in found] == [("chinai", "MAA"), ("deli", "DEL")]
    assert found[1].candidates[0].place.kind == places_pb2.PLACE_KIND_METRO
    assert list(found[1].candidates[0].place.airport_codes) == ["DEL", "DXN", "HDO"]
    assert all(a.confident for a in found)


async def test_words_resolve_to_at_most_the_requested_number_of_places(
    flightdata: FlightDataServiceAsyncStub,
) -> None:
    assert len((await flightdata.ResolvePlace(places_pb2.ResolvePlaceRequest(query="cochi"))).candidates) == 3
    assert (
        len(
            (
                await flightdata.ResolvePlace(places_pb2.ResolvePlaceRequest(query="cochi", max_candidates=7))
            ).candidates
        )
        == 7
    )


async def test_an_airport_has_its_facts(flightdata: FlightDataServiceAsyncStub) -> None:
    airport = (await flightdata.GetAirport(places_pb2.GetAirportRequest(code="LHR"))).airport
    assert (airport.icao_code, airport.city, airport.metro_code, airport.time_zone) == (
        "EGLL",
        "London",
        "LON",
        "Europe/London",
    )
    assert abs(airport.location.latitude - 51.47) < 0.05


async def test_sentences_of_strangers_are_not_searched(flightdata_address: str) -> None:
    async with open_channel(flightdata_address, FLIGHTDATA) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await FlightDataServiceStub(channel).AnnotatePlaces(
                places_pb2.AnnotatePlacesRequest(text="to Chennai")
            )
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def _departures(flightdata: FlightDataServiceAsyncStub, origin: str, **more: Any) -> set[str]:
    """Return the airports from which the found flights to London depart."""
    found, _ = await _search(flightdata, search_request(origin, "LON", _ahead(1), max_results=100, **more))
    return {itinerary.segments[0].departure.airport_code for itinerary in found}


async def test_a_code_means_its_airport_and_a_city_all_of_its_airports(
    flightdata: FlightDataServiceAsyncStub,
) -> None:
    assert await _departures(flightdata, "IST") == {"IST"}
    assert await _departures(flightdata, "IST", origin_kind=places_pb2.PLACE_KIND_METRO) == {"IST", "SAW"}
    assert await _departures(flightdata, "NYC") >= {"JFK", "EWR"}


async def test_flights_of_a_renamed_airport_are_found_under_both_codes(
    flightdata: FlightDataServiceAsyncStub,
) -> None:
    assert await _departures(flightdata, "DJT") == await _departures(flightdata, "PBI") == {"PBI"}


async def test_an_airport_has_its_local_time(flightdata: FlightDataServiceAsyncStub) -> None:
    airport = (await flightdata.GetAirport(places_pb2.GetAirportRequest(code="MAA"))).airport
    there = datetime.fromisoformat(airport.current_local_time)
    assert there.utcoffset() == timedelta(hours=5, minutes=30)
    assert abs(datetime.now(UTC) - there) < timedelta(seconds=30)


async def test_codes_are_taken_as_people_write_them(flightdata: FlightDataServiceAsyncStub) -> None:
    airport = (await flightdata.GetAirport(places_pb2.GetAirportRequest(code=" maa "))).airport
    assert airport.code == "MAA"
    written = flight_status_pb2.GetFlightStatusRequest(flight_number="ai 542")
    plain = flight_status_pb2.GetFlightStatusRequest(flight_number="AI542")
    answers = [await flightdata.GetFlightStatus(request) for request in (written, plain)]
    assert [answer.statuses[0].flight_number for answer in answers] == ["AI542", "AI542"]
    found, _ = await _search(flightdata, search_request("maa", "del", _ahead(1), carrier_codes=["ai"]))
    segments = [segment for itinerary in found for segment in itinerary.segments]
    assert segments
    assert {segment.carrier_code for segment in segments} == {"AI"}


async def test_a_route_has_its_carriers(flightdata: FlightDataServiceAsyncStub) -> None:
    route = (
        await flightdata.GetRoute(flightdata_service_pb2.GetRouteRequest(origin="MAA", destination="LON"))
    ).route
    assert (route.origin_airport_code, route.destination_airport_code) == ("MAA", "LHR")
    assert 8100 < route.distance_km < 8400
    assert timedelta(hours=9) < route.block_duration.ToTimedelta() < timedelta(hours=12)
    assert route.time_difference.ToTimedelta() in {
        timedelta(hours=-5, minutes=-30),
        timedelta(hours=-4, minutes=-30),
    }
    assert route.service.nonstop == bool(route.service.carriers)
    assert route.service.provenance.sample
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await flightdata.GetRoute(flightdata_service_pb2.GetRouteRequest(origin="LHR", destination="LGW"))
    assert reason_of(refused.value) == "SAME_PLACE"


async def test_a_search_answers_with_sample_flights_in_local_money_and_time(
    flightdata: FlightDataServiceAsyncStub,
) -> None:
    found, done = await _search(flightdata, _chennai_delhi(adults=2, max_results=100))
    assert done.outcome == flights_pb2.SEARCH_OUTCOME_FOUND
    assert done.result_count == done.unfiltered_count == len(found)
    for itinerary in found:
        (segment,) = itinerary.segments
        assert itinerary.provenance.sample
        assert itinerary.provenance.provider == "sample-timetable"
        assert (segment.departure.airport_code, segment.departure.time_zone) == ("MAA", "Asia/Kolkata")
        leaves = segment.departure.time.ToDatetime(UTC).astimezone(ZoneInfo(segment.departure.time_zone))
        assert leaves.date() == _ahead(1)
        assert (
            segment.arrival.time.ToDatetime() - segment.departure.time.ToDatetime()
            == segment.duration.ToTimedelta()
        )
        assert itinerary.HasField("fare") or itinerary.seats_left < 2
        if itinerary.HasField("fare"):
            assert itinerary.fare.total.currency_code == "INR"
            assert itinerary.fare.total.units == 2 * itinerary.fare.per_adult.units
    assert any(itinerary.HasField("fare") for itinerary in found)


async def test_search_and_status_agree_on_a_flight(flightdata: FlightDataServiceAsyncStub) -> None:
    found, _ = await _search(flightdata, _chennai_delhi())
    for itinerary in found[:5]:
        segment = itinerary.segments[0]
        request = flight_status_pb2.GetFlightStatusRequest(
            flight_number=segment.flight_number, departure_date=_date(_ahead(1))
        )
        status = (await flightdata.GetFlightStatus(request)).statuses[0]
        assert status.scheduled_departure == segment.departure
        assert status.scheduled_arrival == segment.arrival
        assert status.state != flight_status_pb2.FLIGHT_STATE_UNSPECIFIED
        assert status.provenance.sample


async def test_none_in_the_window_is_an_outcome_and_not_an_error(
    flightdata: FlightDataServiceAsyncStub,
) -> None:
    window = {
        "departure_time_from": TimeOfDay(hours=3),
        "departure_time_before": TimeOfDay(hours=3, minutes=30),
    }
    found, done = await _search(flightdata, _chennai_delhi(**window))
    assert (found, done.outcome, done.result_count) == ([], flights_pb2.SEARCH_OUTCOME_EMPTY, 0)
    assert done.unfiltered_count > 0
    assert done.provenances[0].provider == "sample-timetable"


async def test_a_window_until_midnight_is_open_at_its_end(flightdata: FlightDataServiceAsyncStub) -> None:
    window = {"departure_time_from": TimeOfDay(hours=18), "departure_time_before": TimeOfDay(hours=24)}
    found, _ = await _search(flightdata, _chennai_delhi(**window))
    assert found


async def test_ai_542_flies_today(flightdata: FlightDataServiceAsyncStub) -> None:
    status = (
        await flightdata.GetFlightStatus(flight_status_pb2.GetFlightStatusRequest(flight_number="AI542"))
    ).statuses[0]
    assert (
        status.carrier,
        status.scheduled_departure.airport_code,
        status.scheduled_arrival.airport_code,
    ) == ("Air India", "MAA", "DEL")
    zeroed = (
        await flightdata.GetFlightStatus(flight_status_pb2.GetFlightStatusRequest(flight_number="AI0542"))
    ).statuses[0]
    assert zeroed.flight_number == "AI542"


async def _first(call: AsyncIterable[flights_pb2.SearchFlightsResponse]) -> None:
    async for _ in call:
        break


REFUSED_SEARCHES = {
    "unknown code": ({"origin": "XQZ"}, "NOT_FOUND", "PLACE_NOT_FOUND"),
    "same city": ({"origin": "DEL", "destination": "HDO"}, "INVALID_ARGUMENT", "SAME_PLACE"),
    "no day": (
        {"departure_date": Date(year=2026, month=2, day=30)},
        "INVALID_ARGUMENT",
        "INVALID_DATE",
    ),
    "half a date": (
        {"departure_date": Date(year=2026, month=12)},
        "INVALID_ARGUMENT",
        "INVALID_DATE",
    ),
    "past": ({"departure_date": _date(_ahead(-3))}, "FAILED_PRECONDITION", "DATE_IN_PAST"),
    "too far": (
        {"departure_date": _date(_ahead(340))},
        "FAILED_PRECONDITION",
        "DATE_BEYOND_HORIZON",
    ),
    "no time of day": (
        {"departure_time_from": TimeOfDay(hours=77)},
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
    ),
    "ten passengers": ({"adults": 10}, "INVALID_ARGUMENT", "INVALID_REQUEST"),
    "malformed code": ({"origin": "chennai"}, "INVALID_ARGUMENT", "INVALID_REQUEST"),
}


@pytest.mark.parametrize("case", REFUSED_SEARCHES)
async def test_an_impossible_search_is_refused_with_its_reason(
    flightdata: FlightDataServiceAsyncStub, case: str
) -> None:
    wrong, code, reason = REFUSED_SEARCHES[case]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _first(flightdata.SearchFlights(_chennai_delhi(**wrong)))
    assert (refused.value.code().name, reason_of(refused.value)) == (code, reason)


async def test_a_search_needs_a_date(flightdata: FlightDataServiceAsyncStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        leg = flights_pb2.SearchLeg(origin="MAA", destination="DEL")
        await _first(flightdata.SearchFlights(flights_pb2.SearchFlightsRequest(legs=[leg])))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_an_unknown_flight_is_named_in_the_error(flightdata: FlightDataServiceAsyncStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await flightdata.GetFlightStatus(flight_status_pb2.GetFlightStatusRequest(flight_number="AI9999"))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert reason_of(refused.value) == "FLIGHT_NOT_FOUND"
    assert metadata_of(refused.value) == {"flight_number": "AI9999"}


async def test_words_without_a_place_are_not_recognised(flightdata: FlightDataServiceAsyncStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await flightdata.ResolvePlace(places_pb2.ResolvePlaceRequest(query="qqqqqqqq"))
    assert (refused.value.code().name, reason_of(refused.value)) == (
        "NOT_FOUND",
        "PLACE_NOT_RECOGNIZED",
    )


async def test_places_are_public_and_flights_are_not(flightdata: FlightDataServiceAsyncStub) -> None:
    unauthenticated = (("authorization", "Bearer nonsense"),)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await flightdata.GetFlightStatus(
            flight_status_pb2.GetFlightStatusRequest(flight_number="AI542"), metadata=unauthenticated
        )
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_return_search_has_journeys_and_an_outcome_for_each_leg(
    flightdata: FlightDataServiceAsyncStub,
) -> None:
    request = _chennai_delhi(destination="LHR", back=_ahead(6), bags=1, sort=flights_pb2.FLIGHT_SORT_CHEAPEST)
    messages = [message async for message in flightdata.SearchFlights(request)]
    (results,) = [message.results for message in messages if message.HasField("results")]
    by_id = {itinerary.itinerary_id: itinerary for itinerary in results.itineraries}
    assert results.journeys
    for journey in results.journeys:
        legs = [by_id[name] for name in journey.itinerary_ids]
        assert [leg.leg_index for leg in legs] == [0, 1]
        # Whether a leg is sold out depends on today's date; only such a journey has no fare.
        assert journey.HasField("fare") == all(leg.HasField("fare") for leg in legs)
        assert not journey.HasField("fare") or journey.fare.total.currency_code == "INR"
    assert results.journeys[0].HasField("fare")
    assert [part.leg_index for part in messages[-1].done.parts] == [0, 1]
    assert all(
        itinerary.emissions.grams > 0 and itinerary.emissions.source for itinerary in results.itineraries
    )


async def test_a_connection_names_its_layover(flightdata: FlightDataServiceAsyncStub) -> None:
    found, done = await _search(flightdata, _chennai_delhi(destination="LHR", via="DXB"))
    assert done.outcome == flights_pb2.SEARCH_OUTCOME_FOUND
    for itinerary in found:
        assert [layover.airport_code for layover in itinerary.layovers] == ["DXB"]
        assert itinerary.layovers[0].duration.ToTimedelta() >= timedelta(minutes=90)
        assert itinerary.duration.ToTimedelta() > timedelta(hours=10)


async def test_flexible_days_are_reported_with_those_out_of_range(
    flightdata: FlightDataServiceAsyncStub,
) -> None:
    _, done = await _search(flightdata, _chennai_delhi(flexible_days=3))
    assert flights_pb2.SEARCH_LIMIT_DAYS in done.limits
    assert len(done.parts) == 5


async def test_flights_of_a_route_are_found_by_approximate_departure(
    flightdata: FlightDataServiceAsyncStub,
) -> None:
    request = flight_status_pb2.ListRouteFlightStatusesRequest(
        origin="MAA",
        destination="DEL",
        departure_date=_date(_ahead(1)),
        near_time=TimeOfDay(hours=8, minutes=20),
        page_size=2,
    )
    statuses = (await flightdata.ListRouteFlightStatuses(request)).statuses
    assert len(statuses) == 2
    assert statuses[0].flight_number == "AI542"


async def test_a_page_token_continues_its_own_list_only(flightdata: FlightDataServiceAsyncStub) -> None:
    request = flight_status_pb2.ListRouteFlightStatusesRequest(
        origin="MAA", destination="DEL", departure_date=_date(_ahead(1)), page_size=2
    )
    first = await flightdata.ListRouteFlightStatuses(request)
    request.page_token = first.next_page_token
    second = await flightdata.ListRouteFlightStatuses(request)
    leaves = [each.scheduled_departure.time.ToDatetime() for each in (*first.statuses, *second.statuses)]
    assert leaves == sorted(set(leaves))
    request.destination = "BOM"
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await flightdata.ListRouteFlightStatuses(request)
    assert reason_of(refused.value) == "INVALID_PAGE_TOKEN"


async def test_twins_come_with_a_question(flightdata: FlightDataServiceAsyncStub) -> None:
    found = await flightdata.ResolvePlace(places_pb2.ResolvePlaceRequest(query="San José"))
    assert not found.confident
    assert found.question == "Did you mean San Jose in the United States, or San José in Costa Rica?"
    (annotation,) = (
        await flightdata.AnnotatePlaces(places_pb2.AnnotatePlacesRequest(text="fly to Birmingham"))
    ).annotations
    assert annotation.question.startswith("Did you mean Birmingham in ")
