"""The service with vendors: their order, the effect of a failure, and no invented flights."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import grpc
import pytest
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay
from readback.flightdata.v1 import flight_status_pb2, flightdata_service_pb2, flights_pb2
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from readback.identity.v1 import identity_service_pb2
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from agent.dialogue.flightdata_tools import FlightDataTools
from agent.language.en.answer_lines import answer_line
from doubles.aviationstack.server import AviationStackDouble
from doubles.flightapi.server import FlightApiDouble
from doubles.serving import served
from doubles.world import World
from mesh.calling.channel import open_channel
from mesh.errors import metadata_of, reason_of, retry_after_of
from mesh.serving.grpc_server import running
from mesh.settings import load
from services.flightdata.app import grpc_service
from services.flightdata.settings import FlightDataSettings
from services.identity.app import grpc_service as identity_service
from services.identity.settings import IdentitySettings

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub
from tests.flight_searches import search_request

pytestmark = pytest.mark.integration

FLIGHTDATA = flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]
IDENTITY = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]
WORLD = World()


@asynccontextmanager
async def _service(
    home: Path, *, flightapi: bool = True, email: str = "ada@example.com"
) -> AsyncIterator[tuple[FlightDataServiceAsyncStub, AviationStackDouble, FlightApiDouble]]:
    """The service in front of both doubles, or of AviationStack's alone, called by a customer."""
    one, other = AviationStackDouble(WORLD), FlightApiDouble(WORLD)
    async with AsyncExitStack() as stack:
        identity = await stack.enter_async_context(
            identity_service(load(IdentitySettings, home=home, identity_bcrypt_cost=4))
        )
        where = (await stack.enter_async_context(running(identity))).address
        accounts = IdentityServiceStub(await stack.enter_async_context(open_channel(where, IDENTITY)))
        account = identity_service_pb2.RegisterRequest(
            email=email, password="a long walk in the park", display_name="Ada"
        )
        token = (await accounts.Register(account)).tokens.access_token

        async def own() -> str:
            return token

        settings = load(
            FlightDataSettings,
            home=home,
            identity_address=where,
            aviationstack_spacing_seconds=0,
            AVIATIONSTACK_API_KEY="demo",
            AVIATIONSTACK_BASE_URL=f"{await stack.enter_async_context(served(one.app()))}/v1",
            FLIGHTAPI_API_KEY="demo" if flightapi else "",
            FLIGHTAPI_BASE_URL=await stack.enter_async_context(served(other.app())),
        )
        address = (
            await stack.enter_async_context(running(await stack.enter_async_context(grpc_service(settings))))
        ).address
        yield (
            FlightDataServiceStub(
                await stack.enter_async_context(open_channel(address, FLIGHTDATA, tokens=own))
            ),
            one,
            other,
        )


def _tomorrow() -> date:
    return datetime.now(UTC).date() + timedelta(days=2)


def _request(origin: str, destination: str = "LHR", **more: Any) -> flights_pb2.SearchFlightsRequest:
    return search_request(origin, destination, _tomorrow(), **more)


async def _search(
    stub: FlightDataServiceAsyncStub, request: flights_pb2.SearchFlightsRequest
) -> list[flights_pb2.SearchFlightsResponse]:
    return [response async for response in stub.SearchFlights(request)]


def _progress(responses: list[flights_pb2.SearchFlightsResponse]) -> list[tuple[str, bool, int]]:
    return [
        (r.progress.provider, r.progress.finished, r.progress.problem)
        for r in responses
        if r.HasField("progress")
    ]


async def test_the_first_provider_answers_and_the_second_is_not_asked(tmp_path: Path) -> None:
    async with _service(tmp_path) as (stub, one, other):
        responses = await _search(stub, _request("MAA", "DEL", max_results=100))
    assert _progress(responses) == [("aviationstack", False, 0), ("aviationstack", True, 0)]
    found = [i for r in responses for i in r.results.itineraries]
    assert {i.segments[0].flight_number for i in found} == {f.code for f in WORLD.by_pair["MAA", "DEL"]}
    assert not any(i.provenance.sample or i.HasField("fare") for i in found), "it knows no prices"
    assert responses[-1].done.provenances[0].provider == "aviationstack"
    assert (len(one.calls) > 0, other.calls) == (True, [])


