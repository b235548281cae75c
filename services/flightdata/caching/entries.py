"""What lies on the shelf: an answer with who gave it and when, or that there was none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from mesh.errors import DomainError
from services.flightdata import errors
from services.flightdata.model.flights import FlightStatus
from services.flightdata.model.found import Found

FAILURES = (
    errors.FlightNotFound,
    errors.FlightsUnavailable,
    errors.FlightsQuotaExhausted,
    errors.FlightsRestricted,
)
"""What is told again without asking, for a short time: nobody knows, or nobody could say."""


@dataclass(frozen=True, slots=True)
class FoundEntry:
    """A search's answer."""

    value: Found
    provider: str
    fetched: datetime


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """How flights do."""

    value: Sequence[FlightStatus]
    provider: str
    fetched: datetime


Entry = FoundEntry | StatusEntry


@dataclass(frozen=True, slots=True)
class FailedEntry:
    """A failure, to be raised again; `kind` is the index of its class in `FAILURES`."""

    kind: int
    message: str
    names: Sequence[str]
    values: Sequence[str]
    retry_after: timedelta | None

    @classmethod
    def of(cls, error: DomainError) -> FailedEntry:
        """An error of one of `FAILURES`."""
        return cls(
            FAILURES.index(type(error)),
            str(error),
            tuple(error.metadata),
            tuple(error.metadata.values()),
            error.retry_after,
        )

    def error(self) -> DomainError:
        """The error as it was."""
        kind = FAILURES[self.kind]
        again = kind.__new__(kind)
        DomainError.__init__(
            again,
            self.message,
            metadata=dict(zip(self.names, self.values, strict=True)),
            retry_after=self.retry_after,
        )
        return again


def told_again(value: Any) -> Any:
    """An answer whose every record says that it comes from a cache."""
    if isinstance(value, Found):
        return replace(
            value,
            itineraries=tuple(
                replace(i, provenance=replace(i.provenance, cached=True)) for i in value.itineraries
            ),
            offers=tuple(replace(o, provenance=replace(o.provenance, cached=True)) for o in value.offers),
        )
    return tuple(replace(status, provenance=replace(status.provenance, cached=True)) for status in value)
