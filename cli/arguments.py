"""Parsers of places, days and times as a user types them."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from cli.errors import UsageError

if TYPE_CHECKING:
    from readback.flightdata.v1 import places_pb2
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

_AGO = re.compile(r"(?:(?P<days>\d+)d)?(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?")
_SINCE_EXAMPLES = "write how long ago (2h, 90m, 1d12h) or when (07:30, 2027-01-31, 2027-01-31T07:30)"


async def parse_place(stub: FlightDataServiceAsyncStub, text: str) -> places_pb2.Place:
    """Return the place for a code, a name, or a word that sounds like a name.

    Raises:
        UsageError: the text may mean several places.
        grpc.aio.AioRpcError: there is no such place.
    """
    from readback.flightdata.v1 import places_pb2

    response = await stub.ResolvePlace(places_pb2.ResolvePlaceRequest(query=text))
    places = [candidate.place for candidate in response.candidates]
    if response.confident:
        return places[0]
    choices = " or ".join(f"{place.city or place.name}, {place.country} ({place.code})" for place in places)
    raise UsageError(f"{text!r} may be {choices}; write the code or the name of the one you mean.")


def parse_day(text: str, today: date) -> date:
    """Return the day for `YYYY-MM-DD`, `today` or `tomorrow`.

    Raises:
        UsageError: the text is none of these.
    """
    near = {"today": today, "tomorrow": today + timedelta(days=1)}
    try:
        return near.get(text.lower()) or date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a date; write YYYY-MM-DD, today or tomorrow.") from None


def parse_time(text: str) -> time:
    """Return the time of day for `HH:MM`.

    Raises:
        UsageError: the text is not a time of day.
    """
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a time of day; write HH:MM.") from None


def parse_since(text: str, now: datetime) -> datetime:
    """Return the instant for a value of `--since`: a duration before `now`, or a date or time.

    A time without a zone is in the zone of `now`. For a time of day alone, return its latest occurrence
    before `now`.

    Raises:
        UsageError: the text is not a point in time, or is in the future.
    """
    ago = _AGO.fullmatch(text.replace(" ", "").lower())
    try:
        if ago is not None and any(ago.groups()):
            instant = now - timedelta(
                **{unit: int(count) for unit, count in ago.groupdict().items() if count}
            )
        else:
            instant = _parse_instant(text.strip(), now)
    except (ValueError, OverflowError):
        raise UsageError(f"--since {text!r} is not a point in time; {_SINCE_EXAMPLES}.") from None
    if instant > now:
        raise UsageError(f"--since {text!r} is in the future; {_SINCE_EXAMPLES}.")
    return instant


def _parse_instant(text: str, now: datetime) -> datetime:
    if re.fullmatch(r"\d{1,2}:\d\d(:\d\d)?", text):
        clock = time.fromisoformat(text if text.index(":") == 2 else f"0{text}")
        today = datetime.combine(now.date(), clock, now.tzinfo)
        return today if today <= now else today - timedelta(days=1)
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=now.tzinfo)
