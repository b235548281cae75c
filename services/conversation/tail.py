"""The growing end of one conversation's log: numbers given out, open utterances kept, repeats recognised.

All of it happens in memory between two points of one write transaction: what is looked up, and `flush`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from readback.conversation.v1 import entry_pb2

from mesh.ids import uuid7
from services.conversation.drafts import NewEntry, Revision
from services.conversation.entries import open_message, packed
from services.conversation.errors import EntryConflict
from services.conversation.records import Call, Conversation, OpenSpeech
from services.conversation.store import Transaction
from services.conversation.titles import title_from


class Tail:
    """The end of one conversation's log inside a commit."""

    def __init__(self, transaction: Transaction, conversation: Conversation, now: datetime) -> None:
        self._tx = transaction
        self.conversation = conversation
        # A clock that is set back must not make the log's own times go back.
        self._now = max(now, conversation.update_time)
        self._head, self._title = conversation.last_number, conversation.title
        self._rows: list[dict[str, object]] = []
        self._known: dict[str, tuple[int, bytes] | None] = {}
        self._open: dict[str, OpenSpeech] | None = None
        self._revised: dict[str, OpenSpeech] = {}
        self.closed: list[str] = []
        """Utterances that are no longer open."""

    @property
    def head(self) -> int:
        """Number of the last entry, those of this commit included."""
        return self._head

    @property
    def spoken(self) -> list[entry_pb2.OpenUtterance]:
        """Open utterances as this commit leaves them."""
        return [open_message(speech) for speech in self._revised.values()]

    async def expect(self, entry_ids: Iterable[str]) -> None:
        """Looks up which of these entries are in the log, in one question for many."""
        unknown = [entry_id for entry_id in entry_ids if entry_id not in self._known]
        if unknown:
            found = await self._tx.known(self.conversation.key, unknown)
            self._known.update({entry_id: found.get(entry_id) for entry_id in unknown})

    async def take(self, call: Call, entry: NewEntry, *, late: bool = False) -> int:
        """Numbers an entry, once: handed in again, it keeps its number.

        Raises:
            EntryConflict: its id is taken by an entry with other content.
        """
        await self.expect([entry.entry_id])
        known = self._known[entry.entry_id]
        if known is not None:
            number, digest = known
            if digest != entry.digest:
                raise EntryConflict(number)
            return number
        self._close(entry.entry_id)
        self._title = self._title or title_from(entry.customer_text)
        return self._add(entry, call.key, late=late)

    async def revise(self, call: Call, revision: Revision) -> None:
        """Keeps an open utterance in place of its earlier revisions. One that is sealed already, or a later revision, stays."""
        speech = revision.speech
        utterance_id = speech.utterance_id.lower()
        await self.expect([utterance_id])
        held = (await self._opened()).get(utterance_id)
        if self._known[utterance_id] is not None or (held is not None and held.revision >= speech.revision):
            return
        row = OpenSpeech(
            call_key=call.key,
            conversation_key=self.conversation.key,
            utterance_id=utterance_id,
            speaker=speech.speaker,
            revision=speech.revision,
            start_time=revision.start_time,
            revise_time=self._now,
            content=packed(speech),
        )
        (await self._opened())[utterance_id] = self._revised[utterance_id] = row

    async def truncate(self, call: Call) -> None:
        """Seals what is still open in a call with the last words that were stored, because its writer is gone."""
        abandoned = [speech for speech in (await self._opened()).values() if speech.call_key == call.key]
        for speech in abandoned:
            self._close(speech.utterance_id)
            message = open_message(speech)
            if message.text:
                utterance = entry_pb2.Utterance(
                    speaker=message.speaker, modality=message.modality, text=message.text, sealing=entry_pb2.SEALING_TRUNCATED
                )
                end = max(speech.start_time, speech.revise_time)
                self._add(NewEntry.of(speech.utterance_id, utterance, speech.start_time, end), call.key)

    def note(self, kind: entry_pb2.StateChangeKind.ValueType, call: Call | None = None, *, reason: str = "") -> None:
        """Adds a change of state, of a call as it is from now on or of the conversation."""
        change = entry_pb2.StateChange(kind=kind, epoch=call.epoch if call else 0, reason=reason)
        self._add(NewEntry.of(uuid7(), change, self._now, self._now), call.key if call else None)

    async def flush(self) -> None:
        """Writes what was gathered."""
        await self._tx.close_utterances(self.conversation.key, [*self.closed, *self._revised])
        await self._tx.add_open_utterances(list(self._revised.values()))
        if self._rows:
            await self._tx.add_entries(self._rows)
            values = {"last_number": self._head, "update_time": self._now, "title": self._title}
            await self._tx.change_conversation(self.conversation.key, **values)
            self._rows = []

    async def _opened(self) -> dict[str, OpenSpeech]:
        if self._open is None:
            stored = await self._tx.open_utterances(self.conversation.key)
            self._open = {speech.utterance_id: speech for speech in stored if speech.utterance_id not in self.closed}
        return self._open

    def _close(self, utterance_id: str) -> None:
        self.closed.append(utterance_id)
        self._revised.pop(utterance_id, None)
        if self._open is not None:
            self._open.pop(utterance_id, None)

    def _add(self, entry: NewEntry, call_key: int | None, *, late: bool = False) -> int:
        self._head += 1
        self._known[entry.entry_id] = (self._head, entry.digest)
        self._rows.append(
            {
                "conversation_key": self.conversation.key,
                "number": self._head,
                "entry_id": entry.entry_id,
                "call_key": call_key,
                "kind": entry.kind,
                "speaker": entry.speaker,
                "start_time": entry.start_time,
                "end_time": entry.end_time,
                "commit_time": self._now,
                "late": late,
                "digest": entry.digest,
                "content": entry.content,
            }
        )
        return self._head