async def test_the_second_provider_answers_when_the_first_fails(tmp_path: Path) -> None:
    async with _service(tmp_path) as (stub, _, _other):
        responses = await _search(stub, _request("OSL", max_results=100, adults=2))
    assert _progress(responses) == [
        ("aviationstack", False, 0),
        ("aviationstack", True, flights_pb2.PROVIDER_PROBLEM_UNAVAILABLE),
        ("flightapi", False, 0),
        ("flightapi", True, 0),
    ]
    results = next(r.results for r in responses if r.HasField("results"))
    assert {i.provenance.provider for i in results.itineraries} == {"flightapi"}
    ids = {i.itinerary_id for i in results.itineraries}
    assert results.offers
    assert {name for offer in results.offers for name in offer.itinerary_ids} <= ids
    assert all(offer.expire_time.ToDatetime(UTC) > datetime.now(UTC) for offer in results.offers)
    assert all(i.fare.total.currency_code == "NOK" for i in results.itineraries)
    stops = [i for i in results.itineraries if len(i.segments) > 1]
    assert all(len(i.layovers) == len(i.segments) - 1 for i in stops)


@pytest.mark.parametrize(
    "wish", [{"sort": flights_pb2.FLIGHT_SORT_CHEAPEST}, {"cabin": flights_pb2.CABIN_BUSINESS}]
)
async def test_a_provider_with_prices_is_asked_first_if_they_matter(
    tmp_path: Path, wish: dict[str, Any]
) -> None:
    async with _service(tmp_path) as (stub, one, _):
        responses = await _search(stub, _request("MAA", "DEL", **wish))
        assert one.calls == []
    found = [i for r in responses for i in r.results.itineraries]
    assert all(i.HasField("fare") for i in found)
    assert _progress(responses)[0] == ("flightapi", False, 0)


async def test_without_reachable_providers_the_search_fails_and_names_them(tmp_path: Path) -> None:
    async with _service(tmp_path) as (stub, _, _other):
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await _search(stub, _request("KEF"))
    assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
    assert reason_of(failed.value) == "FLIGHTS_UNAVAILABLE"
    assert metadata_of(failed.value) == {
        "provider.aviationstack": "UNAVAILABLE",
        "provider.flightapi": "UNAVAILABLE",
    }
    assert retry_after_of(failed.value)
    assert "could not reach aviationstack or flightapi" in (failed.value.details() or "")


async def test_a_used_up_budget_has_its_own_reason_and_stops_the_calls(tmp_path: Path) -> None:
    async with _service(tmp_path) as (stub, one, other):
        for _ in range(2):
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await _search(stub, _request("VIE"))
            assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert reason_of(failed.value) == "FLIGHTS_QUOTA_EXHAUSTED"
        assert (len(one.calls), len(other.calls)) == (1, 1)


async def test_a_request_outside_every_plan_is_restricted(tmp_path: Path) -> None:
    async with _service(tmp_path) as (stub, _, _other):
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await _search(stub, _request("ZRH"))
    assert (failed.value.code(), reason_of(failed.value)) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "FLIGHTS_RESTRICTED",
    )


async def test_empty_is_an_outcome_only_if_all_providers_agree(tmp_path: Path) -> None:
    async with _service(tmp_path) as (stub, _, other):
        responses = await _search(stub, _request("LIS"))
        assert responses[-1].done.outcome == flights_pb2.SEARCH_OUTCOME_EMPTY
        assert not responses[-1].done.provenances[0].sample
        other.terms = type(other.terms)(keys=frozenset())
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await _search(stub, _request("LIS", "CDG"))
    assert reason_of(failed.value) == "FLIGHTS_UNAVAILABLE"


async def test_filters_of_every_kind_hold(tmp_path: Path) -> None:
    async with _service(tmp_path) as (stub, _, _other):
        window = {
            "arrival_time_from": TimeOfDay(hours=6),
            "arrival_time_before": TimeOfDay(hours=20),
            "sort": flights_pb2.FLIGHT_SORT_ARRIVAL,
        }
        wanted = _request("OSL", max_stops=1, excluded_carrier_codes=["BA"], max_results=100, **window)
        found = [i for r in await _search(stub, wanted) for i in r.results.itineraries]
        best = [
            i
            for r in await _search(stub, _request("OSL", sort=flights_pb2.FLIGHT_SORT_BEST))
            for i in r.results.itineraries
        ]
    assert found
    arrivals = [i.segments[-1].arrival.local_time for i in found]
    assert arrivals == sorted(arrivals)
    assert all("06:00" <= arrival[11:16] < "20:00" for arrival in arrivals)
    assert "BA" not in {s.carrier_code for i in found for s in i.segments}
    assert len(best[0].segments) == 1


