"""Conversions between datetimes, protobuf timestamps and microseconds since 1970.

Rows and log entries hold microseconds, because computing with them is cheap. Datetimes are in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros_of(instant: datetime) -> int:
    """Convert a datetime to microseconds."""
    return (instant - _EPOCH) // _MICROSECOND


def instant_of(micros: int) -> datetime:
    """Convert microseconds to a datetime."""
    return _EPOCH + micros * _MICROSECOND


def micros_in(timestamp: Timestamp) -> int:
    """Convert a protobuf timestamp to microseconds. Nanoseconds are truncated."""
    return timestamp.seconds * 1_000_000 + timestamp.nanos // 1000


def timestamp_of(micros: int) -> Timestamp:
    """Convert microseconds to a protobuf timestamp."""
    seconds, rest = divmod(micros, 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


def instant(timestamp: Timestamp) -> datetime:
    """Convert a protobuf timestamp to a datetime."""
    return timestamp.ToDatetime(UTC)
