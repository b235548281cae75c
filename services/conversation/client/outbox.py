"""What a recorder has yet to see acknowledged, in the writer's order, in bounded memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from readback.conversation.v1 import entry_pb2

CAPACITY = 4096
"""Drafts that may wait: at a word a quarter of a second, far more than an hour's outage, since open utterances are coalesced."""


class OutboxFull(Exception):
    """Nothing was acknowledged for so long that no more can be held."""


class Outbox:
    """Drafts that wait to be sent, and drafts that were sent and wait for their ack.

    A draft gets its client sequence when it is first sent and keeps it. Of an utterance that is still open only the latest
    revision waits; when it is sealed, the revisions that were not sent are dropped.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._waiting: dict[str, entry_pb2.Draft] = {}
        self._sent: deque[entry_pb2.Draft] = deque()
        self._sequence = 0
        self._something = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._sent)

    def put(self, draft: entry_pb2.Draft) -> None:
        """Leaves a draft to be sent.

        Raises:
            OutboxFull: too many wait.
        """
        earlier = self._waiting.get(draft.entry_id)
        if earlier is not None and earlier.HasField("open_utterance"):
            del self._waiting[draft.entry_id]
        elif len(self) >= self._capacity:
            raise OutboxFull(f"{len(self)} drafts wait for an ack")
        self._waiting[draft.entry_id] = draft
        self._empty.clear()
        self._something.set()

    async def filled(self) -> None:
        """Returns when something waits to be sent."""
        while not self._waiting:
            self._something.clear()
            await self._something.wait()

    def take(self, most: int) -> list[entry_pb2.Draft]:
        """The next drafts to send; none when none wait."""
        taken = self._numbered(list(self._waiting)[:most])
        self._sent.extend(taken)
        return taken

    def settle(self, through_client_sequence: int) -> list[entry_pb2.Draft]:
        """Forgets what was sent up to a draft, because it is stored or was refused; gives it in the order in which it was sent."""
        settled = []
        while self._sent and self._sent[0].client_sequence <= through_client_sequence:
            settled.append(self._sent.popleft())
        self._look()
        return settled

    def resend(self) -> None:
        """Puts what was sent and not settled back in front, because the stream broke."""
        latest = {draft.entry_id: draft for draft in self._sent}
        # Of one utterance only the newest counts, and what still waits is newer than what was sent.
        again = [draft for draft in self._sent if draft is latest[draft.entry_id] and draft.entry_id not in self._waiting]
        self._waiting = {**{draft.entry_id: draft for draft in again}, **self._waiting}
        self._sent.clear()
        if self._waiting:
            self._something.set()

    def drain(self) -> list[entry_pb2.Draft]:
        """Everything that is not settled, in order; afterwards the outbox is empty."""
        self.resend()
        left = self._numbered(list(self._waiting))
        self._look()
        return left

    async def emptied(self) -> None:
        """Returns when everything is settled."""
        await self._empty.wait()

    def _numbered(self, entry_ids: Iterable[str]) -> list[entry_pb2.Draft]:
        drafts = [self._waiting.pop(entry_id) for entry_id in entry_ids]
        for draft in drafts:
            if not draft.client_sequence:
                self._sequence += 1
                draft.client_sequence = self._sequence
        return drafts

    def _look(self) -> None:
        if not len(self):
            self._empty.set()
