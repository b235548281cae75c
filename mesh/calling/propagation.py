"""Propagation from an incoming RPC to the outgoing ones: the request id, and a shrinking deadline."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import structlog

from mesh.ids import uuid7

REQUEST_ID = "x-request-id"
"""Metadata key of the id that one request carries through all services and their logs."""
MARGIN_SECONDS = 0.05
"""Kept back at each hop, so that the handler can still answer in time."""

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def current_request_id() -> str:
    """Return the id of the request being handled, or a new one."""
    return structlog.contextvars.get_contextvars().get("request_id") or uuid7()


def set_deadline(seconds_left: float | None) -> None:
    """Set the remaining time of the RPC being handled; None if its caller set no deadline."""
    _deadline.set(None if seconds_left is None else asyncio.get_running_loop().time() + seconds_left)


def shrink(timeout: float | None) -> float | None:
    """Return the lesser of an outgoing RPC's timeout and the incoming RPC's remaining time."""
    deadline = _deadline.get()
    if deadline is None:
        return timeout
    remaining = max(0.0, deadline - asyncio.get_running_loop().time() - MARGIN_SECONDS)
    return remaining if timeout is None else min(timeout, remaining)
