"""How a flight is doing: its number as people write it, and whoever knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from services.flightdata.flights import FlightStatus
from services.flightdata.providers import Capability
from services.flightdata.routing import Answered, ProviderRouter


class StatusDesk:
    """Answers for flights by number."""

    def __init__(self, router: ProviderRouter) -> None:
        self._router = router

    async def status(self, flight: str, day: date | None) -> Sequence[FlightStatus]:
        """How a flight is doing on its day of departure, today there when None: a row for each of its legs, at least one.

        Raises:
            FlightNotFound: no such flight on that day.
            DateBeyondHorizon: schedules of that day aren't known.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: no provider could answer.
        """
        number = _canonical(flight)
        # A provider that doesn't know a flight raises, so no answer counts as empty.
        asked = self._router.ask(Capability.STATUS, lambda provider: provider.status(number, day), empty=lambda _: False)
        answers = [event.value async for event in asked if isinstance(event, Answered)]
        return answers[0]


def _canonical(flight: str) -> str:
    """`AI0542` is `AI542`: leading zeros are how tickets print numbers."""
    return f"{flight[:2]}{int(flight[2:])}"
