"""Status of a flight by its number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from mesh.clock import Clock
from services.flightdata.caching.answer_cache import AnswerCache, Question
from services.flightdata.caching.freshness import Kind
from services.flightdata.errors import DateBeyondHorizon, FlightNotFound
from services.flightdata.model.flights import FlightStatus
from services.flightdata.model.horizon import FIRST_DAY_BACK, LAST_DAY_AHEAD
from services.flightdata.providers.protocol import Capability
from services.flightdata.providers.routing import Answered


class StatusService:
    """Answers status requests by flight number."""

    def __init__(self, cache: AnswerCache, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock

    async def status(self, flight: str, day: date | None) -> Sequence[FlightStatus]:
        """Return the status of each leg of a flight on its local departure day, today if None; at least one.

        Raises:
            FlightNotFound: there is no such flight on that day.
            DateBeyondHorizon: schedules of that day aren't known yet.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: no provider could answer.
        """
        number = _canonical(flight)
        self._check_day(number, day)
        question = Question(
            name=f"{number} {day}",
            kind=Kind.STATUS,
            capability=Capability.STATUS,
            shape=Answered[Sequence[FlightStatus]],
            call=lambda provider: provider.status(number, day),
            empty=lambda _: False,  # a provider that doesn't know the flight raises
        )
        (answer,) = [event async for event in self._cache.ask(question) if isinstance(event, Answered)]
        return answer.value

    def _check_day(self, flight: str, day: date | None) -> None:
        """Refuse days that no provider knows, allowing a day for time zones."""
        today = self._clock.now().date()
        if day is not None and day - today > timedelta(days=LAST_DAY_AHEAD + 1):
            raise DateBeyondHorizon(today + timedelta(days=LAST_DAY_AHEAD))
        if day is not None and today - day > timedelta(days=FIRST_DAY_BACK):
            raise FlightNotFound(flight, f"The status of {flight} so long ago isn't known.")


def _canonical(flight: str) -> str:
    """Remove leading zeros, which tickets print: `AI0542` is `AI542`."""
    return f"{flight[:2]}{int(flight[2:])}"
