"""Writes a call down while it happens: what the customer says as it is recognised, what the agent says as it is spoken, what it does.

Nothing waits for the end of a sentence. An agent that dies in the midst of one has already handed in the words that were heard, and the
entry that comes of them holds no word that was not. Captions get their text and their ids from here too, so that a page can tell which
caption has become which entry.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from readback.conversation.v1 import entry_pb2

from mesh.ids import uuid7

MOST_CHARACTERS = 20_000
"""Longest text of an utterance in the contract."""

_REVISION_INTERVAL_S = 0.1


class Log(Protocol):
    """Where it is written: a `services.conversation.client.recorder.Recorder`. None of these waits, and what is handed in is not lost."""

    def revise(
        self,
        utterance_id: str,
        speaker: entry_pb2.Speaker.ValueType,
        text: str,
        *,
        modality: entry_pb2.Modality.ValueType = ...,
    ) -> None:
        """All words so far of an utterance that goes on."""

    def seal(
        self,
        utterance_id: str,
        speaker: entry_pb2.Speaker.ValueType,
        text: str,
        *,
        sealing: entry_pb2.Sealing.ValueType = ...,
        modality: entry_pb2.Modality.ValueType = ...,
        generated_text: str = "",
        start_time: datetime | None = None,
        end_time: datetime | None = None,
    ) -> None:
        """An utterance as it ended."""

    def tool_call(self, tool_call_id: str, name: str, arguments: Mapping[str, Any]) -> None:
        """A tool is called."""

    def tool_result(self, tool_call_id: str, name: str, outcome: str, result: Mapping[str, Any]) -> None:
        """A tool answered."""


class Captions(Protocol):
    """Who shows live text to the caller."""

    def revised(self, speaker: entry_pb2.Speaker.ValueType, utterance_id: str, text: str) -> None:
        """All words so far of an utterance that goes on."""

    def sealed(self, speaker: entry_pb2.Speaker.ValueType, utterance_id: str, text: str) -> None:
        """All words of an utterance that has ended."""


class Utterance:
    """One utterance from its first word to its seal."""

    def __init__(
        self,
        log: Log,
        captions: Captions,
        speaker: entry_pb2.Speaker.ValueType,
        start: datetime,
        *,
        modality: entry_pb2.Modality.ValueType = entry_pb2.MODALITY_VOICE,
        utterance_id: str | None = None,
    ) -> None:
        self._log, self._captions = log, captions
        self._speaker, self._modality, self._start = speaker, modality, start
        self.utterance_id = utterance_id or uuid7()
        self._revised_at = float("-inf")

    def revise(self, text: str) -> None:
        """All words so far. Captions get every change, the log ten a second at most: the next one brings the words of one left out."""
        self._captions.revised(self._speaker, self.utterance_id, text)
        if time.monotonic() - self._revised_at < _REVISION_INTERVAL_S:
            return
        self._revised_at = time.monotonic()
        self._log.revise(self.utterance_id, self._speaker, text[:MOST_CHARACTERS], modality=self._modality)

    def seal(
        self, text: str, sealing: entry_pb2.Sealing.ValueType, end: datetime, *, generated: str = ""
    ) -> None:
        """All words it came to; `generated` is what was meant to be said, if that was more."""
        self._log.seal(
            self.utterance_id,
            self._speaker,
            text[:MOST_CHARACTERS],
            sealing=sealing,
            modality=self._modality,
            generated_text="" if generated == text else generated[:MOST_CHARACTERS],
            start_time=self._start,
            end_time=max(end, self._start),
        )
        self._captions.sealed(self._speaker, self.utterance_id, text)


class CustomerSpeech:
    """The customer's utterances, as they are recognised or typed."""

    def __init__(self, log: Log, captions: Captions) -> None:
        self._log, self._captions = log, captions
        self._began: datetime | None = None
        self._open: Utterance | None = None
        self._shown = ""
        self._lost = False

    def lost(self) -> None:
        """The line is gone. Words of what was heard before may still come; nobody knows whether they were all."""
        self._lost = True

    def back(self) -> None:
        """The line is there again."""
        self._lost = False

    def began(self, at: datetime) -> None:
        """The customer began to speak; no word is known yet."""
        self._began = at

    def interim(self, text: str) -> None:
        """All words so far; a later text may change earlier words."""
        self._shown = text
        self._current().revise(text)

    def final(self, text: str, end: datetime) -> None:
        """All words of the utterance."""
        self._current().seal(
            text, entry_pb2.SEALING_TRUNCATED if self._lost else entry_pb2.SEALING_FINAL, end
        )
        self._open, self._began, self._shown = None, None, ""

    def cut(self) -> None:
        """Nobody listens any more; what was recognised until now is all there will be."""
        if self._open is not None:
            self._open.seal(self._shown, entry_pb2.SEALING_TRUNCATED, _now())
        self._open, self._began, self._shown = None, None, ""

    def typed(self, text: str, utterance_id: str | None = None) -> None:
        """The customer typed a line. Its id is the one that their client gave it, if that is a UUID."""
        line = Utterance(
            self._log,
            self._captions,
            entry_pb2.SPEAKER_CUSTOMER,
            _now(),
            modality=entry_pb2.MODALITY_TEXT,
            utterance_id=utterance_id,
        )
        line.seal(text, entry_pb2.SEALING_FINAL, _now())

    def _current(self) -> Utterance:
        if self._open is None:
            self._open = Utterance(
                self._log, self._captions, entry_pb2.SPEAKER_CUSTOMER, self._began or _now()
            )
        return self._open


