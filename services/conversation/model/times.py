"""Instants as microseconds since 1970: what rows hold, and what is cheap to compute with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros_of(instant: datetime) -> int:
    """From a UTC datetime."""
    return (instant - _EPOCH) // _MICROSECOND


def instant_of(micros: int) -> datetime:
    """To a UTC datetime."""
    return _EPOCH + micros * _MICROSECOND


def micros_in(timestamp: Timestamp) -> int:
    """From the contract's message; what is finer than a microsecond is cut off."""
    return timestamp.seconds * 1_000_000 + timestamp.nanos // 1000
