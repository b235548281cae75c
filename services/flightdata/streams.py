"""Async streams: `merged` reads several streams as one, `SharedStream` has several listeners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class _End:
    """End of a stream, with the error that ended the stream, if any."""

    error: Exception | None = None


async def merged(
    streams: Sequence[AsyncIterator[E]], concurrency: int
) -> AsyncGenerator[tuple[int, E], None]:
    """Yield the events of several streams when they arrive, each with the index of its stream.

    Streams start in the given order, and at most `concurrency` run at a time. Events of one stream stay in
    order. Only one event is buffered, so the streams wait for a slow consumer. The first error cancels all
    streams and is raised. Closing the generator cancels the running streams.
    """
    if len(streams) == 1:  # a single stream needs no task
        async for event in streams[0]:
            yield 0, event
        return
    slots = asyncio.Semaphore(concurrency)
    queue: asyncio.Queue[tuple[int, E] | _End] = asyncio.Queue(maxsize=1)
    tasks = [asyncio.create_task(_read(index, stream, slots, queue)) for index, stream in enumerate(streams)]
    try:
        open_streams = len(tasks)
        while open_streams:
            item = await queue.get()
            if not isinstance(item, _End):
                yield item
                continue
            if item.error:
                raise item.error
            open_streams -= 1
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read(
    index: int, stream: AsyncIterator[E], slots: asyncio.Semaphore, queue: asyncio.Queue[tuple[int, E] | _End]
) -> None:
    async with slots:
        try:
            async for event in stream:
                await queue.put((index, event))
        except Exception as error:  # noqa: BLE001 -- raised again by `merged`
            await queue.put(_End(error))
        else:
            await queue.put(_End())


class SharedStream(Generic[E]):
    """A stream of events for any number of listeners. A listener that joins late gets all events."""

    def __init__(self) -> None:
        self._events: list[E] = []
        self._changed = asyncio.Event()
        self._ended = False
        self._error: Exception | None = None

    def send(self, event: E) -> None:
        """Append an event."""
        self._events.append(event)
        self._wake()

    def end(self, error: Exception | None = None) -> None:
        """End the stream. If `error` is set, raise it to every listener. A second call has no effect."""
        if not self._ended:
            self._ended, self._error = True, error
            self._wake()

    async def events(self) -> AsyncIterator[E]:
        """Yield all events from the beginning, then raise the error that ended the stream, if any."""
        sent = 0
        while True:
            changed = self._changed
            while sent < len(self._events):
                sent += 1
                yield self._events[sent - 1]
            if self._ended and sent == len(self._events):
                break
            if not self._ended:
                await changed.wait()
        if self._error:
            raise self._error

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
