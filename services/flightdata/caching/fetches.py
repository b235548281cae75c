"""A fetch that many wait for: each hears everything of it from its beginning."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

E = TypeVar("E")


class Fetch(Generic[E]):
    """Events of a fetch, then its end, for any number of listeners who may come late and leave early."""

    def __init__(self) -> None:
        self._events: list[E] = []
        self._news = asyncio.Event()
        self._over = False
        self._error: Exception | None = None

    def tell(self, event: E) -> None:
        """Something happened."""
        self._events.append(event)
        self._wake()

    def end(self, error: Exception | None = None) -> None:
        """It is over; with an error that every listener gets. A second end changes nothing."""
        if not self._over:
            self._over, self._error = True, error
            self._wake()

    async def events(self) -> AsyncIterator[E]:
        """Everything from the beginning to the end. Raises what the fetch ended with."""
        heard = 0
        while True:
            news = self._news
            while heard < len(self._events):
                heard += 1
                yield self._events[heard - 1]
            if self._over and heard == len(self._events):
                break
            if not self._over:
                await news.wait()
        if self._error:
            raise self._error

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
