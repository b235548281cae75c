"""Recording of a call: the customer's words as recognised, the agent's words as spoken, and tool calls.

Words are recorded while an utterance is still open. So if the agent dies during an utterance, the words heard
so far are already submitted. Captions get the same utterance ids as log entries, so that the web app can
replace a caption with its entry.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from readback.conversation.v1 import entry_pb2

from mesh.ids import uuid7
from services.conversation.client.recorder import Receipt, Recorder

MAX_TEXT_LENGTH = 20_000
"""Maximum length of an utterance's text in the protobuf contract, in characters."""

_REVISION_INTERVAL_S = 0.1
_RECORDED_WITHIN_S = 1.0
"""Longest wait for the log's answer before a turn. Without a limit, the agent would be silent while the log
is down."""


class Captions(Protocol):
    """Display of live text for the caller."""

    def show(
        self, speaker: entry_pb2.Speaker.ValueType, utterance_id: str, text: str, *, final: bool = False
    ) -> None:
        """Show all words of an utterance so far. `final` means that no more words follow."""


class Utterance:
    """One utterance from its first word to its end."""

    def __init__(
        self,
        recorder: Recorder,
        captions: Captions,
        speaker: entry_pb2.Speaker.ValueType,
        start: datetime,
        *,
        modality: entry_pb2.Modality.ValueType = entry_pb2.MODALITY_VOICE,
    ) -> None:
        self._recorder, self._captions = recorder, captions
        self._speaker, self._modality, self._start = speaker, modality, start
        self.utterance_id = uuid7()
        self._revised_at = float("-inf")

    def revise(self, text: str) -> None:
        """Show and record all words so far.

        Captions get every revision. The recorder gets at most ten per second; later revisions contain the
        words of skipped ones.
        """
        self._captions.show(self._speaker, self.utterance_id, text)
        if time.monotonic() - self._revised_at < _REVISION_INTERVAL_S:
            return
        self._revised_at = time.monotonic()
        self._recorder.revise(
            self.utterance_id, self._speaker, text[:MAX_TEXT_LENGTH], modality=self._modality
        )

    def seal(
        self,
        text: str,
        sealing: entry_pb2.Sealing.ValueType,
        end: datetime,
        *,
        generated: str = "",
        word_confidences: Sequence[float] = (),
    ) -> Receipt:
        """Record and show the final text. Return the receipt for its entry in the log.

        `generated` is the complete generated text of an agent's utterance. It is recorded if it differs from
        the spoken `text`.
        """
        receipt = self._recorder.seal(
            self.utterance_id,
            self._speaker,
            text[:MAX_TEXT_LENGTH],
            sealing=sealing,
            modality=self._modality,
            generated_text="" if generated == text else generated[:MAX_TEXT_LENGTH],
            word_confidences=word_confidences,
            start_time=self._start,
            end_time=max(end, self._start),
        )
        self._captions.show(self._speaker, self.utterance_id, text, final=True)
        return receipt


class CustomerSpeech:
    """The customer's utterances, as they are recognised or typed."""

    def __init__(self, recorder: Recorder, captions: Captions) -> None:
        self._recorder, self._captions = recorder, captions
        self._start: datetime | None = None
        self._open: Utterance | None = None
        self._text = ""
        self._connected = True
        self._receipts: list[Receipt] = []

    def connection_lost(self) -> None:
        """Mark utterances that end from now on as truncated, because audio may be missing."""
        self._connected = False

    def connection_restored(self) -> None:
        """Mark utterances that end from now on as complete again."""
        self._connected = True

    def started(self, at: datetime) -> None:
        """Store the start time of speech, before any word is recognised."""
        self._start = at

    def interim(self, text: str) -> None:
        """Record all words so far. A later text may correct earlier words."""
        self._text = text
        self._current().revise(text)

    def final(self, text: str, end: datetime, word_confidences: Sequence[float] = ()) -> None:
        """Record the final text of the utterance with the confidence in each word, and close it."""
        sealing = entry_pb2.SEALING_FINAL if self._connected else entry_pb2.SEALING_TRUNCATED
        self._receipts.append(self._current().seal(text, sealing, end, word_confidences=word_confidences))
        self._reset()

    def truncate(self) -> None:
        """Close the open utterance as truncated, because recognition has stopped."""
        if self._open is not None:
            self._open.seal(self._text, entry_pb2.SEALING_TRUNCATED, _now())
        self._reset()

    def typed(self, text: str) -> None:
        """Record a typed message."""
        message = Utterance(
            self._recorder,
            self._captions,
            entry_pb2.SPEAKER_CUSTOMER,
            _now(),
            modality=entry_pb2.MODALITY_TEXT,
        )
        self._receipts.append(message.seal(text, entry_pb2.SEALING_FINAL, _now()))

    async def recorded(self) -> bool:
        """Wait until the customer's finished utterances are in the log. Return False if one was refused.

        While the service can't be reached, return True after a second: the words are in the outbox, which
        survives the agent.
        """
        deadline = time.monotonic() + _RECORDED_WITHIN_S
        while waiting := [receipt for receipt in self._receipts if not receipt.done()]:
            if time.monotonic() >= deadline:
                break
            await asyncio.wait(waiting, timeout=deadline - time.monotonic())
        answered = [receipt for receipt in self._receipts if receipt.done()]
        self._receipts = waiting
        return all(receipt.result() for receipt in answered)

    def _current(self) -> Utterance:
        if self._open is None:
            start = self._start or _now()
            self._open = Utterance(self._recorder, self._captions, entry_pb2.SPEAKER_CUSTOMER, start)
        return self._open

    def _reset(self) -> None:
        self._open, self._start, self._text = None, None, ""


