"""What happened, as those outside the service saw it: appends invoked, acknowledged or never answered, and what watchers were told.

Times are monotonic seconds of this process. An append whose answer never came is *unknown*: it may or may not be in the log.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from google.protobuf.message import Message
from readback.conversation.v1 import entry_pb2


def content_of(message: entry_pb2.Draft | entry_pb2.Entry) -> bytes:
    """What a draft or an entry says: its content's kind and bytes."""
    kind = message.WhichOneof("content") or ""
    content: Message = getattr(message, kind)
    return kind.encode() + b" " + content.SerializeToString(deterministic=True)


STATE_CHANGE = b"state_change "
"""How the content of what the service itself adds begins."""


class Outcome(Enum):
    """What a writer knows of an append."""

    UNKNOWN = "unknown"
    OK = "ok"
    FAIL = "fail"
    """Refused for good: it must not be in the log."""


@dataclass(slots=True)
class Append:
    """One entry as its writer handed it in, however often."""

    conversation_id: str
    entry_id: str
    writer: str
    order: int
    """Its place among what this writer handed in."""
    group: str
    """The unary `Append` it was part of, all or none; empty for a stream."""
    content: bytes
    """What it says, see `content_of`."""
    invoked: float
    attempts: int = 1
    outcome: Outcome = Outcome.UNKNOWN
    acked: float = float("inf")
    number: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry as somebody was shown it."""

    conversation_id: str
    number: int
    entry_id: str
    content: bytes
    """What it says, see `content_of`."""
    whole: bytes
    """All of it, times included."""

    @classmethod
    def of(cls, entry: entry_pb2.Entry) -> Seen:
        """From the contract's message."""
        whole = entry.SerializeToString(deterministic=True)
        return cls(entry.conversation_id, entry.number, entry.entry_id, content_of(entry), whole)


@dataclass(frozen=True, slots=True)
class Told:
    """One message to a watcher."""

    kind: str
    """Name of the event in `WatchResponse`."""
    entries: tuple[Seen, ...]
    cursor: str
    time: float
    about: str = ""
    """The utterance of live text; the conversation that was deleted."""


@dataclass(slots=True)
class Stream:
    """One `Watch` stream."""

    opened: float
    cursor: str
    """From which it was opened; empty for the beginning."""
    told: list[Told] = field(default_factory=list)


@dataclass(slots=True)
class Watcher:
    """Somebody who follows, over as many streams as it takes."""

    name: str
    conversation_id: str
    """Empty for all of the customer's."""
    streams: list[Stream] = field(default_factory=list)
    handed: list[Seen] = field(default_factory=list)
    """What the client kit gave its user."""
    complete: bool = False
    """Whether it was there from the beginning and waited until the end."""


@dataclass(slots=True)
class History:
    """Everything that writers and watchers of one run noted."""

    appends: dict[str, Append] = field(default_factory=dict)
    """By entry id."""
    watchers: list[Watcher] = field(default_factory=list)
    logs: dict[str, list[Seen]] = field(default_factory=dict)
    """Each conversation as read back when all was over."""
    opened: set[str] = field(default_factory=set)
    """Utterances of which a revision went out: the service may seal them by itself."""
    contradictions: list[tuple[str, int, int]] = field(default_factory=list)
    """Acks of one entry that named two numbers."""
    _orders: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def invoke(
        self, conversation_id: str, drafts: Iterable[entry_pb2.Draft], writer: str, group: str = ""
    ) -> None:
        """An attempt to append goes out; a repeated one is the same append."""
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
        """An ack came in. A second one must say the same, which is for the validators to see."""
        append = self.appends[entry_id]
        if append.outcome is Outcome.OK and append.number != number:
            self.contradictions.append((entry_id, append.number, number))
        if append.outcome is not Outcome.OK:
            append.outcome, append.acked, append.number = Outcome.OK, time.monotonic(), number

    def fail(self, entry_id: str) -> None:
        """It was refused."""
        append = self.appends[entry_id]
        if append.attempts == 1:  # an earlier attempt may have been stored before
            append.outcome = Outcome.FAIL

    @property
    def acked(self) -> list[Append]:
        """Appends that were acknowledged."""
        return [append for append in self.appends.values() if append.outcome is Outcome.OK]