class AgentSpeech:
    """The agent's utterances, word by word as the caller hears them."""

    def __init__(self, log: Log, captions: Captions) -> None:
        self._log, self._captions = log, captions
        self._open: Utterance | None = None
        self._began: datetime | None = None
        self._spoken = ""
        self._generated = ""

    def prepare(self) -> None:
        """What is generated from now on belongs to the next utterance."""
        self._generated = ""

    def generate(self, piece: str) -> None:
        """A piece of text that is to be spoken."""
        self._generated += piece

    def begin(self, at: datetime) -> None:
        """The caller begins to hear it."""
        self._began = at

    def word(self, piece: str) -> None:
        """The next word is being spoken, spaces included."""
        if self._open is None:
            if self._began is None:
                return  # the tail of an utterance that is sealed already
            self._open = Utterance(self._log, self._captions, entry_pb2.SPEAKER_AGENT, self._began)
        self._spoken += piece
        self._open.revise(self._spoken.strip())

    def end(self, at: datetime, *, interrupted: bool, spoken: str | None) -> None:
        """The sound has ended. `spoken` is all that was heard, where the pacing knows better than the words so far."""
        text = (self._spoken if spoken is None else spoken).strip()
        if text and self._began is not None:
            utterance = self._open or Utterance(
                self._log, self._captions, entry_pb2.SPEAKER_AGENT, self._began
            )
            sealing = entry_pb2.SEALING_INTERRUPTED if interrupted else entry_pb2.SEALING_FINAL
            utterance.seal(text, sealing, at, generated=self._generated.strip())
        self._open, self._began, self._spoken = None, None, ""


class Actions:
    """The agent's uses of tools."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._running: dict[str, str] = {}

    def called(self, tool_call_id: str, name: str, arguments: Mapping[str, Any]) -> None:
        """A tool is called with these arguments, plain JSON."""
        self._running[tool_call_id] = name
        self._log.tool_call(tool_call_id, name, arguments)

    def answered(self, tool_call_id: str, outcome: str, result: Mapping[str, Any]) -> None:
        """The tool answered, plain JSON."""
        self._log.tool_result(tool_call_id, self._running.pop(tool_call_id), outcome, result)

    def abandon(self) -> None:
        """The turn was broken off; what its tools would have answered is of no use any more."""
        for tool_call_id in list(self._running):
            self.answered(tool_call_id, "ABANDONED", {})


def _now() -> datetime:
    return datetime.now(UTC)
