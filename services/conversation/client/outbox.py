"""The recorder's outbox: a bounded queue of the drafts that the service has not acknowledged."""

from __future__ import annotations

import asyncio
from collections import deque

from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from services.conversation.client.outbox_file import OutboxFile

CAPACITY = 4096
"""Most drafts held. An outage of an hour needs far fewer, because the outbox holds only the latest unsent
revision of an open utterance."""
MOST_BYTES = 16 << 20
"""Most bytes held. Needed besides `CAPACITY`, because tool results can be long."""
MOST_SENT_BYTES = 1 << 20
"""Most bytes sent in one message. gRPC refuses more than 4 MiB, and would refuse each retry too."""

Receipt = asyncio.Future[bool]
"""Outcome of a draft: True if the log has it, False if the service refused it or failed to process it."""


class OutboxFull(Exception):
    """The outbox can hold no more drafts, because the service has acknowledged none for too long."""


class Outbox:
    """Drafts that wait to be sent, and drafts that were sent and wait for their acknowledgement.

    `put` numbers the drafts, and they are sent in this order. Only the latest unsent revision of an open
    utterance waits. The sealed utterance replaces its unsent revisions.

    If the service fails each time it processes a draft, the draft can be skipped, so that the drafts after it
    are tried. When the service stores one of these, the skipped draft is set aside: held, but no longer sent.
    If the service stores none of them, all are sent again in order.

    Args:
        file: stores the drafts on disk, so that they survive the process.
    """

    def __init__(
        self, file: OutboxFile | None = None, *, capacity: int = CAPACITY, most_bytes: int = MOST_BYTES
    ) -> None:
        self._file = file
        self._capacity, self._most_bytes = capacity, most_bytes
        self._waiting: dict[str, call_record.Draft] = {}
        self._sent: deque[call_record.Draft] = deque()
        self._skipped: dict[str, call_record.Draft] = {}
        self._set_aside: dict[str, call_record.Draft] = {}
        self._stored_texts: dict[str, str] = {}
        self._receipts: dict[int, Receipt] = {}
        self._sequence = self._bytes = 0
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._sent) + len(self._skipped)

    @property
    def has_unsettled(self) -> bool:
        """True if any draft is not settled. Drafts that were set aside count too."""
        return bool(len(self) or self._set_aside)

    @property
    def has_waiting(self) -> bool:
        """True if any draft waits to be sent."""
        return bool(self._waiting)

    def put(self, draft: call_record.Draft, receipt: Receipt | None = None) -> None:
        """Number a draft and queue it for sending. Resolve the receipt when the draft is settled.

        Raises:
            OutboxFull: no more drafts can be held.
        """
        earlier = self._waiting.get(draft.entry_id)
        replaces = earlier is not None and earlier.HasField("open_utterance")
        draft.client_sequence = self._sequence + 1
        size = draft.ByteSize()
        if (len(self) >= self._capacity and not replaces) or self._bytes + size > self._most_bytes:
            raise OutboxFull(f"{len(self)} drafts of {self._bytes} bytes wait for an ack")
        self._sequence += 1
        self._bytes += size - self._drop_replaced(draft)
        if draft.entry_id in self._set_aside and draft.HasField("open_utterance"):
            self._put_aside(draft)  # because earlier revisions of this utterance were set aside
            return
        self._set_aside.pop(draft.entry_id, None)
        self._waiting[draft.entry_id] = draft
        if receipt is not None:
            self._receipts[draft.client_sequence] = receipt
        self._empty.clear()
        if self._file is not None:
            self._file.add(draft)
            self._compact_file()

    def take(self, most: int) -> list[call_record.Draft]:
        """Return the next drafts to send, and mark them as sent.

        Returns at most `most` drafts, and at most `MOST_SENT_BYTES` unless the first draft alone is larger.
        """
        taken: list[call_record.Draft] = []
        size = 0
        for draft in list(self._waiting.values())[:most]:
            size += draft.ByteSize()
            if taken and size > MOST_SENT_BYTES:
                break
            taken.append(self._waiting.pop(draft.entry_id))
        self._sent.extend(taken)
        return taken

    def skip(self) -> bool:
        """Skip the sent draft if exactly one was sent; return False otherwise.

        If no other draft waits, all skipped drafts wait to be sent again.
        """
        if len(self._sent) != 1:
            return False
        draft = self._sent.pop()
        if draft.entry_id not in self._waiting:  # otherwise the waiting revision is newer
            self._skipped[draft.entry_id] = draft
        if not self._waiting:
            self._waiting, self._skipped = self._skipped, {}
        return True

    def set_skipped_aside(self) -> list[call_record.Draft]:
        """Set the skipped drafts aside, so that they are held but no longer sent; return them."""
        skipped, self._skipped = list(self._skipped.values()), {}
        for draft in skipped:
            self._put_aside(draft)
            self._resolve(draft.client_sequence, stored=False)
        return skipped

    def refuse(self, client_sequence: int) -> call_record.Draft | None:
        """Resolve the receipt of a sent draft that the service refused. Return the draft; None if unknown.

        The draft stays sent until the acknowledgement that covers it.
        """
        self._resolve(client_sequence, stored=False)
        return next((draft for draft in self._sent if draft.client_sequence == client_sequence), None)

    def settle(self, through_client_sequence: int) -> None:
        """Drop sent drafts up to this client sequence, because the service has stored or rejected them."""
        if not self._sent or self._sent[0].client_sequence > through_client_sequence:
            return
        while self._sent and self._sent[0].client_sequence <= through_client_sequence:
            draft = self._sent.popleft()
            self._resolve(draft.client_sequence, stored=True)
            self._bytes -= draft.ByteSize()
            if draft.HasField("open_utterance"):
                self._stored_texts[draft.entry_id] = draft.open_utterance.text
            else:
                self._stored_texts.pop(draft.entry_id, None)
        self._settle_file(through_client_sequence)

    def resend(self) -> None:
        """Queue sent, unsettled drafts again, before all waiting drafts. Call it after the stream broke."""
        latest = {draft.entry_id: draft for draft in self._sent}
        # Only the newest revision of an utterance is needed, and a waiting revision is newer than a sent one.
        again = {
            draft.entry_id: draft
            for draft in self._sent
            if draft is latest[draft.entry_id] and draft.entry_id not in self._waiting
        }
        self._waiting = {**again, **self._waiting}
        self._sent.clear()
        self._bytes = sum(draft.ByteSize() for draft in [*self._set_aside.values(), *self._active()])

    def drain(self) -> list[call_record.Draft]:
        """Return all unsettled drafts in order. The outbox still holds them."""
        self.resend()
        return sorted([*self._set_aside.values(), *self._active()], key=lambda draft: draft.client_sequence)

    def stored_text(self, utterance_id: str) -> str | None:
        """Return the last acknowledged text of an utterance that is still open; None if there is none."""
        return self._stored_texts.get(utterance_id)

    def clear(self) -> None:
        """Drop all drafts. Call it after they were stored in another way."""
        for drafts in (self._waiting, self._sent, self._skipped, self._set_aside):
            drafts.clear()
        self._bytes = 0
        self._settle_file(self._sequence)

    async def wait_empty(self) -> None:
        """Wait until every draft is settled or set aside."""
        await self._empty.wait()

    def _resolve(self, client_sequence: int, *, stored: bool) -> None:
        receipt = self._receipts.pop(client_sequence, None)
        if receipt is not None and not receipt.done():
            receipt.set_result(stored)

    def _active(self) -> list[call_record.Draft]:
        return [*self._skipped.values(), *self._sent, *self._waiting.values()]

    def _drop_replaced(self, draft: call_record.Draft) -> int:
        """Drop the earlier draft that `draft` replaces, and return its size in bytes; 0 if there is none.

        An earlier draft that was set aside is counted, but not dropped.
        """
        earlier = self._waiting.get(draft.entry_id)
        if earlier is not None and earlier.HasField("open_utterance"):
            del self._waiting[draft.entry_id]
            return earlier.ByteSize()
        earlier = self._skipped.pop(draft.entry_id, None) or self._set_aside.get(draft.entry_id)
        return earlier.ByteSize() if earlier is not None else 0

    def _put_aside(self, draft: call_record.Draft) -> None:
        self._set_aside[draft.entry_id] = draft
        if self._file is not None:
            self._file.set_aside(draft)

    def _settle_file(self, through_client_sequence: int) -> None:
        if self._file is not None:
            self._file.settle(through_client_sequence)
            self._compact_file()
        if not len(self):
            self._empty.set()

    def _compact_file(self) -> None:
        if self._file is not None:
            self._file.compact(self._active(), list(self._set_aside.values()), self._bytes)
