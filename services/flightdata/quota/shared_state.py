"""Facts about one subject that replicas share: read at most once a second, each written by itself when it changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from mesh.clock import Clock
from services.flightdata.quota.file import LedgerUnavailable
from services.flightdata.quota.store import Ledger

READ_EVERY_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class SharedNote:
    """The facts of one subject. A ledger that can't be reached leaves each replica with what it knows itself."""

    def __init__(self, ledger: Ledger, subject: str, clock: Clock, lasts: timedelta) -> None:
        self._ledger, self._subject, self._clock, self._lasts = ledger, subject, clock, lasts
        self._read_at: float | None = None

    async def read(self) -> Mapping[str, Any]:
        """The facts by name, those that make sense; none when they were read a moment ago."""
        if self._read_at is not None and self._clock.monotonic() - self._read_at < READ_EVERY_SECONDS:
            return {}
        self._read_at = self._clock.monotonic()
        try:
            written = await self._ledger.noted(self._subject)
        except LedgerUnavailable:
            return {}
        return {fact: value for fact, text in written.items() if (value := _value(text)) is not None}

    async def write(self, fact: str, value: Any) -> None:
        """Writes one fact for all; what others wrote of the rest stays."""
        try:
            await self._ledger.note(self._subject, fact, json.dumps(value), self._lasts)
        except LedgerUnavailable as error:
            _log.warning(
                "what was learned of a provider could not be shared",
                subject=self._subject,
                fact=fact,
                error=str(error),
            )


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
