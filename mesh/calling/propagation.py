"""Propagation from the incoming RPC to the outgoing ones: its request id, and a deadline that shrinks at each hop."""

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
    """Return the timeout for an outgoing RPC: the given one, or the incoming RPC's remaining time if that is less."""
    deadline = _deadline.get()
    if deadline is None:
        return timeout
    remaining = max(0.0, deadline - asyncio.get_running_loop().time() - MARGIN_SECONDS)
    return remaining if timeout is None else min(timeout, remaining)
