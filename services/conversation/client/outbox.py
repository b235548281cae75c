"""What a recorder has yet to see acknowledged, in the writer's order, bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

from readback.conversation.v1 import entry_pb2

from services.conversation.client.errors import OutboxFull

CAPACITY = 4096
"""Drafts that may wait: far more than an hour's outage of the service, since of an open utterance only the latest words wait."""
MOST_BYTES = 16 << 20
"""Bytes that they may take: results of tools can be long."""
MOST_SENT_BYTES = 1 << 20
"""Bytes that are taken to be sent at a time: gRPC refuses a message of more than 4 MiB, and would refuse the same one again."""


class Journal(Protocol):
    """Where an outbox survives its process, see `outbox_file`."""

    def add(self, draft: entry_pb2.Draft) -> None:
        """Keeps a draft; of one entry the last counts."""

    def settle(self, through_client_sequence: int) -> None:
        """Forgets everything up to a draft, but not what was set aside."""

    def set_aside(self, draft: entry_pb2.Draft) -> None:
        """Keeps a draft whatever is settled, until another of the same entry comes."""

    def tidy(
        self, held: Sequence[entry_pb2.Draft], aside: Sequence[entry_pb2.Draft], held_bytes: int
    ) -> None:
        """Says what is held by now, in order, and what was set aside, so that no more room is taken than both need."""


