"""Points in time as a person types them: how long ago, or when."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from cli.errors import UsageError

_AGO = re.compile(r"(?:(?P<days>\d+)d)?(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?")
_MEANT = "say how long ago (2h, 90m, 1d12h) or when (07:30, 2027-01-31, 2027-01-31T07:30)"


def since(text: str, now: datetime) -> datetime:
    """The instant that a text means; `now` has a zone, which times without one are in. A time of day is the last one that has been.

    Raises:
        UsageError: it means none, or one that is still to come.
    """
    ago = _AGO.fullmatch(text.replace(" ", "").lower())
    try:
        if ago is not None and any(ago.groups()):
            meant = now - timedelta(**{unit: int(count) for unit, count in ago.groupdict().items() if count})
        else:
            meant = _at(text.strip(), now)
    except (ValueError, OverflowError):
        raise UsageError(f"--since {text!r} is no point in time; {_MEANT}.") from None
    if meant > now:
        raise UsageError(f"--since {text!r} is still to come; {_MEANT}.")
    return meant


def _at(text: str, now: datetime) -> datetime:
    if re.fullmatch(r"\d{1,2}:\d\d(:\d\d)?", text):
        today = datetime.combine(
            now.date(), time.fromisoformat(text.rjust(len(text) + text.index(":") % 2, "0")), now.tzinfo
        )
        return today if today <= now else today - timedelta(days=1)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return datetime.combine(date.fromisoformat(text), time(), now.tzinfo)
    meant = datetime.fromisoformat(text)
    return meant if meant.tzinfo else meant.replace(tzinfo=now.tzinfo)
