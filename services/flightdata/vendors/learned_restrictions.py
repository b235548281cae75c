"""Features that a vendor refused to a key. Replicas share them, and they outlive restarts.

The documentation of AviationStack's plans isn't reliable, and the plans change. So a feature counts as
allowed until the vendor refuses it. After `REMEMBERED` it counts as allowed again, because the plan may have
changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from mesh.clock import Clock
from services.flightdata.quota.store import QuotaStore, SharedState

REMEMBERED = timedelta(days=7)
_log = structlog.get_logger(__name__)


def fingerprint(provider: str, key: str) -> str:
    """Return a name for a key that doesn't reveal it. Budget and restrictions are stored under this name."""
    return hashlib.sha256(f"readback:{provider}:{key}".encode()).hexdigest()[:16]


class LearnedRestrictions:
    """The refused features of one key. Without `quota`, they are kept only in this process."""

    def __init__(self, provider: str, key: str, clock: Clock, quota: QuotaStore | None = None) -> None:
        self._provider = provider
        self._clock = clock
        self._until: dict[str, datetime] = {}
        name = f"restrictions:{provider}:{fingerprint(provider, key)}"
        self._shared = SharedState(quota, name, clock, REMEMBERED) if quota else None

    def __contains__(self, feature: str) -> bool:
        """Return whether a feature is known to be refused."""
        until = self._until.get(feature)
        return until is not None and self._clock.now() < until

    async def refresh(self) -> None:
        """Read the restrictions found by other replicas or before a restart."""
        shared = await self._shared.read() if self._shared else {}
        for feature, until in _moments(shared).items():
            self._until[feature] = max(until, self._until.get(feature, until))

    async def add(self, feature: str) -> None:
        """Record that the vendor refused a feature."""
        self._until[feature] = self._clock.now() + REMEMBERED
        _log.info("feature not in plan", provider=self._provider, feature=feature)
        if self._shared:
            await self._shared.write(feature, self._until[feature].isoformat())


def _moments(shared: Mapping[str, object]) -> dict[str, datetime]:
    """Return the end times by feature. Skip malformed times."""
    found: dict[str, datetime] = {}
    for feature, until in shared.items():
        try:
            moment = datetime.fromisoformat(until) if isinstance(until, str) else None
        except ValueError:
            continue
        if moment is not None and moment.tzinfo is not None:
            found[feature] = moment
    return found
