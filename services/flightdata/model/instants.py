"""Moments with their time zone, and with the convention that their source uses to write times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """Return the time zone with the IANA name `name`, from a cache after the first call.

    The cache of `ZoneInfo` itself keeps only eight zones, but a search for connections needs dozens.

    Raises:
        ZoneInfoNotFoundError, ValueError, OSError: no zone has this name.
    """
    return ZoneInfo(name)


def today_in(zone: str, now: datetime) -> date:
    """Return the local date in a time zone at the moment `now`."""
    return now.astimezone(zone_of(zone)).date()


class Convention(Enum):
    """Convention for writing a time. The same digits mean different moments under different conventions."""

    EXACT = "exact"
    """Computed by this service, or written unambiguously."""
    LOCAL_LABELLED_UTC = "local labelled UTC"
    """Local time with a false `+00:00` (AviationStack `/flights`)."""
    LOCAL = "local"
    """Local time without a zone (AviationStack `/flightsFuture`, FlightAPI.io trips)."""
    LOCAL_CLOCK = "local clock"
    """A time of day and a day without a year (FlightAPI.io tracking, `10:30, Jul 24`)."""
    UTC = "UTC"
    """UTC, and correctly labelled (AviationStack `live.updated`)."""
    OFFSET = "offset"
    """Local time with its correct UTC offset."""
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
        """Return this instant plus the duration `by`, at the same place."""
        return Instant(self.utc + by, self.zone, self.convention)

    def __sub__(self, other: Instant) -> timedelta:
        """Return the time from `other` to this instant."""
        return self.utc - other.utc
