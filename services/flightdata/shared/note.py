"""A small document that replicas share: read at most once a second, and written when it changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from mesh.clock import Clock
from services.flightdata.shared.ledger import Ledger, LedgerUnavailable

READ_EVERY_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class SharedNote:
    """One document by name. A ledger that can't be reached leaves each replica with what it knows itself."""

    def __init__(self, ledger: Ledger, name: str, clock: Clock, lasts: timedelta) -> None:
        self._ledger, self._name, self._clock, self._lasts = ledger, name, clock, lasts
        self._read_at: float | None = None

    async def read(self) -> Mapping[str, Any] | None:
        """What is written there; None when it was read a moment ago, isn't there, or makes no sense."""
        if self._read_at is not None and self._clock.monotonic() - self._read_at < READ_EVERY_SECONDS:
            return None
        self._read_at = self._clock.monotonic()
        try:
            found = json.loads(await self._ledger.noted(self._name) or "null")
        except (LedgerUnavailable, ValueError):
            return None
        return found if isinstance(found, dict) else None

    async def write(self, value: Mapping[str, Any]) -> None:
        """Writes it for all."""
        try:
            await self._ledger.note(self._name, json.dumps(value, sort_keys=True), self._lasts)
        except LedgerUnavailable as error:
            _log.warning("what was learned of a provider could not be shared", note=self._name, error=str(error))
