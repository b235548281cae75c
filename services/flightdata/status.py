"""How a flight is doing: its number as people write it, and whoever knows."""

from __future__ import annotations

from datetime import date

from services.flightdata.flights import FlightStatus
from services.flightdata.providers import FlightProvider


class StatusDesk:
    """Answers for flights by number."""

    def __init__(self, provider: FlightProvider) -> None:
        self._provider = provider

    async def status(self, flight: str, day: date | None) -> FlightStatus:
        """How a flight is doing on its day of departure; today there when None.

        Raises:
            FlightNotFound: no such flight on that day.
            DateBeyondHorizon: schedules of that day aren't known.
        """
        return await self._provider.status(_canonical(flight), day)


def _canonical(flight: str) -> str:
    """`AI0542` is `AI542`: leading zeros are how tickets print numbers."""
    return f"{flight[:2]}{int(flight[2:])}"
