"""What a key may not ask, learned from refusals and remembered over restarts.

Nobody outside knows what an AviationStack plan allows: reports differ, and notices change it. So a feature counts as allowed until
it is refused, and again some days later, since plans are upgraded.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from mesh.clock import Clock

REMEMBERED = timedelta(days=7)
_log = structlog.get_logger(__name__)


class LearnedRestrictions:
    """Features that one key of one provider is refused. `path` None keeps them in memory only.

    The file holds a fingerprint of the key, so that another key begins with a clean sheet, and never the key.
    """

    def __init__(self, provider: str, key: str, clock: Clock, path: Path | None = None) -> None:
        self._provider = provider
        self._fingerprint = hashlib.sha256(f"readback:{provider}:{key}".encode()).hexdigest()[:16]
        self._clock = clock
        self._path = path
        self._until = self._read()

    def __contains__(self, feature: str) -> bool:
        """Whether asking for a feature would be refused."""
        until = self._until.get(feature)
        return until is not None and self._clock.now() < until

    def refused(self, feature: str) -> None:
        """The vendor refused a feature to this key."""
        self._until[feature] = self._clock.now() + REMEMBERED
        _log.info("a provider refuses a feature to this key", provider=self._provider, feature=feature)
        self._write()

    def _read(self) -> dict[str, datetime]:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8")) if self._path else {}
            if kept.get("key") != self._fingerprint:
                return {}
            return {str(feature): datetime.fromisoformat(until) for feature, until in kept["refused"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            # A note that can't be read is one to learn again.
            return {}

    def _write(self) -> None:
        if self._path is None:
            return
        refused = {feature: until.isoformat() for feature, until in self._until.items()}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".new")
            fresh.write_text(json.dumps({"key": self._fingerprint, "refused": refused}, indent=2), encoding="utf-8")
            fresh.replace(self._path)
        except OSError:
            _log.warning("what a key is refused could not be written down", provider=self._provider)
