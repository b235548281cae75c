"""Log of refused requests and of other events that matter to security, which no flood can wash out.

A flood of one kind or from one source must not hide the rest. So events are counted by kind and source, and
for each interval the log has:

    security event    the first event of a source, for the first `FIRST_EVENTS` sources of a kind
    security events   one line per kind at the end: the number of events, and the most frequent sources

The counter `readback_security_events_total` has every event by kind. Memory and lines are bounded.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from contextvars import Context
from typing import Any

import grpc
import structlog
from prometheus_client import Counter as Metric

from mesh.errors import DomainError
from mesh.security.authentication import principal_or_none
from mesh.security.source_address import source_address

INTERVAL_SECONDS = 60.0
FIRST_EVENTS = 20
"""Most lines about single events, per kind and interval."""
MAX_SOURCES = 1000
"""Most sources that are counted one by one, per kind and interval; further ones are counted together."""
MOST_FREQUENT = 10
"""Sources that the line at the end of an interval names."""
OTHER_SOURCES = "other"

EVENTS = Metric("readback_security_events_total", "Refused and other security events, by kind", ["kind"])
_log = structlog.get_logger()


class SecurityLog:
    """Counts events, and writes a line for each kind when an interval ends. Kinds are fixed phrases."""

    def __init__(self) -> None:
        self._sources: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._timer: asyncio.TimerHandle | None = None

    def record(self, kind: str, source: str, **facts: object) -> None:
        """Record an event. `source` is a network address; `facts` are logged if it is the source's first."""
        EVENTS.labels(kind).inc()
        sources = self._sources[kind]
        is_first = source not in sources
        if is_first and len(sources) >= MAX_SOURCES:
            source, is_first = OTHER_SOURCES, False
        sources[source] += 1
        if is_first and len(sources) <= FIRST_EVENTS:
            _log.warning("security event", kind=kind, source=source, **facts)
        if self._timer is None:
            # In an empty context, because the lines don't belong to this event's request.
            self._timer = asyncio.get_running_loop().call_later(
                INTERVAL_SECONDS, self.flush, context=Context()
            )

    def flush(self) -> None:
        """End the interval: write its lines. A kind whose events all have a line of their own needs none."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        counts, self._sources = self._sources, defaultdict(Counter)
        for kind, sources in counts.items():
            if sources.total() > min(len(sources), FIRST_EVENTS):
                _log.warning(
                    "security events",
                    kind=kind,
                    count=sources.total(),
                    sources=len(sources),
                    most_frequent=dict(sources.most_common(MOST_FREQUENT)),
                    seconds=INTERVAL_SECONDS,
                )


security_log = SecurityLog()
"""The process's log."""


def record_refusal(error: BaseException, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    """Record the error with which an RPC is refused, if it matters to security."""
    if isinstance(error, DomainError) and error.security_event:
        security_log.record(error.security_event, source_address(context), **_subject(), **error.logged)


def _subject() -> dict[str, str]:
    principal = principal_or_none()
    return {} if principal is None else {"subject": principal.subject}
