"""The file of a single process's ledger: read as a whole or not at all, and written before anything counts as spent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

_log = structlog.get_logger(__name__)


class LedgerUnavailable(Exception):
    """The ledger can't be reached, read or written: nobody knows what has been spent, or would, so nothing may be."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Counters with what they hold, facts by subject, and until when (aware)."""

    counters: Mapping[str, tuple[int, datetime]] = field(default_factory=dict)
    facts: Mapping[str, tuple[Mapping[str, str], datetime]] = field(default_factory=dict)


class LedgerFile:
    """One file. That there is none is a beginning; one that makes no sense is not, and is left for somebody to look at."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._complained = False

    def read(self) -> Kept:
        """What is written there. Raises `LedgerUnavailable`."""
        try:
            written = json.loads(self._path.read_text(encoding="utf-8"))
            counters = {
                name: (int(held), _moment(until)) for name, (held, until) in written["counters"].items()
            }
            facts = {
                name: (_texts(known), _moment(until))
                for name, (known, until) in written.get("facts", {}).items()
            }
        except FileNotFoundError:
            return Kept()
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._unavailable("can't be read; remove it to begin anew", error) from error
        return Kept(counters, facts)

    def write(self, kept: Kept) -> None:
        """Writes it, as a whole or not at all. Raises `LedgerUnavailable`."""
        written = {
            part: {name: (value, until.isoformat()) for name, (value, until) in held.items()}
            for part, held in _parts(kept)
        }
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".new")
            fresh.write_text(json.dumps(written), encoding="utf-8")
            fresh.replace(self._path)
        except OSError as error:
            raise self._unavailable("can't be written", error) from error
        self._complained = False

    def _unavailable(self, what: str, error: Exception) -> LedgerUnavailable:
        if not self._complained:
            _log.error(
                "nobody knows what was spent, so no provider is paid",
                ledger=str(self._path),
                problem=what,
                error=str(error),
            )
            self._complained = True
        return LedgerUnavailable(f"its file {what} ({type(error).__name__})")


def _parts(kept: Kept) -> tuple[tuple[str, Mapping[str, tuple[Any, datetime]]], ...]:
    return ("counters", kept.counters), ("facts", kept.facts)


def _texts(known: Any) -> dict[str, str]:
    return {str(fact): str(text) for fact, text in known.items()}


def _moment(written: Any) -> datetime:
    """An aware moment. Raises `ValueError`, `TypeError`."""
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone")
    return moment
