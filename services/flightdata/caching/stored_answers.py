"""Answers in a cache store. Good answers have one key; failures and empty answers share another key."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

from mesh.errors import DomainError
from services.flightdata import errors
from services.flightdata.caching.freshness import EMPTY_FOR, FAILED_FOR
from services.flightdata.caching.packing import NotReadable, Packer
from services.flightdata.caching.store import CacheStore
from services.flightdata.model.search_results import Found
from services.flightdata.providers.routing import Answered

FAILURES = (
    errors.FlightNotFound,
    errors.FlightsUnavailable,
    errors.FlightsQuotaExhausted,
    errors.FlightsRestricted,
)
"""Errors that are cached for a short time."""
MOST_DECODED, MOST_DECODED_BYTES = 512, 2 * 1024 * 1024
"""Limits for answers that are kept as objects: their number, and the sum of their packed sizes.

An object needs about thirty times its packed size.
"""
_EMPTY, _FAILED = b"e", b"f"
_packer = cache(Packer)


@dataclass(frozen=True, slots=True)
class FailedAnswer:
    """A cached failure; `kind` is the index of its class in `FAILURES`."""

    kind: int
    message: str
    names: Sequence[str]
    values: Sequence[str]
    retry_after: timedelta | None

    @classmethod
    def of(cls, error: DomainError) -> FailedAnswer:
        """Return the cached form of one of `FAILURES`."""
        names, values = tuple(error.metadata), tuple(error.metadata.values())
        return cls(FAILURES.index(type(error)), str(error), names, values, error.retry_after)

    def error(self) -> DomainError:
        """Return an error equal to the original one."""
        kind = FAILURES[self.kind]
        error = kind.__new__(kind)
        metadata = dict(zip(self.names, self.values, strict=True))
        DomainError.__init__(error, self.message, metadata=metadata, retry_after=self.retry_after)
        return error


def mark_cached(value: Any) -> Any:
    """Return a copy of an answer's value in which the provenance of each record says that it is cached."""
    if isinstance(value, Found):
        return replace(value, itineraries=mark_cached(value.itineraries), offers=mark_cached(value.offers))
    if isinstance(value, Sequence):
        return tuple(replace(v, provenance=replace(v.provenance, cached=True)) for v in value)
    raise TypeError(f"can't mark {type(value).__name__}")


class StoredAnswers:
    """Reads and writes answers by name. A name is a digest, so it reveals neither caller nor vendor key.

    Recently used answers are also kept as objects. The same object is returned until the stored bytes change.
    """

    def __init__(self, store: CacheStore) -> None:
        self._store = store
        self._decoded: OrderedDict[str, tuple[bytes, Answered[Any]]] = OrderedDict()
        self._decoded_bytes = 0

    async def good(self, name: str, shape: Any) -> Answered[Any] | None:
        """Return the stored good answer, marked as cached; None if there is none."""
        packed = await self._store.get(f"answer:{name}")
        known, answer = self._decoded.get(name, (b"", None))
        if packed is not None and packed == known and answer:
            self._decoded.move_to_end(name)
            return answer
        self._drop(name)
        answer = _unpacked(packed, shape) if packed is not None else None
        if packed is not None and answer:
            self._decoded[name] = (packed, answer)
            self._decoded_bytes += len(packed)
            while len(self._decoded) > MOST_DECODED or self._decoded_bytes > MOST_DECODED_BYTES:
                self._drop(next(iter(self._decoded)))
        return answer

    async def empty_or_failed(self, name: str, shape: Any) -> Answered[Any] | FailedAnswer | None:
        """Return the stored empty answer or failure; None if there is none."""
        packed = await self._store.get(f"none:{name}")
        if packed is None:
            return None
        if packed[:1] == _EMPTY:
            return _unpacked(packed[1:], shape)
        try:
            failed: FailedAnswer = _packer(FailedAnswer).unpack(packed[1:])
        except NotReadable:
            return None
        return failed

    async def keep(self, name: str, shape: Any, answer: Answered[Any], lasts: timedelta) -> None:
        """Store a good answer for the duration `lasts`."""
        await self._store.put(f"answer:{name}", _packer(shape).pack(answer), lasts)

    async def keep_empty(self, name: str, shape: Any, answer: Answered[Any]) -> None:
        """Store an empty answer for a short time. It doesn't replace a stored good answer."""
        await self._store.put(f"none:{name}", _EMPTY + _packer(shape).pack(answer), EMPTY_FOR)

    async def keep_failure(self, name: str, failure: FailedAnswer) -> None:
        """Store a failure for a short time. It doesn't replace a stored good answer."""
        await self._store.put(f"none:{name}", _FAILED + _packer(FailedAnswer).pack(failure), FAILED_FOR)

    def _drop(self, name: str) -> None:
        packed, _ = self._decoded.pop(name, (b"", None))
        self._decoded_bytes -= len(packed)


def _unpacked(packed: bytes, shape: Any) -> Answered[Any] | None:
    try:
        answer: Answered[Any] = _packer(shape).unpack(packed)
    except NotReadable:
        return None
    return Answered(mark_cached(answer.value), replace(answer.provenance, cached=True))
