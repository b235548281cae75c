"""Threads for lookups of places, which a long text occupies for half a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TypeVar

from mesh.serving.caller_turns import CallerTurns

T = TypeVar("T")
THREADS = 2


class LookupThreads(AbstractContextManager["LookupThreads"]):
    """Runs lookups for callers in turns. Leaving the context drops the waiting lookups."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="places")
        self._turns = CallerTurns(THREADS)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def run(self, caller: str, lookup: Callable[[], T]) -> T:
        """Return the result of `lookup`, run in a thread after the caller's earlier lookups.

        Raises:
            Overloaded: the caller has too many lookups at once.
        """
        async with self._turns.turn(caller):
            future = asyncio.get_running_loop().run_in_executor(self._pool, lookup)
            try:
                return await asyncio.shield(future)
            finally:
                # If the caller has cancelled, the lookup still occupies a thread.
                await asyncio.wait([future])
