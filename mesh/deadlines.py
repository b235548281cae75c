"""Deadlines that shrink as they travel: what a handler calls must answer before the handler's own caller gives up."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

MARGIN_SECONDS = 0.05
"""Kept back from each hop, to send one's own answer in time."""

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def remember(seconds_left: float | None) -> None:
    """Says how long the call being handled may still take; None when its caller set no deadline."""
    _deadline.set(None if seconds_left is None else asyncio.get_running_loop().time() + seconds_left)


def shrunk(timeout: float | None) -> float | None:
    """A timeout for an outgoing call: the wanted one, or what is left of the incoming call's if that is less."""
    deadline = _deadline.get()
    if deadline is None:
        return timeout
    left = max(0.0, deadline - asyncio.get_running_loop().time() - MARGIN_SECONDS)
    return left if timeout is None else min(timeout, left)
