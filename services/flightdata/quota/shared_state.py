"""State about one subject that replicas share: read at most once a second, each fact written when it changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from mesh.clock import Clock
from services.flightdata.quota.quota_file import QuotaStoreUnavailable
from services.flightdata.quota.store import QuotaStore

READ_EVERY_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class SharedState:
    """The facts of one subject. Without the store, each replica uses what it knows itself."""

    def __init__(self, store: QuotaStore, subject: str, clock: Clock, lasts: timedelta) -> None:
        self._store, self._subject, self._clock, self._lasts = store, subject, clock, lasts
        self._read_at: float | None = None

    async def read(self) -> Mapping[str, Any]:
        """Return the valid facts by name; empty if they were read less than a second ago."""
        if self._read_at is not None and self._clock.monotonic() - self._read_at < READ_EVERY_SECONDS:
            return {}
        self._read_at = self._clock.monotonic()
        try:
            written = await self._store.facts(self._subject)
        except QuotaStoreUnavailable:
            return {}
        return {fact: value for fact, text in written.items() if (value := _parsed(text)) is not None}

    async def write(self, fact: str, value: Any) -> None:
        """Share one fact, a JSON value; the others stay."""
        try:
            await self._store.set_fact(self._subject, fact, json.dumps(value), self._lasts)
        except QuotaStoreUnavailable as error:
            _log.warning("provider state not shared", subject=self._subject, fact=fact, error=str(error))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
