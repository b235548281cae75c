"""Vendors' times put right: each function reads one way of writing a time, and gives None for what is none.

Which way an endpoint writes is known from measurement and not from its label: of 16 flights between zones, AviationStack's `+00:00`
read as local time gave a possible flight for all, read as UTC for one; its users have reported it since 2020.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfoNotFoundError

from services.flightdata.model.instants import Convention, Instant, zone_of

FIRST_YEAR, LAST_YEAR = 1990, 2100
"""Years beyond which a time is a vendor's slip (`0001-01-01`, an epoch in milliseconds)."""
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:\.\d+)?)? ?(Z|[+-]\d\d:?\d\d)?")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::\d\d)? ?([AaPp]\.?[Mm]\.?)?")
_CLOCK_AND_DAY = re.compile(r"([^,]+), ?([A-Za-z]{3})[a-z]* (\d{1,2})")
_OFFSET_ZONE = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?00)?")
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}


@lru_cache(maxsize=1024)
def zone_named(text: str) -> str:
    """An IANA zone for what a vendor calls one; empty when it is none. AviationStack sends `+8` for Beijing Daxing."""
    if offset := _OFFSET_ZONE.fullmatch(text.strip()):
        # POSIX signs: `Etc/GMT-8` lies east of Greenwich.
        text = f"Etc/GMT{'-' if offset[1] == '+' else '+'}{int(offset[2])}"
    try:
        zone_of(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ""
    return text


def labelled_utc(text: str, zone: str) -> Instant | None:
    """AviationStack's `2025-07-09T10:30:00+00:00`: the digits are local. An offset other than zero is taken at its word."""
    wall, offset = _iso(text)
    if wall is None or not zone:
        return None
    if offset:
        return _with_offset(wall, offset, zone)
    return _local(wall, zone, Convention.LOCAL_LABELLED_UTC)


def true_utc(text: str, zone: str) -> Instant | None:
    """`2021-02-08T02:14:00+00:00` that means it, and so does the same without a label."""
    wall, offset = _iso(text)
    if wall is None or not zone:
        return None
    return (
        _with_offset(wall, offset, zone)
        if offset
        else Instant(wall.replace(tzinfo=UTC), zone, Convention.UTC)
    )


def naive(text: str, zone: str) -> Instant | None:
    """`2024-05-20T06:00:00` or `2026-10-01 20:00:00` on the clock of the place; an offset, where one is written, is believed."""
    wall, offset = _iso(text)
    if wall is None or not zone:
        return None
    return _with_offset(wall, offset, zone) if offset else _local(wall, zone, Convention.LOCAL)


def epoch(value: object, zone: str) -> Instant | None:
    """Seconds since 1970. Zero and less is nothing: vendors write it for "unknown"."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not zone or not 0 < value < 1e11:
        return None
    moment = datetime.fromtimestamp(value, UTC)
    return Instant(moment, zone, Convention.EPOCH) if FIRST_YEAR <= moment.year <= LAST_YEAR else None


def clock_face(text: str) -> time | None:
    """`20:00`, `10:30AM` or `10:30 pm` as a time of day."""
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
    """`10:30, Jul 24` or `10:30 AM, Jul 24`: no year, so the one that brings it nearest to a date."""
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
    """A time of day on a day that is known from elsewhere."""
    return _local(datetime.combine(day, face), zone, Convention.LOCAL_CLOCK) if zone else None


def arrival_at(face: time, zone: str, departure: Instant, flown: timedelta) -> Instant | None:
    """The arrival at a time of day whose day wasn't said: of the days it may be, the one whose flight lasts nearest to `flown`."""
    if not zone:
        return None
    leaves = departure.utc.astimezone(zone_of(zone)).date()
    instants = (at_clock(face, leaves + timedelta(days=ahead), zone) for ahead in (-1, 0, 1, 2))
    after = [instant for instant in instants if instant and instant.utc > departure.utc]
    return min(after, key=lambda arrival: abs((arrival - departure) - flown), default=None)


def first_read(text: object, readings: Iterable[Callable[[str], Instant | None]]) -> Instant | None:
    """What the first reading makes of a value that makes anything of it."""
    if not isinstance(text, str) or not text.strip():
        return None
    return next((instant for read in readings if (instant := read(text))), None)


def _iso(text: str) -> tuple[datetime | None, timedelta]:
    """The digits without a zone, and the offset written beside them (zero when it is none)."""
    match = _ISO.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        return None, timedelta()
    try:
        wall = datetime.fromisoformat(f"{match[1]}T{match[2]}:{match[3] or '00'}")
    except ValueError:
        return None, timedelta()
    return (wall if FIRST_YEAR <= wall.year <= LAST_YEAR else None), _offset(match[4] or "")


def _offset(text: str) -> timedelta:
    if text in {"", "Z"}:
        return timedelta()
    digits = text[1:].replace(":", "")
    length = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -length if text[0] == "-" else length


def _with_offset(wall: datetime, offset: timedelta, zone: str) -> Instant:
    return Instant((wall - offset).replace(tzinfo=UTC), zone, Convention.OFFSET)


def _local(wall: datetime, zone: str, convention: Convention) -> Instant:
    """A wall time in a zone. One that the clocks skip is read as the hour after, one that comes twice as the first."""
    return Instant.of(wall.replace(tzinfo=zone_of(zone)), zone, convention)


def _day(year: int, month: int | None, day: int) -> date | None:
    try:
        return date(year, month or 0, day)
    except ValueError:
        return None