class Outbox:
    """Drafts that wait to be sent, and drafts that were sent and wait for their ack.

    A draft gets its client sequence when it is put in and keeps it; they are sent in that order. Of an utterance that is still open only
    the latest revision waits; when it is sealed, the revisions that were not sent are dropped.

    What the service fails at each time can be passed over, so that what stands behind it is tried. If some of that is stored, what was
    passed over is set aside: held, but not sent any more. Else everything is sent again in order.
    """

    def __init__(
        self, journal: Journal | None = None, *, capacity: int = CAPACITY, most_bytes: int = MOST_BYTES
    ) -> None:
        self._journal = journal
        self._capacity, self._most_bytes = capacity, most_bytes
        self._waiting: dict[str, entry_pb2.Draft] = {}
        self._sent: deque[entry_pb2.Draft] = deque()
        self._passed: dict[str, entry_pb2.Draft] = {}
        self._aside: dict[str, entry_pb2.Draft] = {}
        self._stored_words: dict[str, str] = {}
        self._sequence = self._bytes = 0
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._sent) + len(self._passed)

    @property
    def holds_any(self) -> bool:
        """Whether something is not settled, what was set aside included."""
        return bool(len(self) or self._aside)

    def put(self, draft: entry_pb2.Draft) -> None:
        """Leaves a draft to be sent, and numbers it.

        Raises:
            OutboxFull: too many wait.
        """
        earlier = self._waiting.get(draft.entry_id)
        replaces = earlier is not None and earlier.HasField("open_utterance")
        draft.client_sequence = self._sequence + 1
        size = draft.ByteSize()
        if (len(self) >= self._capacity and not replaces) or self._bytes + size > self._most_bytes:
            raise OutboxFull(f"{len(self)} drafts of {self._bytes} bytes wait for an ack")
        self._sequence += 1
        self._bytes += size - self._dropped_bytes(draft)
        if draft.entry_id in self._aside and draft.HasField("open_utterance"):
            self._put_aside(draft)  # as its words before
            return
        self._aside.pop(draft.entry_id, None)
        self._waiting[draft.entry_id] = draft
        self._empty.clear()
        if self._journal is not None:
            self._journal.add(draft)
            self._tidy()

    @property
    def waits(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._waiting)

    def take(self, most: int) -> list[entry_pb2.Draft]:
        """The next drafts to send, no more bytes than a message may have; none when none wait."""
        taken: list[entry_pb2.Draft] = []
        size = 0
        for draft in list(self._waiting.values())[:most]:
            size += draft.ByteSize()
            if taken and size > MOST_SENT_BYTES:
                break
            taken.append(self._waiting.pop(draft.entry_id))
        self._sent.extend(taken)
        return taken

    def pass_over(self) -> bool:
        """Leaves the only draft that was sent and not settled behind those that wait; says whether there is such a one.

        When none wait, all that were passed over do again.
        """
        if len(self._sent) != 1:
            return False
        draft = self._sent.pop()
        if draft.entry_id not in self._waiting:  # else what waits is newer, and counts
            self._passed[draft.entry_id] = draft
        if not self._waiting:
            self._waiting, self._passed = self._passed, {}
        return True

    def set_aside(self) -> list[entry_pb2.Draft]:
        """Holds what was passed over without sending it any more; gives it."""
        aside, self._passed = list(self._passed.values()), {}
        for draft in aside:
            self._put_aside(draft)
        return aside

    def sent(self, client_sequence: int) -> entry_pb2.Draft | None:
        """A draft that was sent and is not settled."""
        return next((draft for draft in self._sent if draft.client_sequence == client_sequence), None)

    def settle(self, through_client_sequence: int) -> list[entry_pb2.Draft]:
        """Forgets what was sent up to a draft, because it is stored or was refused; gives it in the order in which it was sent."""
        settled = []
        while self._sent and self._sent[0].client_sequence <= through_client_sequence:
            settled.append(self._sent.popleft())
        if settled:
            self._bytes -= sum(draft.ByteSize() for draft in settled)
            self._note(settled)
            self._forget(through_client_sequence)
        return settled

    def resend(self) -> None:
        """Puts what was sent and not settled back in front, because the stream broke."""
        latest = {draft.entry_id: draft for draft in self._sent}
        # Of one utterance only the newest counts, and what still waits is newer than what was sent.
        again = {
            draft.entry_id: draft
            for draft in self._sent
            if draft is latest[draft.entry_id] and draft.entry_id not in self._waiting
        }
        self._waiting = {**again, **self._waiting}
        self._sent.clear()
        self._bytes = sum(draft.ByteSize() for draft in self._held())

    def drain(self) -> list[entry_pb2.Draft]:
        """Everything that is not settled, in order, still held."""
        self.resend()
        return sorted(self._held(), key=lambda draft: draft.client_sequence)

    def stored_words(self, utterance_id: str) -> str | None:
        """The last words of an open utterance that were acknowledged; None when none were, or it is sealed."""
        return self._stored_words.get(utterance_id)

    def clear(self) -> None:
        """Forgets everything: it went another way."""
        self._waiting.clear()
        self._sent.clear()
        self._passed.clear()
        self._aside.clear()
        self._bytes = 0
        self._forget(self._sequence)

    async def emptied(self) -> None:
        """Returns when everything is settled."""
        await self._empty.wait()

    def _note(self, settled: Iterable[entry_pb2.Draft]) -> None:
        for draft in settled:
            if draft.HasField("open_utterance"):
                self._stored_words[draft.entry_id] = draft.open_utterance.text
            else:
                self._stored_words.pop(draft.entry_id, None)

    def _forget(self, through_client_sequence: int) -> None:
        if self._journal is not None:
            self._journal.settle(through_client_sequence)
            self._tidy()
        if not len(self):
            self._empty.set()

    def _dropped_bytes(self, draft: entry_pb2.Draft) -> int:
        """Forgets what a new draft takes the place of, except in what was set aside; its bytes."""
        earlier = self._waiting.get(draft.entry_id)
        if earlier is not None and earlier.HasField("open_utterance"):
            del self._waiting[draft.entry_id]
            return earlier.ByteSize()
        earlier = self._passed.pop(draft.entry_id, None) or self._aside.get(draft.entry_id)
        return earlier.ByteSize() if earlier is not None else 0

    def _put_aside(self, draft: entry_pb2.Draft) -> None:
        self._aside[draft.entry_id] = draft
        if self._journal is not None:
            self._journal.set_aside(draft)

    def _held(self) -> list[entry_pb2.Draft]:
        return [*self._aside.values(), *self._passed.values(), *self._sent, *self._waiting.values()]

    def _tidy(self) -> None:
        if self._journal is not None:
            self._journal.tidy(
                [*self._passed.values(), *self._sent, *self._waiting.values()],
                list(self._aside.values()),
                self._bytes,
            )
