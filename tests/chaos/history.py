"""History of a run as the clients saw it: appends with their answers, and the messages to watchers.

Times are monotonic seconds of this process. An append without an answer is *unknown*: it may or may not be in
the log.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from google.protobuf.message import Message
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record


def content_of(message: call_record.Draft | entry_pb2.Entry) -> bytes:
    """Return the content of a draft or an entry: its kind and bytes."""
    kind = message.WhichOneof("content") or ""
    content: Message = getattr(message, kind)
    return kind.encode() + b" " + content.SerializeToString(deterministic=True)


STATE_CHANGE = b"state_change "
"""Start of the content of entries that the service itself adds."""


class Outcome(Enum):
    """Outcome of an append, as its writer knows it."""

    UNKNOWN = "unknown"
    OK = "ok"
    FAIL = "fail"
    """Refused: it must not be in the log."""


@dataclass(slots=True)
class Append:
    """One entry that a writer sent, once or several times."""

    conversation_id: str
    entry_id: str
    writer: str
    order: int
    """Position among the appends of this writer."""
    group: str
    """Unary `Append` of which it was part, which is stored as a whole or not at all; empty for a stream."""
    content: bytes
    """Content, see `content_of`."""
    invoked: float
    attempts: int = 1
    outcome: Outcome = Outcome.UNKNOWN
    acked: float = float("inf")
    number: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """Entry as a client received it."""

    conversation_id: str
    number: int
    entry_id: str
    content: bytes
    """Content, see `content_of`."""
    whole: bytes
    """The whole entry, including its times."""

    @classmethod
    def of(cls, entry: entry_pb2.Entry) -> Seen:
        """Return the entry from its contract message."""
        whole = entry.SerializeToString(deterministic=True)
        return cls(entry.conversation_id, entry.number, entry.entry_id, content_of(entry), whole)


@dataclass(frozen=True, slots=True)
class Received:
    """Message that a watcher received."""

    kind: str
    """Name of the event in `WatchResponse`."""
    entries: tuple[Seen, ...]
    cursor: str
    time: float
    about: str = ""
    """Utterance of live text, or conversation that was deleted."""


@dataclass(slots=True)
class Stream:
    """One `Watch` stream."""

    opened: float
    cursor: str
    """Cursor at which it was opened; empty for the beginning."""
    received: list[Received] = field(default_factory=list)


@dataclass(slots=True)
class Watcher:
    """Watcher with all of its streams."""

    name: str
    conversation_id: str
    """Empty for all of the customer's conversations."""
    streams: list[Stream] = field(default_factory=list)
    yielded: list[Seen] = field(default_factory=list)
    """Entries that the client yielded."""
    complete: bool = False
    """True if it watched from the beginning to the end."""


@dataclass(slots=True)
class History:
    """Everything that the writers and watchers of one run recorded."""

    appends: dict[str, Append] = field(default_factory=dict)
    """By entry id."""
    watchers: list[Watcher] = field(default_factory=list)
    logs: dict[str, list[Seen]] = field(default_factory=dict)
    """Log of each conversation, read after the end."""
    opened: set[str] = field(default_factory=set)
    """Utterances with a revision that was sent: the service may seal them itself."""
    contradictions: list[tuple[str, int, int]] = field(default_factory=list)
    """Acks of one entry with two different numbers."""
    _orders: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def invoke(
        self, conversation_id: str, drafts: Iterable[call_record.Draft], writer: str, group: str = ""
    ) -> None:
        """Record an attempt to append. A repeated attempt is the same append."""
        for draft in drafts:
            known = self.appends.get(draft.entry_id)
            if known is not None:
                known.attempts += 1
                continue
            self._orders[writer] += 1
            words, now = content_of(draft), time.monotonic()
            self.appends[draft.entry_id] = Append(
                conversation_id, draft.entry_id, writer, self._orders[writer], group, words, now
            )

    def ok(self, entry_id: str, number: int) -> None:
        """Record an ack. The validators check that a second one has the same number."""
        append = self.appends[entry_id]
        if append.outcome is Outcome.OK and append.number != number:
            self.contradictions.append((entry_id, append.number, number))
        if append.outcome is not Outcome.OK:
            append.outcome, append.acked, append.number = Outcome.OK, time.monotonic(), number

    def fail(self, entry_id: str) -> None:
        """Record a refusal."""
        append = self.appends[entry_id]
        if append.attempts == 1:  # otherwise an earlier attempt may be stored
            append.outcome = Outcome.FAIL

    @property
    def acked(self) -> list[Append]:
        """Acknowledged appends."""
        return [append for append in self.appends.values() if append.outcome is Outcome.OK]
