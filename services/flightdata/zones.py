"""Time zones, each read from disk once."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone with an IANA name. `ZoneInfo` itself holds only the last eight, and a search of connections crosses dozens.

    Raises:
        ZoneInfoNotFoundError, ValueError, OSError: there is none of that name.
    """
    return ZoneInfo(name)
