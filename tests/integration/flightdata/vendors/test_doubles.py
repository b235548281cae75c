"""The doubles follow their vendors' terms: keys, plans, counters, rate limits, paging and faults."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import airportsdata
import httpx
import pytest
import pytest_asyncio

from doubles.aviationstack import server as aviationstack
from doubles.faults import AVIATIONSTACK, FLIGHTAPI, Fault
from doubles.flightapi import server as flightapi
from doubles.serving import served
from doubles.world import World
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
DAY = "2026-11-25"
Get = Callable[..., Any]


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that tests advance."""
    return SimulatedClock(NOW)


@pytest_asyncio.fixture
async def stack(
    world: World, clock: SimulatedClock
) -> AsyncIterator[tuple[Get, aviationstack.AviationStackDouble]]:
    """AviationStack's double and a function that requests it."""
    double = aviationstack.AviationStackDouble(world, now=clock.now)
    async with served(double.app()) as url, httpx.AsyncClient(base_url=f"{url}/v1", timeout=5) as http:

        async def get(path: str, headers: dict[str, str] | None = None, **query: str) -> httpx.Response:
            return await http.get(path, params={"access_key": "demo"} | query, headers=headers)

        yield get, double


@pytest_asyncio.fixture
async def api(
    world: World, clock: SimulatedClock
) -> AsyncIterator[tuple[httpx.AsyncClient, flightapi.FlightApiDouble]]:
    """FlightAPI.io's double and a client of it."""
    double = flightapi.FlightApiDouble(world, now=clock.now)
    async with served(double.app()) as url, httpx.AsyncClient(base_url=url, timeout=5) as http:
        yield http, double


def _code(response: httpx.Response) -> str:
    return str(response.json()["error"]["code"])


async def test_a_key_is_needed_and_must_be_known(stack: tuple[Get, Any]) -> None:
    get, _ = stack
    for key, code in (("", "missing_access_key"), ("stolen", "invalid_access_key")):
        answer = await get("/flights", access_key=key)
        assert (answer.status_code, _code(answer)) == (401, code)


async def test_a_switch_makes_every_error_a_success(stack: tuple[Get, Any]) -> None:
    get, _ = stack
    answer = await get("/flights", access_key="stolen", headers={"X-Double": "errors-as-200"})
    assert (answer.status_code, _code(answer)) == (200, "invalid_access_key")


@pytest.mark.parametrize(
    ("path", "query"), [("/flights", {"flight_date": DAY}), ("/routes", {}), ("/airports", {})]
)
async def test_the_free_plan_refuses_paid_features(
    stack: tuple[Get, Any], path: str, query: dict[str, str]
) -> None:
    get, _ = stack
    answer = await get(path, **query)
    assert (answer.status_code, _code(answer)) == (403, "function_access_restricted")