async def _offers(stub: FlightDataServiceAsyncStub, origin: str) -> list[flights_pb2.Offer]:
    return [offer for response in await _search(stub, _request(origin)) for offer in response.results.offers]


async def test_an_offer_is_repriced_by_its_own_provider(tmp_path: Path) -> None:
    async with _service(tmp_path) as (stub, _, _other):
        offer = (await _offers(stub, "OSL"))[0]
        again = await stub.RepriceOffer(flights_pb2.RepriceOfferRequest(offer_id=offer.offer_id))
        dear = (await _offers(stub, "ATH"))[0]
        dearer = await stub.RepriceOffer(flights_pb2.RepriceOfferRequest(offer_id=dear.offer_id))
        followed = await stub.RepriceOffer(flights_pb2.RepriceOfferRequest(offer_id=dearer.offer.offer_id))
    assert (again.offer.fare, again.offer.seller, [i.itinerary_id for i in again.itineraries]) == (
        offer.fare,
        offer.seller,
        list(offer.itinerary_ids),
    )
    assert not again.HasField("previous_fare")
    assert dearer.previous_fare == dear.fare
    assert dearer.offer.fare.total.units > dear.fare.total.units
    assert followed.previous_fare == dearer.offer.fare, "the new id holds the new price"


async def test_an_offer_survives_a_restart_and_a_forged_one_is_unknown(tmp_path: Path) -> None:
    async with _service(tmp_path) as (stub, _, _other):
        offer = (await _offers(stub, "OSL"))[0]
    async with _service(tmp_path, email="bob@example.com") as (stub, _, _other):
        assert (
            await stub.RepriceOffer(flights_pb2.RepriceOfferRequest(offer_id=offer.offer_id))
        ).offer.fare == offer.fare
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.RepriceOffer(flights_pb2.RepriceOfferRequest(offer_id=offer.offer_id[:-4] + "AAAA"))
    assert (refused.value.code(), reason_of(refused.value)) == (
        grpc.StatusCode.NOT_FOUND,
        "OFFER_NOT_FOUND",
    )


async def test_a_status_comes_from_the_provider_that_knows_the_flight(tmp_path: Path) -> None:
    async with _service(tmp_path) as (stub, _, _other):
        delayed = (
            await stub.GetFlightStatus(flight_status_pb2.GetFlightStatusRequest(flight_number="FI907"))
        ).statuses[0]
        later = _tomorrow()
        asked = flight_status_pb2.GetFlightStatusRequest(
            flight_number="AI542", departure_date=Date(year=later.year, month=later.month, day=later.day)
        )
        planned = (await stub.GetFlightStatus(asked)).statuses[0]
    assert (delayed.state, delayed.departure_delay.ToTimedelta(), delayed.provider_state) == (
        flight_status_pb2.FLIGHT_STATE_DELAYED,
        timedelta(minutes=65),
        "scheduled",
    )
    assert (
        delayed.estimated_departure_time.ToDatetime() - delayed.scheduled_departure.time.ToDatetime()
        == timedelta(minutes=65)
    )
    assert (delayed.scheduled_departure.gate, delayed.scheduled_departure.terminal) == ("B12", "2")
    assert delayed.scheduled_departure.time_convention == flights_pb2.TIME_CONVENTION_LOCAL_LABELLED_UTC
    assert delayed.provenance.age.ToTimedelta() < timedelta(seconds=30)
    assert (planned.provenance.provider, planned.flight_number) == ("flightapi", "AI542")


def _watched(flight_number: str) -> flight_status_pb2.WatchFlightStatusRequest:
    """A watch of today's flight; the flights depart in the zone of Iceland, which is UTC."""
    today = datetime.now(UTC).date()
    return flight_status_pb2.WatchFlightStatusRequest(
        flight_number=flight_number, departure_date=Date(year=today.year, month=today.month, day=today.day)
    )


async def test_a_watch_begins_with_the_status_and_ends_with_the_flight(tmp_path: Path) -> None:
    async with _service(tmp_path) as (stub, _, _other):
        landed = [event async for event in stub.WatchFlightStatus(_watched("FI912"))]
        flying = stub.WatchFlightStatus(_watched("FI903"))
        first = await flying.read()
        assert isinstance(first, flight_status_pb2.WatchFlightStatusResponse)
        assert first.status.state == flight_status_pb2.FLIGHT_STATE_EN_ROUTE
        flying.cancel()
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.WatchFlightStatus(_watched("ZZ99")).read()
    assert [event.status.state for event in landed] == [flight_status_pb2.FLIGHT_STATE_LANDED]
    assert reason_of(failed.value) == "FLIGHT_NOT_FOUND"


