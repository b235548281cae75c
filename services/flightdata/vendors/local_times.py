"""Readers for vendors' time formats. Each function reads one format and returns None for all other texts.

The meaning of AviationStack's `+00:00` was determined by measurement. Of 16 flights between time zones, all
are plausible if these times are local, but only one if they are UTC. Users have reported the false label
since 2020.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfoNotFoundError

from services.flightdata.model.instants import Convention, Instant, zone_of

FIRST_YEAR, LAST_YEAR = 1990, 2100
"""Range of valid years. Other years are vendor errors (`0001-01-01`, Unix time in milliseconds)."""
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:\.\d+)?)? ?(Z|[+-]\d\d:?\d\d)?")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::\d\d)? ?([AaPp]\.?[Mm]\.?)?")
_CLOCK_AND_DAY = re.compile(r"([^,]+), ?([A-Za-z]{3})[a-z]* (\d{1,2})")
_OFFSET_ZONE = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?00)?")
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}


@lru_cache(maxsize=1024)
def zone_named(text: str) -> str:
    """Return the IANA zone for a vendor's name of a time zone; empty if there is none.

    The name can be an offset: AviationStack sends `+8` for Beijing Daxing.
    """
    if offset := _OFFSET_ZONE.fullmatch(text.strip()):
        # The signs in these names are reversed: `Etc/GMT-8` is east of Greenwich.
        text = f"Etc/GMT{'-' if offset[1] == '+' else '+'}{int(offset[2])}"
    try:
        zone_of(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ""
    return text


def labelled_utc(text: str, zone: str) -> Instant | None:
    """Read AviationStack's `2025-07-09T10:30:00+00:00` as local time, since the offset is false."""
    return _iso(text, zone, Convention.LOCAL_LABELLED_UTC)


def true_utc(text: str, zone: str) -> Instant | None:
    """Read `2021-02-08T02:14:00+00:00` or `2021-02-08T02:14:00` as UTC."""
    return _iso(text, zone, Convention.UTC)


def naive(text: str, zone: str) -> Instant | None:
    """Read `2024-05-20T06:00:00` or `2026-10-01 20:00:00` as local time."""
    return _iso(text, zone, Convention.LOCAL)


def epoch(value: object, zone: str) -> Instant | None:
    """Read a Unix time in seconds. Return None for zero and less, which vendors write for "unknown"."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not zone or not 0 < value < 1e11:
        return None
    moment = datetime.fromtimestamp(value, UTC)
    return Instant(moment, zone, Convention.EPOCH) if FIRST_YEAR <= moment.year <= LAST_YEAR else None


def clock_face(text: str) -> time | None:
    """Read `20:00`, `10:30AM` or `10:30 pm` as a time of day."""
    face = _CLOCK.fullmatch(text.strip())
    if face is None:
        return None
    hour, half = int(face[1]), (face[3] or "").lower()
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return time(hour, int(face[2])) if hour < 24 and int(face[2]) < 60 else None


def clock_and_day(text: str, zone: str, near: date) -> Instant | None:
    """Read `10:30, Jul 24` or `10:30 AM, Jul 24`, in the year in which the day is nearest to `near`."""
    written = _CLOCK_AND_DAY.fullmatch(text.strip())
    face = clock_face(written[1]) if written else None
    if written is None or face is None or not zone:
        return None
    month = _MONTHS.get(written[2].lower())
    days = [
        day
        for year in (near.year - 1, near.year, near.year + 1)
        if (day := _day(year, month, int(written[3])))
    ]
    if not days:
        return None
    day = min(days, key=lambda candidate: abs(candidate - near))
    return _local(datetime.combine(day, face), zone, Convention.LOCAL_CLOCK)


def at_clock(face: time, day: date, zone: str) -> Instant | None:
    """Return the instant of a local time of day on a day."""
    return _local(datetime.combine(day, face), zone, Convention.LOCAL_CLOCK) if zone else None


def arrival_at(face: time, zone: str, departure: Instant, flown: timedelta) -> Instant | None:
    """Return the arrival at a local time of day. Its day gives the block time that is nearest to `flown`."""
    if not zone:
        return None
    leaves = departure.utc.astimezone(zone_of(zone)).date()
    instants = (at_clock(face, leaves + timedelta(days=ahead), zone) for ahead in (-1, 0, 1, 2))
    after = [instant for instant in instants if instant and instant.utc > departure.utc]
    return min(after, key=lambda arrival: abs((arrival - departure) - flown), default=None)


def _iso(text: str, zone: str, convention: Convention) -> Instant | None:
    """Read an ISO 8601 time by a convention. A non-zero offset is correct in every convention."""
    match = _ISO.fullmatch(text.strip())
    if match is None or not zone:
        return None
    try:
        wall = datetime.fromisoformat(f"{match[1]}T{match[2]}:{match[3] or '00'}")
    except ValueError:
        return None
    if not FIRST_YEAR <= wall.year <= LAST_YEAR:
        return None
    if offset := _offset(match[4] or ""):
        return Instant((wall - offset).replace(tzinfo=UTC), zone, Convention.OFFSET)
    if convention is Convention.UTC:
        return Instant(wall.replace(tzinfo=UTC), zone, convention)
    return _local(wall, zone, convention)


def _offset(text: str) -> timedelta:
    if text in {"", "Z"}:
        return timedelta()
    digits = text[1:].replace(":", "")
    length = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -length if text[0] == "-" else length


def _local(wall: datetime, zone: str, convention: Convention) -> Instant:
    """Return the instant of a local time.

    A local time that a clock change skips becomes an hour later. Of a repeated local time, return the first.
    """
    return Instant.of(wall.replace(tzinfo=zone_of(zone)), zone, convention)


def _day(year: int, month: int | None, day: int) -> date | None:
    try:
        return date(year, month or 0, day)
    except ValueError:
        return None