async def test_a_month_has_so_many_calls(stack: tuple[Get, aviationstack.AviationStackDouble]) -> None:
    get, double = stack
    double.terms = aviationstack.Terms(monthly=2)
    codes = [(await get("/flights", flight_iata="AI542")).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


async def test_boards_have_a_rate_limit_of_one_a_minute(
    stack: tuple[Get, aviationstack.AviationStackDouble], clock: SimulatedClock
) -> None:
    get, double = stack
    double.terms = aviationstack.Terms(seconds_between=60)
    first, second = [await get("/timetable", iataCode="MAA", type="departure") for _ in range(2)]
    assert (first.status_code, _code(second)) == (200, "rate_limit_reached")
    clock.advance(61)
    assert (await get("/timetable", iataCode="MAA", type="departure")).status_code == 200


async def test_pages_are_cut_at_a_hundred_and_their_numbers_may_be_text(
    stack: tuple[Get, aviationstack.AviationStackDouble],
) -> None:
    get, double = stack
    first, second = [
        (await get("/flights", dep_iata="DEL", limit="1000", offset=offset)).json() for offset in ("0", "100")
    ]
    assert len(first["data"]) == first["pagination"]["count"] == first["pagination"]["limit"] == 100
    assert first["data"][0] != second["data"][0]
    assert first["pagination"]["total"] == second["pagination"]["total"] > 200
    double.terms = aviationstack.Terms(paging_as_text=True)
    paging = (await get("/flights", dep_iata="DEL")).json()["pagination"]
    assert (paging["limit"], paging["offset"]) == ("100", None)


async def test_filters_narrow_and_yesterdays_rows_come_too(stack: tuple[Get, Any]) -> None:
    get, _ = stack
    rows = (await get("/flights", dep_iata="MAA", arr_iata="DEL")).json()["data"]
    assert {(row["departure"]["iata"], row["arrival"]["iata"]) for row in rows} == {("MAA", "DEL")}
    assert {row["flight_date"] for row in rows} == {"2026-11-22", "2026-11-23"}
    landed = (await get("/flights", dep_iata="MAA", arr_iata="DEL", flight_status="landed")).json()["data"]
    assert {row["flight_status"] for row in landed} == {"landed"}


async def test_most_arrivals_to_come_are_not_estimated(stack: tuple[Get, Any]) -> None:
    get, _ = stack
    rows = [
        row
        for offset in ("0", "100", "200")
        for row in (await get("/flights", dep_iata="DEL", offset=offset)).json()["data"]
    ]
    to_come = [row["arrival"] for row in rows if row["flight_status"] in {"scheduled", "active"}]
    unknown = [end for end in to_come if end["estimated"] is None]
    assert 0.85 < len(unknown) / len(to_come) < 1
    assert all(end["delay"] is None for end in unknown)


async def test_a_rate_limit_speaks_of_plans_as_a_used_up_budget_does(
    api: tuple[httpx.AsyncClient, Any],
) -> None:
    http, _ = api
    limited, used_up = [
        await http.get(f"/onewaytrip/demo/{origin}/LHR/{DAY}/1/0/0/Economy/INR") for origin in ("ARN", "VIE")
    ]
    assert limited.status_code == used_up.status_code == 429
    assert "upgrade your plan" in limited.json()["message"]


async def test_a_board_without_rows_is_an_object(stack: tuple[Get, Any]) -> None:
    get, _ = stack
    assert (await get("/timetable", iataCode="TRV", type="departure")).json()["data"] == {
        "error": "No Record Found",
        "success": False,
    }


async def test_an_unknown_flight_is_not_found(stack: tuple[Get, Any]) -> None:
    get, _ = stack
    assert _code(await get("/nonsense")) == "404_not_found"


async def test_a_trips_path_is_checked(api: tuple[httpx.AsyncClient, Any]) -> None:
    http, _ = api
    good = f"/onewaytrip/demo/MAA/DEL/{DAY}/1/0/0/Economy/INR"
    assert (await http.get(good)).status_code == 200
    for bad in (
        good.replace("/1/0/0", "/0/0/0"),
        good.replace("/1/0/0", "/1/0/2"),
        good.replace("Economy", "economy"),
        good.replace(DAY, "25-11"),
    ):
        assert (await http.get(bad)).status_code == 400
    assert (await http.get(good.replace("demo", "stolen"))).status_code == 401


async def test_credits_are_counted_by_kind_of_call(
    api: tuple[httpx.AsyncClient, flightapi.FlightApiDouble],
) -> None:
    http, double = api
    await http.get(f"/onewaytrip/demo/MAA/DEL/{DAY}/1/0/0/Economy/INR")
    await http.get("/airline/demo?num=542&name=ai&date=20261123")
    assert double.used == 3
    double.terms = flightapi.Terms(credits=4)
    assert (await http.get("/compschedule/demo?mode=departures&iata=MAA&day=1")).status_code == 429


async def test_two_calls_too_close_are_throttled_with_a_401(
    api: tuple[httpx.AsyncClient, flightapi.FlightApiDouble], clock: SimulatedClock
) -> None:
    http, double = api
    double.terms = flightapi.Terms(throttle_seconds=4)
    track = "/airline/demo?num=542&name=ai&date=20261123"
    codes = [(await http.get(track)).status_code for _ in range(2)]
    clock.advance(5)
    assert [*codes, (await http.get(track)).status_code] == [200, 401, 200]


async def test_a_newer_board_is_served_by_its_own_path(api: tuple[httpx.AsyncClient, Any]) -> None:
    http, _ = api
    flights = (await http.get("/schedule/v2/demo?mode=dep&iata=MAA&year=2026&month=11&day=25&page=1")).json()[
        "data"
    ]["flights"]
    assert flights
    older = (await http.get("/schedule/demo?mode=departures&iata=MAA&day=1")).json()
    assert older["airport"]["pluginData"]["details"]["code"]["iata"] == "MAA"


@pytest.mark.parametrize(
    "origin", [code for code, fault in AVIATIONSTACK.items() if fault in {Fault.DROPPED, Fault.CUT}]
)
async def test_a_connection_that_breaks_is_broken(stack: tuple[Get, Any], origin: str) -> None:
    get, _ = stack
    with pytest.raises(httpx.RemoteProtocolError):
        await get("/flights", dep_iata=origin, arr_iata="LHR")


async def test_a_slow_vendor_sleeps_and_then_answers(world: World, clock: SimulatedClock) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    double = aviationstack.AviationStackDouble(world, now=clock.now, sleep=sleep)
    other = flightapi.FlightApiDouble(world, flightapi.Terms(latency_seconds=20), now=clock.now, sleep=sleep)
    async with (
        served(double.app()) as first,
        served(other.app()) as second,
        httpx.AsyncClient(timeout=5) as http,
    ):
        assert (await http.get(f"{first}/v1/flights?access_key=demo&dep_iata=PRG&arr_iata=LHR")).json()[
            "data"
        ]
        assert (await http.get(f"{second}/airline/demo?num=542&name=ai&date=20261123")).json()["flights"]
    assert slept == [3600, 20]


def test_every_trouble_is_met_somewhere(world: World) -> None:
    assert set(AVIATIONSTACK.values()) | set(FLIGHTAPI.values()) == set(Fault)
    assert AVIATIONSTACK.keys() | FLIGHTAPI.keys() <= world.ports.keys()
    assert timedelta(minutes=45) < min(f.block for f in world.flights())


def test_the_doubles_airports_are_those_of_airportsdata(world: World) -> None:
    table = airportsdata.load("IATA")
    for code, port in world.ports.items():
        row = table[code]
        assert (port.icao, port.name, port.city) == (row["icao"], row["name"], row["city"])
        assert (port.country, port.latitude, port.longitude) == (row["country"], row["lat"], row["lon"])
        assert port.zone == row["tz"]
