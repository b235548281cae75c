"""Several streams read at once, a few at a time, their events told as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class _Ended:
    """A stream is over; with the error that ended it, if one did."""

    error: Exception | None = None


async def side_by_side(
    streams: Sequence[AsyncIterator[E]], at_once: int
) -> AsyncGenerator[tuple[int, E], None]:
    """Each event with the number of its stream, in the order they come; of one stream they keep their order.

    Streams begin in the order given, `at_once` of them running at a time. The first error ends them all and is raised, and streams that
    had not begun never do. A stream is read no faster than its events are heard. Whoever closes the generator has heard enough: those
    running are cancelled.
    """
    if len(streams) == 1:  # needs no task of its own
        async for event in streams[0]:
            yield 0, event
        return
    turns = asyncio.Semaphore(at_once)
    heard: asyncio.Queue[tuple[int, E] | _Ended] = asyncio.Queue(maxsize=1)
    tasks = [
        asyncio.create_task(_listen(number, stream, turns, heard)) for number, stream in enumerate(streams)
    ]
    try:
        left = len(tasks)
        while left:
            told = await heard.get()
            if not isinstance(told, _Ended):
                yield told
                continue
            if told.error:
                raise told.error
            left -= 1
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _listen(
    number: int,
    stream: AsyncIterator[E],
    turns: asyncio.Semaphore,
    heard: asyncio.Queue[tuple[int, E] | _Ended],
) -> None:
    async with turns:
        try:
            async for event in stream:
                await heard.put((number, event))
        except Exception as error:  # noqa: BLE001 -- raised where the streams are read
            await heard.put(_Ended(error))
        else:
            await heard.put(_Ended())
