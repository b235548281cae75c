"""Slow work, in steps: everything whose cost grows with the length of a log.

Searches, exports, deletions, lists of entries and long replays of one customer take turns, step by step. A
step reads or changes a limited number of bytes. What would block the event loop runs in one thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from mesh.serving.caller_turns import CallerTurns

P = ParamSpec("P")
T = TypeVar("T")

STEP_BYTES = 128 * 1024
"""Most bytes of contents in one step, plus one entry. Another write may wait ten milliseconds for it."""
STEP_ROWS = 32
"""Most rows deleted in one step. A row can be about as large as a whole step."""
AT_ONCE = 2
"""Steps of all customers together that run at the same time. With one, a short search would wait for another
customer's long step; with more, all would compete with the event loop."""
SHARE = 0.25
"""Part of the time that one customer's steps take in the long run."""
ALLOWANCE_SECONDS = 2.0
"""Work of a customer before the share applies: a transcript of ten megabytes."""
_THREAD = ThreadPoolExecutor(1, thread_name_prefix="slow work")


def customer_turns(waiting: int) -> CallerTurns:
    """Return the turns of all customers. Of each, at most `waiting` requests run or wait."""
    return CallerTurns(AT_ONCE, waiting=waiting, share=SHARE, allowance=ALLOWANCE_SECONDS)


async def off_the_loop(work: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
    """Run work in the thread and return its result. A cancellation doesn't stop it."""
    future = _THREAD.submit(work, *arguments, **keywords)
    return await asyncio.wrap_future(future)
