"""The growing end of one conversation's log: numbers given out, open utterances kept, repeats recognised."""

from __future__ import annotations

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
    """The growing end of one conversation's log inside a commit."""

    def __init__(self, transaction: Transaction, conversation: Conversation, now: datetime) -> None:
        self._tx = transaction
        self.conversation = conversation
        # A clock that is set back must not make the log's own times go back.
        self._now = max(now, conversation.update_time)
        self._head, self._title = conversation.last_number, conversation.title
        self._rows: list[dict[str, object]] = []
        self._added: dict[str, tuple[int, bytes]] = {}
        self.sealed: list[str] = []
        self.spoken: dict[str, entry_pb2.OpenUtterance] = {}

    @property
    def head(self) -> int:
        """Number of the last entry, those of this commit included."""
        return self._head

    async def take(self, call: Call, entry: NewEntry, *, late: bool = False) -> int:
        """Numbers an entry, once: handed in again, it keeps its number.

        Raises:
            EntryConflict: its id is taken by an entry with other content.
        """
        known = self._added.get(entry.entry_id)
        known = known or (await self._tx.known(self.conversation.key, [entry.entry_id])).get(entry.entry_id)
        if known is not None:
            number, digest = known
            if digest != entry.digest:
                raise EntryConflict(number)
            return number
        await self._tx.close_utterances(call.key, [entry.entry_id])
        self.spoken.pop(entry.entry_id, None)
        self._title = self._title or title_from(entry.customer_text)
        return self._add(entry, call.key, late=late)

    async def revise(self, call: Call, revision: Revision) -> None:
        """Stores an open utterance in place of its earlier revisions. One that is sealed already, or a later revision, stays."""
        speech = revision.speech
        utterance_id = speech.utterance_id.lower()
        held = {s.utterance_id: s for s in await self._tx.open_utterances(self.conversation.key)}.get(utterance_id)
        if held is not None and held.revision >= speech.revision:
            return
        if utterance_id in self._added or await self._tx.known(self.conversation.key, [utterance_id]):
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
        await self._tx.put_open_utterance(row)
        self.spoken[utterance_id] = open_message(row)

    async def truncate(self, call: Call) -> None:
        """Seals what is still open in a call with the last words that were stored, because its writer is gone."""
        abandoned = [s for s in await self._tx.open_utterances(self.conversation.key) if s.call_key == call.key]
        for speech in abandoned:
            message = open_message(speech)
            if not message.text:
                continue
            utterance = entry_pb2.Utterance(
                speaker=message.speaker, modality=message.modality, text=message.text, sealing=entry_pb2.SEALING_TRUNCATED
            )
            end = max(speech.start_time, speech.revise_time)
            self._add(NewEntry.of(speech.utterance_id, utterance, speech.start_time, end), call.key)
        ids = [speech.utterance_id for speech in abandoned]
        await self._tx.close_utterances(call.key, ids)
        self.sealed += ids

    def note(self, kind: entry_pb2.StateChangeKind.ValueType, call: Call | None = None, *, reason: str = "") -> None:
        """Adds a change of state, of a call as it is from now on or of the conversation."""
        change = entry_pb2.StateChange(kind=kind, epoch=call.epoch if call else 0, reason=reason)
        self._add(NewEntry.of(uuid7(), change, self._now, self._now), call.key if call else None)

    async def flush(self) -> None:
        """Writes what was added."""
        if self._rows:
            await self._tx.add_entries(self._rows)
            values = {"last_number": self._head, "update_time": self._now, "title": self._title}
            await self._tx.change_conversation(self.conversation.key, **values)
            self._rows = []

    def _add(self, entry: NewEntry, call_key: int | None, *, late: bool = False) -> int:
        self._head += 1
        self._added[entry.entry_id] = (self._head, entry.digest)
        self.sealed.append(entry.entry_id)
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
