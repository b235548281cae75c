"""What an append or a commit writes to one customer's logs, worked out beforehand so that writing it takes no reading."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.conversation.model.chunks import PageRow
from services.conversation.model.drafts import id_bytes
from services.conversation.model.records import FeedRun, OpenSpeech
from services.conversation.model.times import micros_of


@dataclass(frozen=True, slots=True)
class Head:
    """How a conversation's row reads afterwards."""

    key: int
    last_number: int
    update_time: int
    """Microseconds since 1970."""
    title: str


@dataclass(slots=True)
class Changes:
    """Everything one transaction does to one customer's logs: all of it is written, or nothing."""

    customer_id: str
    version: int
    """The customer's feed as it was read. If it is not at this version any more, nothing is written."""
    last_position: int
    """Of the feed afterwards."""
    heads: list[Head] = field(default_factory=list)
    pages: list[PageRow] = field(default_factory=list)
    """Whole pages: new ones, and the open one in place of what it was."""
    runs: list[FeedRun] = field(default_factory=list)
    closed: list[tuple[int, bytes]] = field(default_factory=list)
    """Open utterances that are no longer open, by conversation key and id."""
    spoken: list[OpenSpeech] = field(default_factory=list)
    """Open utterances in place of their earlier revisions."""

    @property
    def empty(self) -> bool:
        """Whether nothing is to be written."""
        return not (self.heads or self.pages or self.runs or self.closed or self.spoken)


def speech_row(speech: OpenSpeech) -> tuple[object, ...]:
    """An open utterance as a row of its table, in the order of the columns."""
    return (
        speech.conversation_key,
        id_bytes(speech.utterance_id),
        speech.call_key,
        speech.speaker,
        speech.revision,
        micros_of(speech.start_time),
        micros_of(speech.revise_time),
        speech.content,
    )
