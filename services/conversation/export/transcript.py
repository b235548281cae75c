"""Interface of the transcript formats, and the words that they share."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

Entries = AsyncIterable[entry_pb2.Entry]
Writer = Callable[[pb.Conversation, Entries], AsyncIterator[str]]
"""A function that yields a conversation's entries as text. The entries are in the order of the log."""

SPEAKERS: Mapping[entry_pb2.Speaker.ValueType, str] = {
    entry_pb2.SPEAKER_CUSTOMER: "Customer",
    entry_pb2.SPEAKER_AGENT: "Agent",
}
"""Names of the speakers in transcripts."""
CUT_SHORT: Mapping[entry_pb2.Sealing.ValueType, str] = {
    entry_pb2.SEALING_INTERRUPTED: " —",
    entry_pb2.SEALING_TRUNCATED: " …",
}
"""Marks that follow the text of an unfinished utterance."""


@dataclass(frozen=True, slots=True)
class Format:
    """A file format for transcripts."""

    media_type: str
    suffix: str
    write: Writer


def on_one_line(text: str) -> str:
    """Return a text without line breaks and control characters, which could break the file's structure."""
    if (
        not text.isprintable()
    ):  # a call in C, because the loop below would block the event loop for long texts
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())
