"""How a flight is doing: its number as people write it, and whoever knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from mesh.clock import Clock
from services.flightdata.caching.answer_cache import Answers, Question
from services.flightdata.caching.entries import StatusEntry
from services.flightdata.caching.freshness import Kind
from services.flightdata.errors import DateBeyondHorizon, FlightNotFound
from services.flightdata.model.flights import FlightStatus
from services.flightdata.model.horizon import FIRST_DAY_BACK, LAST_DAY_AHEAD
from services.flightdata.providers.protocol import Capability
from services.flightdata.providers.routing import Answered


class StatusDesk:
    """Answers for flights by number."""

    def __init__(self, answers: Answers, clock: Clock) -> None:
        self._answers = answers
        self._clock = clock

    async def status(self, flight: str, day: date | None) -> Sequence[FlightStatus]:
        """How a flight is doing on its day of departure, today there when None: a row for each of its legs, at least one.

        Raises:
            FlightNotFound: no such flight on that day.
            DateBeyondHorizon: schedules of that day aren't known.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: no provider could answer.
        """
        number = _canonical(flight)
        self._check_day(number, day)
        # A provider that doesn't know a flight raises, so no answer counts as empty.
        question = Question(
            name=f"{number} {day}",
            kind=Kind.STATUS,
            capability=Capability.STATUS,
            shape=StatusEntry,
            call=lambda provider: provider.status(number, day),
            empty=lambda _: False,
        )
        (answer,) = [
            event.value async for event in self._answers.ask(question) if isinstance(event, Answered)
        ]
        return answer

    def _check_day(self, flight: str, day: date | None) -> None:
        """Days that no provider knows anything of, whatever its zones, are nobody's question."""
        today = self._clock.now().date()
        if day is not None and day - today > timedelta(days=LAST_DAY_AHEAD + 1):
            raise DateBeyondHorizon(today + timedelta(days=LAST_DAY_AHEAD))
        if day is not None and today - day > timedelta(days=FIRST_DAY_BACK):
            raise FlightNotFound(flight, f"The status of {flight} so long ago isn't known.")


def _canonical(flight: str) -> str:
    """`AI0542` is `AI542`: leading zeros are how tickets print numbers."""
    return f"{flight[:2]}{int(flight[2:])}"
