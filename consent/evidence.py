"""Evidence of a consent: a quote's read-back in a call, and everything that was said after it.

All times are on the agent's clock, except commit times, which are on the log's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import consent_evidence_service_pb2 as pb

from consent.grammar import Subject


@dataclass(frozen=True, slots=True)
class Said:
    """A finished utterance."""

    number: int
    """Number of its entry."""
    text: str
    start: datetime
    end: datetime
    commit: datetime
    call_id: str
    epoch: int
    whole: bool
    """True if its speaker finished it, and its writer held the call: it isn't interrupted, truncated, late or
    completing."""


@dataclass(frozen=True, slots=True)
class CustomerTurn(Said):
    """An utterance of the customer."""

    own: bool
    """True if it came from the caller's microphone, or was typed in the caller's own client."""


@dataclass(frozen=True, slots=True)
class AgentUtterance(Said):
    """An utterance of the agent."""

    readback_of: str
    """Digest of the quote that it reads back, else empty."""
    second_question_of: str
    """Digest of the quote that it asks about again, else empty."""
    delivered: datetime | None
    """Time at which the caller's client had played all of it; None if it never reported that."""


@dataclass(frozen=True, slots=True)
class OpenSpeech:
    """An utterance that is still being spoken."""

    by_customer: bool
    start: datetime


@dataclass(frozen=True, slots=True)
class QuoteToConfirm:
    """The facts of a quote that the decision needs."""

    digest: str
    text: str
    """The read-back, as the booking service wrote it."""
    locale: str
    """BCP 47 tag of the read-back's language."""
    subject: Subject
    """The act that the read-back asks for."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence for one quote, from one snapshot of the log."""

    quote: QuoteToConfirm
    readback: AgentUtterance | None
    """The last read-back of the quote in the call; None if there is none."""
    turns: Sequence[CustomerTurn]
    """The customer's utterances that ended after the start of the read-back."""
    agent: Sequence[AgentUtterance]
    """The agent's, without the read-back."""
    open: Sequence[OpenSpeech]
    epoch: int
    """Current epoch of the call."""
    incomplete: bool
    """True if the last utterances are missing, because too much was said."""


def evidence_of(response: pb.GetConsentEvidenceResponse, quote: QuoteToConfirm) -> Evidence:
    """Return the evidence for a quote in a response of the conversation service."""
    return Evidence(
        quote=quote,
        readback=_agent_utterance(response.readback) if response.HasField("readback") else None,
        turns=[_customer_turn(turn) for turn in response.customer_turns],
        agent=[_agent_utterance(entry) for entry in response.agent_utterances],
        open=[
            OpenSpeech(speech.speaker != entry_pb2.SPEAKER_AGENT, _time(speech.start_time))
            for speech in response.open_utterances
        ],
        epoch=response.call_epoch,
        incomplete=response.incomplete,
    )


def _customer_turn(turn: pb.CustomerTurn) -> CustomerTurn:
    own = turn.input in (pb.CUSTOMER_INPUT_MICROPHONE, pb.CUSTOMER_INPUT_TYPED)
    return CustomerTurn(*_common(turn.entry), own=own)


def _agent_utterance(entry: entry_pb2.Entry) -> AgentUtterance:
    spoken = entry.utterance
    all_played = spoken.HasField("delivered_through") and (
        spoken.delivered_through.characters >= len(spoken.text)
    )
    return AgentUtterance(
        *_common(entry),
        readback_of=spoken.readback_of,
        second_question_of=spoken.second_question_of,
        # The client can't have played the end before the agent sent it.
        delivered=max(_time(spoken.delivered_through.play_time), _time(entry.end_time))
        if all_played
        else None,
    )


def _common(
    entry: entry_pb2.Entry,
) -> tuple[int, str, datetime, datetime, datetime, str, int, bool]:
    spoken = entry.utterance
    whole = spoken.sealing == entry_pb2.SEALING_FINAL and not entry.late and not spoken.completes_utterance_id
    times = (_time(entry.start_time), _time(entry.end_time), _time(entry.commit_time))
    return entry.number, spoken.text, *times, entry.call_id, entry.call_epoch, whole


def _time(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(UTC)
