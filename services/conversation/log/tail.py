"""The growing end of one conversation's log: numbers given out, open utterances kept, repeats recognised.

All of it happens in memory, over a `LogState` that stays as it is until the changes are durable and are adopted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import overload

from readback.conversation.v1 import entry_pb2

from agent.language import language_for
from mesh.ids import uuid7, uuid_text
from services.conversation.errors import EntryConflict
from services.conversation.log.states import LogState
from services.conversation.log.titles import title_from
from services.conversation.model.changes import Changes, Head
from services.conversation.model.chunks import GrowingPages
from services.conversation.model.drafts import NewEntry, Revision, id_bytes
from services.conversation.model.entries import open_message, packed
from services.conversation.model.records import Call, Conversation, OpenSpeech, StoredEntry
from services.conversation.model.times import instant_of, micros_of


@dataclass(slots=True)
class _Added:
    number: int
    entry: NewEntry
    call_id: str | None
    late: bool


class _Entries(Sequence[StoredEntry]):
    """Made when somebody looks: most commits have no watcher here."""

    def __init__(self, added: Sequence[_Added], commit_time: int, first_position: int) -> None:
        self._added, self._time, self._position = added, commit_time, first_position
        self._made: list[StoredEntry] | None = None

    def __len__(self) -> int:
        return len(self._added)

    @overload
    def __getitem__(self, index: int) -> StoredEntry: ...
    @overload
    def __getitem__(self, index: slice) -> list[StoredEntry]: ...
    def __getitem__(self, index: int | slice) -> StoredEntry | list[StoredEntry]:
        if self._made is None:
            self._made = [
                self._entry(added, position) for position, added in enumerate(self._added, self._position)
            ]
        return self._made[index]

    def _entry(self, added: _Added, position: int) -> StoredEntry:
        entry = added.entry
        return StoredEntry(
            number=added.number,
            entry_id=uuid_text(entry.entry_id),
            call_id=added.call_id,
            kind=entry.kind,
            speaker=entry.speaker,  # type: ignore[arg-type]  # checked against the contract's enum
            start_micros=entry.start,
            end_micros=entry.end,
            commit_micros=self._time,
            late=added.late,
            content=entry.content,
            feed_position=position,
        )


class Tail:
    """The end of one conversation's log inside a commit."""

    def __init__(self, log: LogState, now: int) -> None:
        self._log = log
        # A clock that is set back must not make the log's own times go back.
        self._now = max(now, log.update_time)
        self._head, self._title = log.head, log.title
        self._pages = GrowingPages(log.conversation.key, log.page)
        self._known: dict[bytes, tuple[int, int]] = {}
        self._opened: dict[bytes, OpenSpeech] = log.opened
        self._revised: dict[bytes, OpenSpeech] = {}
        self._closed: dict[bytes, None] = {}
        self._added: list[_Added] = []
        self.ended = False
        """Whether this commit ends the conversation."""

    @property
    def conversation(self) -> Conversation:
        """The conversation as it was before."""
        return self._log.conversation

    @property
    def head(self) -> int:
        """Number of the last entry, those of this commit included."""
        return self._head

    @property
    def added(self) -> int:
        """How many entries this commit adds."""
        return len(self._added)

    @property
    def closed(self) -> list[str]:
        """Utterances that are no longer open."""
        return [uuid_text(entry_id) for entry_id in self._closed]

    @property
    def spoken(self) -> list[entry_pb2.OpenUtterance]:
        """Open utterances as this commit leaves them."""
        return [open_message(speech) for speech in self._revised.values()]

    def entries(self, first_position: int) -> Sequence[StoredEntry]:
        """The entries that this commit adds, from a position of the customer's feed on."""
        return _Entries(self._added, self._now, first_position)

    def take(self, call: Call, entry: NewEntry, *, late: bool = False) -> int:
        """Numbers an entry, once: handed in again, it keeps its number.

        Raises:
            EntryConflict: its id is taken by an entry with other content.
        """
        known = self._number_of(entry.entry_id)
        if known is not None:
            number, fingerprint = known
            if fingerprint != entry.fingerprint:
                raise EntryConflict(number)
            return number
        self._close(entry.entry_id)
        if entry.customer_text and not self._title:
            self._title = title_from(entry.customer_text, language_for(self.conversation.locale))
        return self._add(entry, call, late=late)

    def require_fitting(self, entries: Sequence[NewEntry]) -> None:
        """Lets entries pass that `take` would take, one after the other.

        Raises:
            EntryConflict: as `take`.
        """
        coming: dict[bytes, tuple[int, int]] = {}
        for entry in entries:
            number, fingerprint = (
                self._number_of(entry.entry_id) or coming.get(entry.entry_id) or (0, entry.fingerprint)
            )
            if fingerprint != entry.fingerprint:
                raise EntryConflict(number)
            if not number:
                coming[entry.entry_id] = (self._head + len(coming) + 1, fingerprint)

    def revise(self, call: Call, revision: Revision) -> None:
        """Keeps an open utterance in place of its earlier revisions. One that is sealed already, or a later revision, stays."""
        speech, entry_id = revision.speech, revision.entry_id
        held = self._opened.get(entry_id)
        if self._number_of(entry_id) is not None or (held is not None and held.revision >= speech.revision):
            return
        row = OpenSpeech(
            call_key=call.key,
            conversation_key=self.conversation.key,
            utterance_id=uuid_text(entry_id),
            speaker=speech.speaker,
            revision=speech.revision,
            start_time=instant_of(revision.start),
            revise_time=instant_of(self._now),
            content=packed(speech),
        )
        self._own_opened()[entry_id] = self._revised[entry_id] = row

    async def truncate(self, call: Call) -> None:
        """Seals what is still open in a call with the last words that were stored, because its writer is gone."""
        open_here = [
            (speech.start_time, entry_id, speech)
            for entry_id, speech in self._opened.items()
            if speech.call_key == call.key
        ]
        # In the order in which they were begun, and not in which this process came to know of them: every replica seals them alike.
        for _, entry_id, speech in sorted(open_here, key=itemgetter(0, 1)):
            self._close(entry_id)
            message = open_message(speech)
            if message.text:
                utterance = entry_pb2.Utterance(
                    speaker=message.speaker,
                    modality=message.modality,
                    text=message.text,
                    sealing=entry_pb2.SEALING_TRUNCATED,
                )
                start = micros_of(speech.start_time)
                self._add(
                    NewEntry.of(entry_id, utterance, start, max(start, micros_of(speech.revise_time))), call
                )

    def note(
        self, kind: entry_pb2.StateChangeKind.ValueType, call: Call | None = None, *, reason: str = ""
    ) -> None:
        """Adds a change of state, of a call as it is from now on or of the conversation."""
        self.ended = self.ended or kind == entry_pb2.STATE_CHANGE_KIND_CONVERSATION_ENDED
        change = entry_pb2.StateChange(kind=kind, epoch=call.epoch if call else 0, reason=reason)
        self._add(NewEntry.of(id_bytes(uuid7()), change, self._now, self._now), call)

    def write_into(self, changes: Changes) -> None:
        """Adds what was gathered to a customer's changes."""
        key = self.conversation.key
        changes.closed += [(key, entry_id) for entry_id in self._closed]
        changes.spoken += self._revised.values()
        if self._added:
            changes.heads.append(Head(key, self._head, self._now, self._title))
            changes.pages += self._pages.written()

    def adopt(self) -> None:
        """Makes what is durable now the log's state."""
        log = self._log
        log.opened = self._opened
        if self._added:
            log.head, log.update_time, log.title, log.page = (
                self._head,
                self._now,
                self._title,
                self._pages.open_page,
            )
            log.known.update(self._known)
            log.trim()

    def _number_of(self, entry_id: bytes) -> tuple[int, int] | None:
        return self._known.get(entry_id) or self._log.known.get(entry_id)

    def _own_opened(self) -> dict[bytes, OpenSpeech]:
        if self._opened is self._log.opened:
            self._opened = dict(self._opened)
        return self._opened

    def _close(self, entry_id: bytes) -> None:
        if entry_id in self._opened:
            del self._own_opened()[entry_id]
            self._revised.pop(entry_id, None)
            self._closed[entry_id] = None

    def _add(self, entry: NewEntry, call: Call | None, *, late: bool = False) -> int:
        self._head += 1
        self._known[entry.entry_id] = (self._head, entry.fingerprint)
        self._pages.add(self._head, entry, self._now, call.key if call else None, late=late)
        self._added.append(_Added(self._head, entry, call.call_id if call else None, late))
        return self._head
