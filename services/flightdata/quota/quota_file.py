"""The file of a single process's quota store. It is written atomically, before a charge takes effect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

_log = structlog.get_logger(__name__)


class QuotaStoreUnavailable(Exception):
    """The quota store can't be reached, read or written, so nothing may be spent."""


@dataclass(frozen=True, slots=True)
class QuotaState:
    """Counters with the amount spent, and facts by subject. Each has the aware time at which it expires."""

    counters: Mapping[str, tuple[int, datetime]] = field(default_factory=dict)
    facts: Mapping[str, tuple[Mapping[str, str], datetime]] = field(default_factory=dict)


class QuotaFile:
    """A JSON file. A missing file means an empty state. An unreadable file is an error and isn't replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._logged = False

    def read(self) -> QuotaState:
        """Return the state in the file. Raises `QuotaStoreUnavailable`."""
        try:
            written = json.loads(self._path.read_text(encoding="utf-8"))
            counters = {
                name: (int(spent), _aware(until)) for name, (spent, until) in written["counters"].items()
            }
            facts = {
                subject: ({str(fact): str(text) for fact, text in known.items()}, _aware(until))
                for subject, (known, until) in written.get("facts", {}).items()
            }
        except FileNotFoundError:
            return QuotaState()
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._unavailable("can't be read; remove it to start with empty counters", error) from error
        return QuotaState(counters, facts)

    def write(self, state: QuotaState) -> None:
        """Replace the file atomically. Raises `QuotaStoreUnavailable`."""
        written = {
            "counters": {name: (spent, until.isoformat()) for name, (spent, until) in state.counters.items()},
            "facts": {name: (known, until.isoformat()) for name, (known, until) in state.facts.items()},
        }
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            new = self._path.with_suffix(".new")
            new.write_text(json.dumps(written), encoding="utf-8")
            new.replace(self._path)
        except OSError as error:
            raise self._unavailable("can't be written", error) from error
        self._logged = False

    def _unavailable(self, problem: str, error: Exception) -> QuotaStoreUnavailable:
        if not self._logged:
            path = str(self._path)
            _log.error(
                "quota store unavailable; vendor calls disabled", path=path, problem=problem, error=str(error)
            )
            self._logged = True
        return QuotaStoreUnavailable(f"its file {problem} ({type(error).__name__})")


def _aware(written: Any) -> datetime:
    """Parse an aware datetime. Raises ValueError, TypeError."""
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment
