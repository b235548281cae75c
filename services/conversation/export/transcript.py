"""Interface of the transcript formats, and the wording that they share."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

Entries = AsyncIterable[entry_pb2.Entry]
Writer = Callable[[pb.Conversation, Entries], AsyncIterator[str]]
"""Writes a conversation's entries, which come in log order, as text."""

SPEAKERS: Mapping[entry_pb2.Speaker.ValueType, str] = {
    entry_pb2.SPEAKER_CUSTOMER: "Customer",
    entry_pb2.SPEAKER_AGENT: "Agent",
}
"""Names of the speakers."""
CUT_SHORT: Mapping[entry_pb2.Sealing.ValueType, str] = {
    entry_pb2.SEALING_INTERRUPTED: " —",
    entry_pb2.SEALING_TRUNCATED: " …",
}
"""Marks after an utterance that was not finished."""


@dataclass(frozen=True, slots=True)
class Format:
    """File format of a transcript."""

    media_type: str
    suffix: str
    write: Writer


def on_one_line(text: str) -> str:
    """Return a text without line breaks and control characters, so that no words are taken for structure."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
