"""AviationStack's adapter over its double on a socket: times, codeshares, states and every fault."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from doubles.world import World
from services.flightdata.errors import FlightNotFound
from services.flightdata.model.flights import Doubt, State
from services.flightdata.model.instants import Convention
from services.flightdata.model.queries import FlightQuery
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
from tests.integration.flightdata.vendors.conftest import TODAY, OpenAviationStack, StandingClock

pytestmark = pytest.mark.integration

TOMORROW = TODAY + timedelta(days=1)


def _query(origin: str, destination: str, day: date = TOMORROW) -> FlightQuery:
    return FlightQuery((origin,), (destination,), day)


@pytest.mark.parametrize(
    ("origin", "destination"), [("MAA", "DEL"), ("DEL", "JFK"), ("SYD", "LAX"), ("LHR", "NRT")]
)
@pytest.mark.parametrize("ahead", [0, 1, 60])
async def test_flights_come_at_the_times_they_really_leave_and_arrive(
    open_aviationstack: OpenAviationStack, world: World, origin: str, destination: str, ahead: int
) -> None:
    day = TODAY + timedelta(days=ahead)
    async with open_aviationstack() as (provider, _):
        found = (await provider.search(_query(origin, destination, day))).itineraries
    result = {i.segments[0].flight: (i.departure.at.utc, i.arrival.at.utc) for i in found}
    flown = {f.code: (f.leaves(day), f.arrives(day)) for f in world.by_pair[origin, destination]}
    assert set(result) <= set(flown)
    assert ahead == 0 or set(result) == set(flown)
    assert all(result[number] == flown[number] for number in result)
    assert not any(itinerary.doubts for itinerary in found)
    written = Convention.LOCAL_LABELLED_UTC if ahead == 0 else Convention.LOCAL
    assert {i.departure.at.convention for i in found} <= {written}


async def test_a_flight_is_one_result_however_often_it_is_sold(
    open_aviationstack: OpenAviationStack, world: World
) -> None:
    async with open_aviationstack() as (provider, _):
        found = (await provider.search(_query("LHR", "JFK"))).itineraries
    sold = {
        f.code: {f"{carrier.iata}{number}" for carrier, number in f.sold_by}
        for f in world.by_pair["LHR", "JFK"]
    }
    assert {i.segments[0].flight: set(i.segments[0].also_sold_as) for i in found} == sold
    assert all(segment.operator is None for i in found for segment in i.segments)


async def test_an_operating_flight_that_is_withheld_is_made_up_from_its_codeshares(
    open_aviationstack: OpenAviationStack, world: World
) -> None:
    withheld = next(f for f in world.flights() if f.withheld)
    async with open_aviationstack() as (provider, _):
        found = (await provider.search(_query(withheld.origin.iata, withheld.destination.iata))).itineraries
    (itinerary,) = [i for i in found if i.segments[0].flight == withheld.code]
    assert itinerary.segments[0].carrier_code == withheld.carrier.iata
    assert itinerary.departure.at.utc == withheld.leaves(TOMORROW)


async def test_only_a_citys_busiest_airports_are_requested(
    open_aviationstack: OpenAviationStack,
) -> None:
    async with open_aviationstack() as (provider, double):
        await provider.search(FlightQuery(("LHR", "LGW", "STN", "LTN"), ("JFK", "EWR", "LGA"), TODAY))
    assert {(query["dep_iata"], query["arr_iata"]) for _, query in double.calls} == {
        ("LHR", "JFK"),
        ("LHR", "EWR"),
        ("LGW", "JFK"),
        ("LGW", "EWR"),
    }


async def test_a_status_has_the_requested_number_and_the_operator(
    open_aviationstack: OpenAviationStack, world: World
) -> None:
    flight = next(f for f in world.by_pair["LHR", "JFK"] if f.sold_by)
    carrier, number = flight.sold_by[0]
    async with open_aviationstack() as (provider, _):
        (own,) = await provider.status(flight.code, None)
        (sold,) = await provider.status(f"{carrier.iata}{number}", None)
    assert own.segment.operator is None
    assert sold.segment.flight == f"{carrier.iata}{number}"
    assert sold.segment.operator
    assert (sold.segment.operator.flight, sold.segment.operator.carrier_code) == (
        flight.code,
        flight.carrier.iata,
    )
    assert own.departure_date == sold.departure_date == TODAY
    assert own.provenance.provider == "aviationstack"


async def test_without_a_date_it_is_today_at_the_departure_airport_and_not_yesterdays_row(
    open_aviationstack: OpenAviationStack, world: World
) -> None:
    async with open_aviationstack() as (provider, _):
        for origin in ("SYD", "JFK", "LAX"):
            flight = world.by_pair[origin, "LHR"][0]
            (status,) = await provider.status(flight.code, None)
            here = ZoneInfo(flight.origin.zone)
            assert status.departure_date == status.provenance.fetched.astimezone(here).date()


HALF_PAST_MIDNIGHT_IN_INDIA = timedelta(hours=15, minutes=30)
"""A time after `NOW` on the same UTC day."""


@pytest.mark.parametrize("free", [True, False])
async def test_todays_flight_is_found_where_the_day_begins_before_the_vendors(
    open_aviationstack: OpenAviationStack, clock: StandingClock, free: bool
) -> None:
    await clock.sleep(HALF_PAST_MIDNIGHT_IN_INDIA.total_seconds())
    async with open_aviationstack(free=free) as (provider, double):
        (status,) = await provider.status("AI542", None)
        assert status.departure_date == (TODAY if free else TOMORROW), (
            "the nearest, where the plan tells no day"
        )
        assert [query.get("flight_date") for _, query in double.calls] == [None, TOMORROW.isoformat()]


async def test_a_day_without_rows_yet_is_restricted_and_not_empty(
    open_aviationstack: OpenAviationStack,
) -> None:
    async with open_aviationstack() as (provider, _):
        with pytest.raises(ProviderRestricted):
            await provider.status("AI542", TOMORROW)
        with pytest.raises(ProviderRestricted):
            await provider.route_status("MAA", "DEL", TOMORROW)
        assert Capability.STATUS in provider.capabilities()
        with pytest.raises(FlightNotFound):
            await provider.status("ZZ9999", TOMORROW)


ODD = {
    "FI901": (State.UNKNOWN, "unknown"),
    "FI902": (State.DIVERTED, "diverted"),
    "FI903": (State.EN_ROUTE, "scheduled"),
    "FI907": (State.DELAYED, "scheduled"),
    "FI908": (State.CANCELLED, "cancelled"),
    "FI912": (State.LANDED, "landed"),
    "FI913": (State.UNKNOWN, "active"),
    "FI914": (State.EN_ROUTE, "active"),
    "FI915": (State.LANDED, "landed"),
}


@pytest.mark.parametrize("flight", ODD)
async def test_a_state_follows_the_evidence_and_keeps_the_vendors_word(
    open_aviationstack: OpenAviationStack, flight: str
) -> None:
    async with open_aviationstack() as (provider, _):
        (status,) = await provider.status(flight, None)
    assert (status.state, status.vendor_state) == ODD[flight]


async def test_a_delay_moves_the_departure_that_the_vendor_leaves_unmoved(
    open_aviationstack: OpenAviationStack,
) -> None:
    async with open_aviationstack() as (provider, _):
        (status,) = await provider.status("FI907", None)
    assert status.delay == timedelta(minutes=65)
    assert status.estimated_departure == status.segment.departure.at.utc + status.delay
    assert (status.segment.departure.terminal, status.segment.departure.gate) == ("2", "B12")


@pytest.mark.parametrize("flight", ["FI914", "FI915"])
async def test_an_arrival_without_an_estimate_has_none(
    open_aviationstack: OpenAviationStack, flight: str
) -> None:
    async with open_aviationstack() as (provider, _):
        (status,) = await provider.status(flight, None)
    assert (status.estimated_arrival, status.actual_arrival) == (None, None)
    assert status.arrives == status.segment.arrival.at.utc + (status.delay or timedelta())


async def test_an_arrival_has_its_belt_and_gate(open_aviationstack: OpenAviationStack) -> None:
    async with open_aviationstack() as (provider, _):
        (status,) = await provider.status("FI912", None)
    arrival = status.segment.arrival
    assert (arrival.terminal, arrival.gate, arrival.belt) == ("3", "22", "7")
    assert status.actual_arrival == arrival.at.utc - timedelta(minutes=6)


@pytest.mark.parametrize(
    ("flight", "doubt"), [("FI909", Doubt.CONTRADICTORY_TIMES), ("FI910", Doubt.IMPOSSIBLE_DURATION)]
)
async def test_times_that_cannot_be_are_doubted(
    open_aviationstack: OpenAviationStack, flight: str, doubt: Doubt
) -> None:
    async with open_aviationstack() as (provider, _):
        (status,) = await provider.status(flight, TODAY)
    assert status.segment.doubts == {doubt}


async def test_zones_and_names_are_ours_where_the_vendors_are_odd(
    open_aviationstack: OpenAviationStack,
) -> None:
    async with open_aviationstack() as (provider, _):
        (beijing,) = await provider.status("FI904", TODAY)
        (nameless,) = await provider.status("FI905", TODAY)
        (airline,) = await provider.status("FI906", TODAY)
    assert (beijing.segment.departure.airport, beijing.segment.departure.zone) == ("PKX", "Asia/Shanghai")
    assert (nameless.segment.arrival.city, nameless.segment.arrival.zone) == ("London", "Europe/London")
    assert airline.segment.carrier == "Icelandair"


async def test_a_row_without_a_number_is_skipped(open_aviationstack: OpenAviationStack) -> None:
    async with open_aviationstack() as (provider, _):
        with pytest.raises(FlightNotFound):
            await provider.status("FI911", None)


async def test_an_unknown_flight_is_not_found(open_aviationstack: OpenAviationStack) -> None:
    async with open_aviationstack() as (provider, _):
        with pytest.raises(FlightNotFound) as refused:
            await provider.status("ZZ9999", None)
    assert refused.value.metadata == {"flight_number": "ZZ9999"}


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("ahead", [0, 9])
async def test_a_board_has_every_flight_once_in_order(
    open_aviationstack: OpenAviationStack, world: World, direction: Direction, ahead: int
) -> None:
    async with open_aviationstack() as (provider, double):
        board = await provider.board("COK", direction, TODAY + timedelta(days=ahead))
    end = (lambda f: f.origin.iata) if direction is Direction.DEPARTURES else (lambda f: f.destination.iata)
    flown = {f.code for f in world.flights() if end(f) == "COK"}
    result = [status.segment.flight for status in board]
    assert len(result) == len(set(result))
    assert set(result) == flown if ahead == 0 else set(result) <= flown
    leaves = [status.segment.departure.at.utc for status in board]
    assert leaves == sorted(leaves)
    assert {path for path, _ in double.calls} == {"timetable" if ahead == 0 else "flightsFuture"}


async def test_a_board_without_rows_is_empty_and_no_error(open_aviationstack: OpenAviationStack) -> None:
    async with open_aviationstack() as (provider, _):
        assert await provider.board("TRV", Direction.DEPARTURES, TODAY) == []


async def test_flights_of_a_route_have_their_state(
    open_aviationstack: OpenAviationStack, world: World
) -> None:
    async with open_aviationstack() as (provider, _):
        result = await provider.route_status("MAA", "DEL", TODAY)
    assert [s.segment.flight for s in result] == [
        f.code for f in sorted(world.by_pair["MAA", "DEL"], key=lambda f: f.minute)
    ]


FAILURES: dict[str, tuple[str, type[ProviderError]]] = {
    "hung up": ("KEF", ProviderUnavailable),
    "page of a gateway": ("OSL", ProviderUnavailable),
    "text of PHP": ("HEL", ProviderUnavailable),
    "its own fault": ("CPH", ProviderUnavailable),
    "asked too often": ("ARN", ProviderRateLimited),
    "used up": ("VIE", ProviderQuotaExhausted),
    "not in the plan": ("ZRH", ProviderRestricted),
    "cut JSON": ("BRU", ProviderUnavailable),
    "garbage": ("DUB", ProviderBadAnswer),
    "its own fault with 200": ("ATH", ProviderUnavailable),
    "refused": ("BUD", ProviderRejected),
}


@pytest.mark.parametrize("case", FAILURES)
@pytest.mark.parametrize("day", [TODAY, TOMORROW])
async def test_every_failure_raises_its_kind_of_error(
    open_aviationstack: OpenAviationStack, case: str, day: date
) -> None:
    origin, kind = FAILURES[case]
    async with open_aviationstack() as (provider, _):
        with pytest.raises(ProviderError) as failed:
            await provider.search(_query(origin, "LHR", day))
    assert type(failed.value) is kind


async def test_errors_are_known_by_their_body_also_with_200(open_aviationstack: OpenAviationStack) -> None:
    async with open_aviationstack(errors_as_200=True, monthly=1) as (provider, _):
        await provider.status("AI542", None)
        with pytest.raises(ProviderQuotaExhausted) as failed:
            await provider.status("AI542", None)
    assert failed.value.until.isoformat() == "2026-12-01T00:00:00+00:00"


async def test_a_slow_vendor_times_out(open_aviationstack: OpenAviationStack) -> None:
    async with open_aviationstack(timeout=0.3) as (provider, _):
        with pytest.raises(ProviderUnavailable, match="too long"):
            await provider.search(_query("PRG", "LHR"))


async def test_a_list_in_a_list_and_paging_as_text_are_read(
    open_aviationstack: OpenAviationStack, world: World
) -> None:
    async with open_aviationstack() as (provider, _):
        found = (await provider.search(_query("WAW", "LHR"))).itineraries
    assert {i.segments[0].flight for i in found} == {f.code for f in world.by_pair["WAW", "LHR"]}


async def test_a_list_in_a_list_is_read_to_its_last_page(
    open_aviationstack: OpenAviationStack, world: World
) -> None:
    async with open_aviationstack() as (provider, double):
        found = await provider.search(_query("WAW", "LHR", TOMORROW))
    assert [query["offset"] for _, query in double.calls] == ["0", "100", "200"]
    assert not found.limits
    assert {i.segments[0].flight for i in found.itineraries} == {f.code for f in world.by_pair["WAW", "LHR"]}


async def test_an_outage_that_answers_empty_is_an_empty_answer(open_aviationstack: OpenAviationStack) -> None:
    async with open_aviationstack() as (provider, _):
        assert (await provider.search(_query("LIS", "LHR"))).itineraries == []


async def test_a_refused_feature_is_requested_once_and_no_capability_afterwards(
    open_aviationstack: OpenAviationStack,
) -> None:
    async with open_aviationstack() as (provider, double):
        for _ in range(2):
            with pytest.raises(ProviderRestricted):
                await provider.status("AI542", TODAY - timedelta(days=5))
        assert len(double.calls) == 1
        for _ in range(2):
            with pytest.raises(ProviderRestricted):
                await provider.search(_query("ZRH", "LHR", TODAY))
        with pytest.raises(ProviderRestricted):
            await provider.search(_query("ZRH", "LHR", TOMORROW))
        assert Capability.SEARCH not in provider.capabilities()
        assert Capability.STATUS in provider.capabilities()


async def test_a_paid_plan_includes_past_days(open_aviationstack: OpenAviationStack, world: World) -> None:
    day = TODAY - timedelta(days=5)
    async with open_aviationstack(free=False) as (provider, _):
        (status,) = await provider.status(world.by_pair["MAA", "DEL"][0].code, day)
    assert status.departure_date == day


async def test_a_schedule_that_does_not_reach_a_day_is_restricted_for_that_day_only(
    open_aviationstack: OpenAviationStack,
) -> None:
    async with open_aviationstack(future_days=7) as (provider, _):
        with pytest.raises(ProviderRestricted):
            await provider.search(_query("MAA", "DEL", TODAY + timedelta(days=60)))
        assert (await provider.search(_query("MAA", "DEL"))).itineraries
