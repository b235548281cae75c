"""Time as a parameter, so that the same code runs under a simulated clock."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

from google.protobuf.timestamp_pb2 import Timestamp

_DAY_SECONDS = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """A source of time."""

    def now(self) -> datetime:
        """Return the wall-clock time in UTC."""
        ...

    def monotonic(self) -> float:
        """Return the seconds since a fixed point in time. The value never decreases."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for this number of seconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def timestamp(instant: datetime) -> Timestamp:
    """Return an aware datetime as a message."""
    since = instant - _EPOCH
    # `FromDatetime` takes ten times as long, and a search sends hundreds of timestamps.
    return Timestamp(seconds=since.days * _DAY_SECONDS + since.seconds, nanos=since.microseconds * 1000)
