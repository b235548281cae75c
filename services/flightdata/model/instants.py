"""A moment as a traveller and as a program needs it: on the clock of its place, in UTC, and how whoever said so wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone with an IANA name. `ZoneInfo` itself holds only the last eight, and a search of connections crosses dozens.

    Raises:
        ZoneInfoNotFoundError, ValueError, OSError: there is none of that name.
    """
    return ZoneInfo(name)


def today_in(zone: str, now: datetime) -> date:
    """The day it is in a zone."""
    return now.astimezone(zone_of(zone)).date()


class Convention(Enum):
    """How a time was written by its source; the same digits mean different moments under different ones."""

    EXACT = "exact"
    """Worked out here, or written by a source that can't be misread."""
    LOCAL_LABELLED_UTC = "local labelled UTC"
    """Local digits with a false `+00:00` (AviationStack `/flights`)."""
    LOCAL = "local"
    """Local digits without a zone (AviationStack `/flightsFuture`, FlightAPI.io trips)."""
    LOCAL_CLOCK = "local clock"
    """A clock face with a day and no year (FlightAPI.io tracking, `10:30, Jul 24`)."""
    UTC = "UTC"
    """Truly UTC (AviationStack's `live.updated`)."""
    OFFSET = "offset"
    """Digits with an offset of their own."""
    EPOCH = "epoch"
    """Seconds since 1970 (FlightAPI.io schedules)."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment: `utc` is aware and in UTC, `zone` the IANA zone of the place it belongs to."""

    utc: datetime
    zone: str
    convention: Convention = Convention.EXACT

    @classmethod
    def of(cls, moment: datetime, zone: str, convention: Convention = Convention.EXACT) -> Instant:
        """The instant of an aware datetime of any zone."""
        return cls(moment.astimezone(UTC), zone, convention)

    @property
    def local(self) -> datetime:
        """On the clock of its place, aware."""
        return self.utc.astimezone(zone_of(self.zone))

    def later(self, by: timedelta) -> Instant:
        """The instant so much later, in the same place."""
        return Instant(self.utc + by, self.zone, self.convention)

    def __sub__(self, other: Instant) -> timedelta:
        """How long after another instant this one is."""
        return self.utc - other.utc
