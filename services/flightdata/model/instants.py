"""Moments with their time zone and with the convention in which their source wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """Return the time zone with an IANA name, read from disk once.

    `ZoneInfo` itself caches only eight zones; a search for connections crosses dozens.

    Raises:
        ZoneInfoNotFoundError, ValueError, OSError: no zone has this name.
    """
    return ZoneInfo(name)


def today_in(zone: str, now: datetime) -> date:
    """Return the date in a zone at `now`."""
    return now.astimezone(zone_of(zone)).date()


class Convention(Enum):
    """Convention for writing a time. The same digits mean different moments under different conventions."""

    EXACT = "exact"
    """Computed here, or written unambiguously."""
    LOCAL_LABELLED_UTC = "local labelled UTC"
    """Local digits with a false `+00:00` (AviationStack `/flights`)."""
    LOCAL = "local"
    """Local digits without a zone (AviationStack `/flightsFuture`, FlightAPI.io trips)."""
    LOCAL_CLOCK = "local clock"
    """A time of day and a day without a year (FlightAPI.io tracking, `10:30, Jul 24`)."""
    UTC = "UTC"
    """UTC, and correctly labelled (AviationStack `live.updated`)."""
    OFFSET = "offset"
    """Digits with their own UTC offset."""
    EPOCH = "epoch"
    """Seconds since 1970 (FlightAPI.io schedules)."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment at a place: `utc` is aware and in UTC, `zone` is the place's IANA zone."""

    utc: datetime
    zone: str
    convention: Convention = Convention.EXACT

    @classmethod
    def of(cls, moment: datetime, zone: str, convention: Convention = Convention.EXACT) -> Instant:
        """Return the instant of an aware datetime in any zone."""
        return cls(moment.astimezone(UTC), zone, convention)

    @property
    def local(self) -> datetime:
        """The local time of the place, aware."""
        return self.utc.astimezone(zone_of(self.zone))

    def later(self, by: timedelta) -> Instant:
        """Return the instant `by` later at the same place."""
        return Instant(self.utc + by, self.zone, self.convention)

    def __sub__(self, other: Instant) -> timedelta:
        """Return the time from `other` to this instant."""
        return self.utc - other.utc
