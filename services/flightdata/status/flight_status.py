"""Status of a flight by its number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from mesh.clock import Clock
from services.flightdata.caching.answer_cache import AnswerCache, Question
from services.flightdata.caching.freshness import Kind
from services.flightdata.model.flights import FlightStatus
from services.flightdata.model.horizon import check_status
from services.flightdata.providers.protocol import Capability
from services.flightdata.providers.routing import Answered


class StatusService:
    """Answers status requests by flight number."""

    def __init__(self, cache: AnswerCache, clock: Clock) -> None:
        self._cache, self._clock = cache, clock

    async def status(self, flight: str, day: date | None) -> Sequence[FlightStatus]:
        """Return the status of each leg of a flight, at least one.

        `day` is the local departure day; None means today.

        Raises:
            FlightNotFound: there is no such flight on that day.
            DateBeyondHorizon: schedules of that day aren't known yet.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: no provider could answer.
        """
        number = _canonical(flight)
        if day is not None:
            check_status(number, day, self._clock.now())
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


def _canonical(flight: str) -> str:
    """Return the flight number without the leading zeros that tickets print: `AI0542` becomes `AI542`."""
    return f"{flight[:2]}{int(flight[2:])}"
