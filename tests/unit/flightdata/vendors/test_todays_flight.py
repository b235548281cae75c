"""A request without a day means today at the origin; FlightAPI.io needs it as a date."""

from __future__ import annotations

from datetime import UTC, date, datetime

import httpx
import pytest

from doubles.flightapi import tracking as flightapi_status
from doubles.world import World
from services.flightdata.errors import FlightNotFound
from services.flightdata.model.flights import FlightStatus
from tests.unit.flightdata.vendors.recorded import flightapi_over

pytestmark = pytest.mark.unit

WORLD = World()
YESTERDAY, TODAY, TOMORROW = (date(2026, 11, day) for day in (22, 23, 24))


class Tracking:
    """A vendor with one flight on some days, which records the days requested."""

    def __init__(self, now: datetime, origin: str, destination: str, flown: set[date]) -> None:
        self._now, self._flight, self._flown = now, WORLD.by_pair[origin, destination][0], flown
        self.asked: list[date] = []

    async def result(self) -> FlightStatus:
        """Return the adapter's status for a request without a day."""
        (status,) = await flightapi_over(self._answer, self._now).status(self._flight.code, None)
        return status

    def _answer(self, request: httpx.Request) -> httpx.Response:
        written = request.url.params["date"]
        day = date.fromisoformat(f"{written[:4]}-{written[4:6]}-{written[6:]}")
        self.asked.append(day)
        if day not in self._flown:
            return httpx.Response(404, json={"message": "No details for your input"})
        return httpx.Response(200, json=flightapi_status.newer_tracking([self._flight], day, self._now))


def _at(hour: int) -> datetime:
    return datetime(2026, 11, 23, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hour", "origin", "today"),
    [
        (2, "LAX", YESTERDAY),
        (5, "LAX", YESTERDAY),
        (9, "LAX", TODAY),
        (2, "DEL", TODAY),
        (19, "DEL", TOMORROW),
        (14, "SYD", TOMORROW),
        (12, "SYD", TODAY),
        (12, "LHR", TODAY),
    ],
)
@pytest.mark.parametrize("daily", [True, False], ids=["flown daily", "flown that day only"])
async def test_without_a_day_it_is_today_where_the_flight_leaves(
    hour: int, origin: str, today: date, daily: bool
) -> None:
    tracking = Tracking(_at(hour), origin, "FRA", {YESTERDAY, TODAY, TOMORROW} if daily else {today})
    assert (await tracking.result()).departure_date == today


@pytest.mark.parametrize("hour", range(24))
async def test_a_day_that_is_the_same_at_the_origin_is_requested_once(hour: int) -> None:
    tracking = Tracking(_at(hour), "LHR", "FRA", {TODAY})
    await tracking.result()
    assert tracking.asked == [TODAY]


async def test_an_unknown_number_costs_at_most_two_calls() -> None:
    for hour, calls in ((2, 2), (10, 1), (15, 2)):
        tracking = Tracking(_at(hour), "LHR", "FRA", set())
        with pytest.raises(FlightNotFound):
            await tracking.result()
        assert len(tracking.asked) == calls