class AgentSpeech:
    """The agent's utterances, recorded word by word when the caller hears them."""

    def __init__(self, recorder: Recorder, captions: Captions) -> None:
        self._recorder, self._captions = recorder, captions
        self._open: Utterance | None = None
        self._start: datetime | None = None
        self._spoken = ""
        self._generated = ""
        self._shown: tuple[str, str] | None = None
        self.begun = False
        """True once the caller has heard or read anything from the agent."""

    def show(self, text: str) -> None:
        """Show text that can't be heard yet. The next spoken or written utterance replaces it."""
        self._shown = (uuid7(), text)
        self._captions.show(entry_pb2.SPEAKER_AGENT, *self._shown)

    def write(self, text: str) -> None:
        """Record text that the caller reads because it can't be heard."""
        self._new(_now(), entry_pb2.MODALITY_TEXT).seal(text, entry_pb2.SEALING_FINAL, _now())

    def settle(self) -> None:
        """Record the shown text as written if nothing has replaced it."""
        if self._shown is not None:
            self.write(self._shown[1])

    def generation_started(self) -> None:
        """Discard the generated text of the previous utterance."""
        self._generated = ""

    def generated(self, piece: str) -> None:
        """Add a piece of generated text, which may be spoken later."""
        self._generated += piece

    def playback_started(self, at: datetime) -> None:
        """Store the time when the caller begins to hear the utterance."""
        self._start = at

    def spoken(self, piece: str) -> None:
        """Record the next spoken word. `piece` includes spaces."""
        if self._open is None:
            if self._start is None:
                return  # the rest of an utterance that is already sealed
            self._open = self._new(self._start)
        self._spoken += piece
        self._open.revise(self._spoken.strip())

    def playback_finished(self, at: datetime, *, interrupted: bool, spoken: str | None) -> None:
        """Record the finished utterance.

        `spoken` is the synchronizer's text of the whole utterance. If it is None, the words recorded so far
        are used.
        """
        text = (self._spoken if spoken is None else spoken).strip()
        if text and self._start is not None:
            utterance = self._open or self._new(self._start)
            sealing = entry_pb2.SEALING_INTERRUPTED if interrupted else entry_pb2.SEALING_FINAL
            utterance.seal(text, sealing, at, generated=self._generated.strip())
        self._open, self._start, self._spoken = None, None, ""

    def _new(
        self, start: datetime, modality: entry_pb2.Modality.ValueType = entry_pb2.MODALITY_VOICE
    ) -> Utterance:
        shown, self._shown = self._shown, None
        self.begun = True
        utterance = Utterance(
            self._recorder, self._captions, entry_pb2.SPEAKER_AGENT, start, modality=modality
        )
        if shown is not None:
            utterance.utterance_id = shown[0]
        return utterance


class ToolCalls:
    """Recording of the agent's tool calls in one turn."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._running: dict[str, entry_pb2.ToolCall] = {}

    def start(self, call: entry_pb2.ToolCall) -> None:
        """Record the start of a tool call."""
        self._running[call.tool_call_id] = call
        self._recorder.tool_call(call)

    def finish(self, result: entry_pb2.ToolResult) -> entry_pb2.ToolCall:
        """Record the result of a tool call. Return the call."""
        self._recorder.tool_result(result)
        return self._running.pop(result.tool_call_id)

    def abandon(self) -> None:
        """Record the tool calls that are still running as abandoned, at the end of a turn."""
        for call in list(self._running.values()):
            abandoned = entry_pb2.TOOL_OUTCOME_ABANDONED
            self.finish(
                entry_pb2.ToolResult(tool_call_id=call.tool_call_id, name=call.name, outcome=abandoned)
            )


def _now() -> datetime:
    return datetime.now(UTC)
