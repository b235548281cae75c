"""The tail of one conversation's log inside a commit. It numbers new entries and recognises retried ones.

Everything happens in memory. The `LogState` stays unchanged until `adopt` is called, after the changes are
durable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from agent.language import language_for
from mesh.ids import uuid7, uuid_text
from services.conversation.errors import EntryConflict
from services.conversation.log.titles import title_from
from services.conversation.model.chunks import ChunkBuilder
from services.conversation.model.entries import (
    UTTERANCE,
    LogEntry,
    Revision,
    id_bytes,
    open_utterance_message,
)
from services.conversation.model.log_state import Changes, Head, LogState
from services.conversation.model.records import Call, Conversation


class Tail:
    """The tail of one conversation's log inside a commit.

    Args:
        now: the commit time, in microseconds since 1970.
    """

    def __init__(self, log: LogState, now: int) -> None:
        self._log = log
        # Commit times in a log must never decrease, even if the clock is set back.
        self._now = max(now, log.update_time)
        self._head, self._title = log.head, log.title
        self._chunks = ChunkBuilder(log.conversation.key, log.chunk)
        self._known: dict[bytes, tuple[int, int]] = {}
        self._open: dict[bytes, Revision] = log.open_utterances
        self._revised: dict[bytes, Revision] = {}
        self._closed: dict[bytes, None] = {}
        self._added: list[LogEntry] = []
        self.ended = False
        """True if this commit ends the conversation."""
        self.changed = False
        """True if this commit changes the conversation's title, state or running call."""

    @property
    def conversation(self) -> Conversation:
        """The conversation as it was before this commit."""
        return self._log.conversation

    @property
    def head(self) -> int:
        """Number of the last entry, including the entries of this commit."""
        return self._head

    @property
    def added(self) -> Sequence[LogEntry]:
        """The entries that this commit adds, in order."""
        return self._added

    @property
    def closed(self) -> list[str]:
        """Ids of the utterances that this commit closes."""
        return [uuid_text(entry_id) for entry_id in self._closed]

    @property
    def revised(self) -> list[call_record.OpenUtterance]:
        """The open utterances that this commit changes, with their new text."""
        return [open_utterance_message(revision) for revision in self._revised.values()]

    def take(self, call: Call, entry: LogEntry, *, epoch: int, late: bool = False) -> int:
        """Add an entry and return its number. If it is already in the log, return its existing number.

        `epoch` is the writer's.

        Raises:
            EntryConflict: an entry with the same id and other content is in the log.
        """
        known = self._number_of(entry.entry_id)
        if known is not None:
            number, fingerprint = known
            if fingerprint != entry.fingerprint:
                raise EntryConflict(number)
            return number
        self._close(entry.entry_id)
        if not self._title and entry.kind == UTTERANCE and entry.speaker == entry_pb2.SPEAKER_CUSTOMER:
            request = entry_pb2.Utterance.FromString(entry.content).text
            self._title = title_from(request, language_for(self.conversation.locale))
            self.changed = self.changed or bool(self._title)
        return self._add(entry, call, epoch=epoch, late=late)

    def require_no_conflict(self, entries: Sequence[LogEntry]) -> None:
        """Check that `take` would accept all of these entries, in order.

        Raises:
            EntryConflict: an entry with the same id and other content is in the log or among the entries.
        """
        coming: dict[bytes, tuple[int, int]] = {}
        for entry in entries:
            new = (0, entry.fingerprint)
            number, fingerprint = self._number_of(entry.entry_id) or coming.get(entry.entry_id) or new
            if fingerprint != entry.fingerprint:
                raise EntryConflict(number)
            if not number:
                coming[entry.entry_id] = (self._head + len(coming) + 1, fingerprint)

    def revise(self, call: Call, revision: Revision) -> None:
        """Store a revision of an open utterance.

        Does nothing if the same or a later revision is stored, or if the utterance is sealed.
        """
        entry_id = revision.entry_id
        stored = self._open.get(entry_id)
        if self._number_of(entry_id) is not None or (stored and stored.revision >= revision.revision):
            return
        revision.conversation_key, revision.call_key = self.conversation.key, call.key
        revision.revise_micros = self._now
        self._own_open()[entry_id] = self._revised[entry_id] = revision

    def seal_truncated(self, call: Call) -> None:
        """Seal the open utterances of a call with their last stored text, because their writer is gone."""
        here = [revision for revision in self._open.values() if revision.call_key == call.key]
        # Sorted by start and id, so that every replica seals them in the same order.
        for revision in sorted(here, key=lambda revision: (revision.start_micros, revision.entry_id)):
            self._close(revision.entry_id)
            message = open_utterance_message(revision)
            if message.text:
                utterance = entry_pb2.Utterance(
                    speaker=message.speaker,
                    modality=message.modality,
                    text=message.text,
                    sealing=entry_pb2.SEALING_TRUNCATED,
                )
                start = revision.start_micros
                end = max(start, revision.revise_micros)
                self._add(LogEntry.of(revision.entry_id, utterance, start, end), call)

    def add_state_change(
        self,
        kind: entry_pb2.StateChangeKind.ValueType,
        call: Call | None = None,
        **reason: Any,
    ) -> None:
        """Add a state change of `call`, or of the conversation if `call` is None.

        `reason` is at most one field of the message's `reason`, with its value.
        """
        self.ended = self.ended or kind == entry_pb2.STATE_CHANGE_KIND_CONVERSATION_ENDED
        self.changed = True
        change = entry_pb2.StateChange(kind=kind, epoch=call.epoch if call else None, **reason)
        self._add(LogEntry.of(id_bytes(uuid7()), change, self._now, self._now), call)

    def write_into(self, changes: Changes) -> None:
        """Add this log's part of the commit to `changes`, which holds the changes of one customer."""
        key = self.conversation.key
        changes.closed += [(key, entry_id) for entry_id in self._closed]
        changes.revisions += self._revised.values()
        if self._added:
            changes.heads.append(Head(key, self._head, self._now, self._title))
            changes.chunks += self._chunks.changed()

    def adopt(self) -> None:
        """Update the log's state. Call it after the changes are durable."""
        log = self._log
        log.open_utterances = self._open
        if self._added:
            log.head, log.update_time, log.title = self._head, self._now, self._title
            log.chunk = self._chunks.open_chunk
            log.known.update(self._known)
            log.trim()

    def _number_of(self, entry_id: bytes) -> tuple[int, int] | None:
        return self._known.get(entry_id) or self._log.known.get(entry_id)

    def _own_open(self) -> dict[bytes, Revision]:
        """Return a copy of the open utterances that may be changed."""
        if self._open is self._log.open_utterances:
            self._open = dict(self._open)
        return self._open

    def _close(self, entry_id: bytes) -> None:
        if entry_id in self._open:
            del self._own_open()[entry_id]
            self._revised.pop(entry_id, None)
            self._closed[entry_id] = None

    def _add(self, entry: LogEntry, call: Call | None, *, epoch: int = 0, late: bool = False) -> int:
        self._head += 1
        entry.number, entry.commit_micros, entry.late = self._head, self._now, late
        if call is not None:
            entry.call_id, entry.call_epoch = call.call_id, epoch or call.epoch
        self._known[entry.entry_id] = (self._head, entry.fingerprint)
        self._chunks.add(entry, call.key if call else None)
        self._added.append(entry)
        return self._head
