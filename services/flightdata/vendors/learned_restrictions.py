"""What a key may not ask, learned from refusals, shared by replicas and remembered over restarts.

Nobody outside knows what an AviationStack plan allows: reports differ, and notices change it. So a feature counts as allowed until
it is refused, and again some days later, since plans are upgraded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from mesh.clock import Clock
from services.flightdata.quota.shared_state import SharedNote
from services.flightdata.quota.store import Ledger

REMEMBERED = timedelta(days=7)
_log = structlog.get_logger(__name__)


def fingerprint(provider: str, key: str) -> str:
    """What stands for a key where its budget and refusals are kept, so that another key begins with a clean sheet."""
    return hashlib.sha256(f"readback:{provider}:{key}".encode()).hexdigest()[:16]


class LearnedRestrictions:
    """Features that one key of one provider is refused. `ledger` None keeps them in this process only."""

    def __init__(self, provider: str, key: str, clock: Clock, ledger: Ledger | None = None) -> None:
        self._provider = provider
        self._clock = clock
        self._until: dict[str, datetime] = {}
        name = f"restrictions:{provider}:{fingerprint(provider, key)}"
        self._note = SharedNote(ledger, name, clock, REMEMBERED) if ledger else None

    def __contains__(self, feature: str) -> bool:
        """Whether asking for a feature would be refused, as far as this process has heard."""
        until = self._until.get(feature)
        return until is not None and self._clock.now() < until

    async def hear(self) -> None:
        """Learns what other replicas, or the process before this one, were refused."""
        written = await self._note.read() if self._note else {}
        for feature, until in _moments(written).items():
            self._until[feature] = max(until, self._until.get(feature, until))

    async def refused(self, feature: str) -> None:
        """The vendor refused a feature to this key."""
        self._until[feature] = self._clock.now() + REMEMBERED
        _log.info("a provider refuses a feature to this key", provider=self._provider, feature=feature)
        if self._note:
            await self._note.write(feature, self._until[feature].isoformat())


def _moments(written: Mapping[str, object]) -> dict[str, datetime]:
    """What can be read of a note: the rest is learned again."""
    found: dict[str, datetime] = {}
    for feature, until in written.items():
        try:
            moment = datetime.fromisoformat(until) if isinstance(until, str) else None
        except ValueError:
            continue
        if moment is not None and moment.tzinfo is not None:
            found[feature] = moment
    return found