async def test_a_route_needs_no_provider(tmp_path: Path) -> None:
    async with _service(tmp_path) as (stub, _, _other):
        known = (
            await stub.GetRoute(flightdata_service_pb2.GetRouteRequest(origin="MAA", destination="DEL"))
        ).route
        unknown = (
            await stub.GetRoute(flightdata_service_pb2.GetRouteRequest(origin="KEF", destination="LHR"))
        ).route
    flown = WORLD.by_pair["MAA", "DEL"]
    assert {c.carrier_code: c.flight_count for c in known.service.carriers} == {
        code: sum(f.carrier.iata == code for f in flown) for code in {f.carrier.iata for f in flown}
    }
    assert known.service.nonstop
    # In the hours in which India is a day ahead of UTC, the first provider has no rows of today yet.
    ahead = datetime.now(ZoneInfo("Asia/Kolkata")).date() > datetime.now(UTC).date()
    assert known.service.provenance.provider == ("flightapi" if ahead else "aviationstack")
    assert not unknown.HasField("service")
    assert unknown.distance_km > 1800


async def test_an_unknown_flight_is_not_found(tmp_path: Path) -> None:
    async with _service(tmp_path) as (stub, _, _other):
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.GetFlightStatus(flight_status_pb2.GetFlightStatusRequest(flight_number="ZZ99"))
    assert (failed.value.code(), reason_of(failed.value)) == (
        grpc.StatusCode.NOT_FOUND,
        "FLIGHT_NOT_FOUND",
    )


async def test_one_provider_is_enough_and_sample_flights_are_never_mixed_in(tmp_path: Path) -> None:
    async with _service(tmp_path, flightapi=False) as (stub, _, other):
        assert (await _search(stub, _request("MAA", "DEL")))[-1].done.result_count > 0
        for origin in ("OSL", "KEF", "ATH"):
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await _search(stub, _request(origin))
            assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        assert other.calls == []


async def test_the_list_of_providers_is_not_for_customers(tmp_path: Path) -> None:
    async with _service(tmp_path) as (stub, _, _other):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ListProviders(flightdata_service_pb2.ListProvidersRequest())
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_return_by_price_is_sold_and_repriced_as_one(tmp_path: Path) -> None:
    home = _tomorrow() + timedelta(days=7)
    request = _request(
        "MAA",
        "HEL",
        sort=flights_pb2.FLIGHT_SORT_CHEAPEST,
        back=home,
    )
    async with _service(tmp_path) as (stub, one, other):
        responses = await _search(stub, request)
        results = next(r.results for r in responses if r.HasField("results"))
        offer = results.offers[0]
        again = await stub.RepriceOffer(flights_pb2.RepriceOfferRequest(offer_id=offer.offer_id))
    assert [path.split("/")[1] for path, _ in other.calls] == ["roundtrip", "roundtrip"]
    assert one.calls == []
    assert all(journey.HasField("fare") and len(journey.itinerary_ids) == 2 for journey in results.journeys)
    assert [itinerary.itinerary_id for itinerary in again.itineraries] == offer.itinerary_ids
    assert len(offer.itinerary_ids) == 2
    assert again.offer.fare == offer.fare


async def test_a_return_not_about_prices_is_combined_without_a_joint_price(tmp_path: Path) -> None:
    home = _tomorrow() + timedelta(days=7)
    request = _request("MAA", "DEL", back=home)
    async with _service(tmp_path) as (stub, one, other):
        responses = await _search(stub, request)
        answer = await FlightDataTools(stub).search_flights(request)
    assert (len(one.calls) > 1, other.calls) == (True, [])
    results = next(r.results for r in responses if r.HasField("results"))
    assert results.journeys
    assert not results.offers
    assert not any(result.HasField("fare") for result in (*results.journeys, *results.itineraries))
    assert not any(part.HasField("cheapest") for part in responses[-1].done.parts)
    line = answer_line(responses)
    assert line.startswith(f"{responses[-1].done.result_count} journeys. The first is ")
    assert " for " not in line
    assert {(each.total, each.sold_out, each.back is None) for each in answer.flights} == {
        (None, False, False)
    }
