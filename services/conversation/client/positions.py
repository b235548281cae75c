"""Where entries came to stand in the log, for those who need to know: a booking names its evidence by number."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from services.conversation.client.errors import CallOver, DraftRefused

REMEMBERED = 4096
"""Entries whose number can still be asked for; of a call that lasts longer, the latest."""


class Positions:
    """Numbers of one writer's entries, as they become known."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, int | DraftRefused] = OrderedDict()
        self._awaited: dict[str, asyncio.Future[int]] = {}
        self._over: CallOver | None = None

    def stored(self, entry_id: str, number: int) -> None:
        """An entry is in the log."""
        self._remember(entry_id, number)
        future = self._awaited.pop(entry_id, None)
        if future is not None and not future.done():
            future.set_result(number)

    def refused(self, entry_id: str, why: str) -> None:
        """An entry will never be."""
        error = DraftRefused(why)
        self._remember(entry_id, error)
        future = self._awaited.pop(entry_id, None)
        if future is not None and not future.done():
            future.set_exception(error)

    def over(self, over: CallOver) -> None:
        """No more acks will come."""
        self._over = over
        for future in self._awaited.values():
            if not future.done():
                future.set_exception(over)
        self._awaited.clear()

    async def of(self, entry_id: str) -> int:
        """The number of an entry, as soon as it is stored.

        Raises:
            DraftRefused: the service did not take it.
            CallOver: it was not acknowledged before the call was over.
        """
        known = self._known.get(entry_id)
        if isinstance(known, int):
            return known
        over = known or self._over
        if over is not None:
            raise over
        future = self._awaited.get(entry_id)
        if future is None:
            future = self._awaited[entry_id] = asyncio.get_running_loop().create_future()
            future.add_done_callback(_looked_at)  # whoever asked may have gone
        return await asyncio.shield(future)

    def _remember(self, entry_id: str, known: int | DraftRefused) -> None:
        self._known[entry_id] = known
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _looked_at(future: asyncio.Future[int]) -> None:
    if not future.cancelled():
        future.exception()
