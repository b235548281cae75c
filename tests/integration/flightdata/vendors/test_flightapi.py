"""FlightAPI.io's adapter over its double on a socket: joined lists, prices, time formats and every fault."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from doubles.world import World
from services.flightdata.errors import FlightNotFound
from services.flightdata.model.fares import Cabin
from services.flightdata.model.flights import State
from services.flightdata.model.instants import Convention
from services.flightdata.model.queries import FlightQuery, Party
from services.flightdata.providers.errors import (
    ProviderBadAnswer,
    ProviderError,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderRestricted,
    ProviderUnavailable,
)
from services.flightdata.providers.protocol import Capability, Direction
from tests.integration.flightdata.vendors.conftest import KEY, NOW, TODAY, OpenFlightApi, StandingClock

pytestmark = pytest.mark.integration

TOMORROW = TODAY + timedelta(days=1)


def _query(
    origin: str, destination: str, day: date = TOMORROW, party: Party | None = None, currency: str = "INR"
) -> FlightQuery:
    return FlightQuery((origin,), (destination,), day, Cabin.ECONOMY, party or Party(), currency)


@pytest.mark.parametrize(
    ("origin", "destination"), [("MAA", "DEL"), ("DEL", "JFK"), ("LAX", "SYD"), ("NRT", "LHR")]
)
async def test_nonstop_flights_come_at_the_times_they_leave_and_arrive(
    open_flightapi: OpenFlightApi, world: World, origin: str, destination: str
) -> None:
    async with open_flightapi() as (provider, _):
        found = (await provider.search(_query(origin, destination))).itineraries
    result = {
        i.segments[0].flight: (i.departure.at.utc, i.arrival.at.utc) for i in found if len(i.segments) == 1
    }
    assert result == {
        f.code: (f.leaves(TOMORROW), f.arrives(TOMORROW)) for f in world.by_pair[origin, destination]
    }
    assert not any(itinerary.doubts for itinerary in found)
    assert {i.departure.at.convention for i in found} == {Convention.LOCAL}


async def test_connections_hang_together(open_flightapi: OpenFlightApi) -> None:
    async with open_flightapi() as (provider, _):
        found = (await provider.search(_query("COK", "AMS"))).itineraries
    connecting = [i for i in found if len(i.segments) > 1]
    assert connecting
    for itinerary in connecting:
        first, second = itinerary.segments
        layover = second.departure.at - first.arrival.at
        assert timedelta(hours=1) <= layover <= timedelta(hours=14)
        assert first.arrival.airport == second.departure.airport
        assert itinerary.duration == first.duration + layover + second.duration


async def test_non_flights_are_left_out(open_flightapi: OpenFlightApi) -> None:
    async with open_flightapi() as (provider, _):
        found = await provider.search(_query("DEL", "BLR"))
    assert found.itineraries
    assert not any("4711" in s.flight or "Duffel" in s.carrier for i in found.itineraries for s in i.segments)
    assert len({i.id for i in found.itineraries}) == len(found.itineraries)


async def test_a_price_is_for_everybody_and_exact_to_the_hundredth(open_flightapi: OpenFlightApi) -> None:
    async with open_flightapi() as (provider, double):
        found = await provider.search(_query("MAA", "DEL", party=Party(2, 1, 1)))
    assert double.calls[0][0] == "/onewaytrip/MAA/DEL/2026-11-24/2/1/1/Economy/INR"
    for offer in found.offers:
        assert offer.fare.total.currency == "INR"
        assert offer.fare.total.amount.as_tuple().exponent == -2
        assert offer.fare.per_adult is None  # the vendor states only the total


async def test_only_priced_options_are_offers_and_the_cheapest_is_the_fare(
    open_flightapi: OpenFlightApi,
) -> None:
    async with open_flightapi() as (provider, _):
        found = await provider.search(_query("MAA", "DEL"))
        unpriced = await provider.search(_query("WAW", "LHR"))
    assert {offer.seller for offer in found.offers} == {"Tripdesk", "Moonfares"}
    for itinerary in found.itineraries:
        amounts = [
            offer.fare.total.amount for offer in found.offers if offer.itinerary_ids == (itinerary.id,)
        ]
        assert itinerary.fare
        assert itinerary.fare.total.amount == min(amounts)
    assert unpriced.itineraries
    assert unpriced.offers == []
    assert all(itinerary.fare is None for itinerary in unpriced.itineraries)


async def test_an_offer_ends_and_keeps_its_name_while_its_price_moves(open_flightapi: OpenFlightApi) -> None:
    async with open_flightapi() as (provider, _):
        first, second = [(await provider.search(_query("ATH", "LHR"))).offers for _ in range(2)]
    assert {offer.id for offer in first} == {offer.id for offer in second}
    dearer = {offer.id: offer.fare.total.amount for offer in second}
    assert all(dearer[offer.id] > offer.fare.total.amount for offer in first)
    assert all(offer.expires == NOW + timedelta(minutes=15) for offer in first)


@pytest.mark.parametrize("older", [True, False])
async def test_both_shapes_of_tracking_tell_the_same_flight(
    open_flightapi: OpenFlightApi, world: World, older: bool
) -> None:
    async with open_flightapi(older=older) as (provider, double):
        for origin, destination in (("MAA", "DEL"), ("JFK", "LHR"), ("SYD", "SIN")):
            flight = world.by_pair[origin, destination][0]
            (status,) = await provider.status(flight.code, TODAY)
            assert (status.segment.departure.at.utc, status.segment.arrival.at.utc) == (
                flight.leaves(TODAY),
                flight.arrives(TODAY),
            )
            assert status.vendor_state
            assert not status.segment.doubts
    assert double.calls[0][1] == {"num": "542", "name": "ai", "date": "20261123"}


async def test_older_tracking_has_delays_gates_and_belts(open_flightapi: OpenFlightApi, world: World) -> None:
    flown = [
        f
        for f in world.flights()
        if f.arrives(TODAY) + timedelta(minutes=f.delay(TODAY)) < NOW and f.delay(TODAY) > 20
    ]
    flight = next(f for f in flown if not f.cancelled(TODAY))
    async with open_flightapi(older=True) as (provider, _):
        (status,) = await provider.status(flight.code, TODAY)
    assert status.state is State.LANDED
    assert status.delay == timedelta(minutes=flight.delay(TODAY))
    assert status.actual_departure == flight.leaves(TODAY) + status.delay
    assert (
        status.segment.departure.terminal,
        status.segment.departure.gate,
        status.segment.arrival.belt,
    ) == ("D", "A12", "7")


@pytest.mark.parametrize("older", [True, False])
async def test_flights_of_a_route_appear_once_each(
    open_flightapi: OpenFlightApi, world: World, older: bool
) -> None:
    async with open_flightapi(older=older) as (provider, _):
        result = await provider.route_status("MAA", "DEL", TODAY)
    assert {s.segment.flight for s in result} == {f.code for f in world.by_pair["MAA", "DEL"]}
    leaves = [s.segment.departure.at.utc for s in result]
    assert leaves == sorted(leaves)


@pytest.mark.parametrize("direction", Direction)
async def test_a_board_in_seconds_since_1970_is_read(
    open_flightapi: OpenFlightApi, world: World, direction: Direction
) -> None:
    async with open_flightapi() as (provider, _):
        board = await provider.board("COK", direction, TODAY)
    by_code = {f.code: f for f in world.flights()}
    assert board
    for status in board:
        flight = by_code[status.segment.flight]
        assert status.segment.departure.at.utc == flight.leaves(TODAY)
        assert status.segment.departure.at.convention is Convention.EPOCH
        own = status.segment.departure if direction is Direction.DEPARTURES else status.segment.arrival
        assert (own.airport, own.time.date()) == ("COK", TODAY)
        assert set(status.segment.also_sold_as) == {f"{c.iata}{n}" for c, n in flight.sold_by}


async def test_an_unknown_flight_is_not_found(open_flightapi: OpenFlightApi) -> None:
    async with open_flightapi() as (provider, _):
        with pytest.raises(FlightNotFound):
            await provider.status("ZZ9999", None)


FAILURES: dict[str, tuple[str, type[ProviderError]]] = {
    "hung up": ("KEF", ProviderUnavailable),
    "used up": ("VIE", ProviderQuotaExhausted),
    "not in the plan": ("ZRH", ProviderRestricted),
    "asked too often": ("ARN", ProviderRateLimited),
    "page with 200": ("BRU", ProviderUnavailable),
    "cut JSON": ("DUB", ProviderUnavailable),
    "gone": ("BUD", ProviderUnavailable),
    "garbage": ("PRG", ProviderBadAnswer),
}


@pytest.mark.parametrize("case", FAILURES)
async def test_every_failure_raises_its_kind_of_error(
    open_flightapi: OpenFlightApi, world: World, case: str
) -> None:
    origin, kind = FAILURES[case]
    async with open_flightapi() as (provider, _):
        with pytest.raises(ProviderError) as failed:
            await provider.search(_query(origin, "LHR"))
        assert type(failed.value) is kind
        if case in {"hung up", "used up", "asked too often", "gone"}:
            with pytest.raises(kind):
                await provider.status(world.by_pair[origin, "LHR"][0].code, TODAY)


async def test_an_empty_response_is_requested_again_before_it_is_believed(
    open_flightapi: OpenFlightApi,
) -> None:
    async with open_flightapi() as (provider, double):
        assert (await provider.search(_query("LIS", "LHR"))).itineraries == []
    assert len(double.calls) == 2


async def test_a_401_throttle_is_waited_out(open_flightapi: OpenFlightApi, clock: StandingClock) -> None:
    async with open_flightapi(throttle_seconds=3.9) as (provider, double):
        await provider.status("AI542", TODAY)
        await provider.status("AI542", TODAY)
    assert clock.slept == [4.0]
    assert len(double.calls) == 3


async def test_a_throttle_that_lasts_is_no_refused_key(open_flightapi: OpenFlightApi) -> None:
    async with open_flightapi() as (provider, double):
        await provider.status("AI542", TODAY)
        double.terms = type(double.terms)(keys=double.terms.keys, throttle_seconds=60)
        with pytest.raises(ProviderRateLimited) as failed:
            await provider.status("AI542", TODAY)
    assert failed.value.retry_after == timedelta(seconds=4)


async def test_a_key_that_never_worked_is_refused(open_flightapi: OpenFlightApi) -> None:
    async with open_flightapi() as (provider, double):
        double.terms = type(double.terms)(keys=frozenset({"another"}))
        with pytest.raises(ProviderRejected):
            await provider.search(_query("MAA", "DEL"))


async def test_a_refused_feature_is_remembered_and_no_other(open_flightapi: OpenFlightApi) -> None:
    async with open_flightapi() as (provider, double):
        for _ in range(2):
            with pytest.raises(ProviderRestricted):
                await provider.search(_query("ZRH", "LHR"))
        assert len(double.calls) == 1
        assert provider.capabilities() == frozenset(Capability) - {
            Capability.SEARCH,
            Capability.OFFERS,
            Capability.CONNECTIONS,
        }


async def test_only_the_busiest_pairs_of_a_city_are_requested(open_flightapi: OpenFlightApi) -> None:
    async with open_flightapi() as (provider, double):
        await provider.search(FlightQuery(("LHR", "LGW"), ("JFK", "EWR"), TOMORROW))
    assert {path.split("/")[2:4][0] + path.split("/")[3] for path, _ in double.calls} <= {
        "LHRJFK",
        "LHREWR",
        "LGWJFK",
    }


async def test_the_key_is_a_segment_of_the_path_and_arrives_unharmed(open_flightapi: OpenFlightApi) -> None:
    async with open_flightapi() as (provider, double):
        assert KEY in double.terms.keys
        assert await provider.status("AI542", TODAY)
