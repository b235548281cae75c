"""Work that would block the event loop, in steps of a limited size.

It runs in one thread, so that several requests don't compete with the event loop at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

STEP_BYTES = 256 * 1024
"""Most bytes of contents in one step, plus one entry. A write transaction of one step delays other appends by
some ten milliseconds."""
STEP_ROWS = 32
"""Most rows deleted in one step. A row can be about as large as a whole step."""
_THREAD = ThreadPoolExecutor(1, thread_name_prefix="slow work")


async def off_the_loop(work: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
    """Run one step in the thread and return its result. A cancellation doesn't stop the step."""
    future = _THREAD.submit(work, *arguments, **keywords)
    return await asyncio.wrap_future(future)
