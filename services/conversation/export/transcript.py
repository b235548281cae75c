"""What every form of a transcript is written from."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

Entries = AsyncIterable[entry_pb2.Entry]
Writer = Callable[[pb.Conversation, Entries], AsyncIterator[str]]
"""Writes a conversation's entries, which come in the order of the log, as text in pieces."""

SPEAKERS: Mapping[entry_pb2.Speaker.ValueType, str] = {
    entry_pb2.SPEAKER_CUSTOMER: "Customer",
    entry_pb2.SPEAKER_AGENT: "Agent",
}
"""What speakers are called."""
CUT_SHORT: Mapping[entry_pb2.Sealing.ValueType, str] = {
    entry_pb2.SEALING_INTERRUPTED: " —",
    entry_pb2.SEALING_TRUNCATED: " …",
}
"""What stands behind the words of an utterance that was not said to its end."""


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of file."""

    media_type: str
    suffix: str
    write: Writer


def on_one_line(text: str) -> str:
    """A text without line breaks and other control characters, so that no word said can pass for structure."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
