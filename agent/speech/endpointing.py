"""Endpointing: when the caller has finished, judged by the words and not only by the length of the silence.

A short fixed wait cuts off everyone who hesitates; a long one makes everyone wait. So each pause is decoded
as soon as it starts, and the wait depends on the words: "flights from Chennai to Delhi tomorrow" is complete
and needs 120 ms, "flights from Chennai to" gets a second. `Timing` holds all waits.

`Endpointer` counts time in samples and runs no decoder; it requests decodes and gets their text. So the same
audio gives the same events.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from agent.language.meanings import Completeness
from agent.speech.audio import STEP, STEP_MS, Samples
from agent.speech.voice_activity import WINDOW_MS, Loudness, NoiseFloor, VoiceActivity, VoiceProbability

CompletenessOf: TypeAlias = Callable[[str], Completeness]
"""Judges if words are a complete answer to what the dialogue expects."""


@dataclass(frozen=True)
class Timing:
    """Waits and limits of endpointing, all in milliseconds of audio."""

    complete: int = 120
    """Silence after the last word of a complete request."""
    unknown: int = 850
    """Silence after words that may be complete."""
    incomplete: int = 1100
    """Silence after an incomplete request."""
    no_words: int = 500
    """Silence after sound without recognised words."""
    pause: int = 40
    """Silence that may be the end; the audio is decoded at this point."""
    interim: int = 600
    """Speech between two decodes while the caller speaks."""
    tail: int = 60
    """Silence after the words that is decoded with them."""
    preroll: int = 400
    """Audio kept from before the onset, so that the first consonant is decoded."""
    unvoiced: int = 200
    """Sound without voice that counts as silence, for rooms too noisy to judge by loudness."""
    max_decode: int = 10_000
    """Longer utterances are decoded in parts."""
    max_utterance: int = 60_000
    """Longest utterance."""

    def wait_after(self, completeness: Completeness) -> int:
        """Return the silence that ends a turn after words this complete."""
        waits = {Completeness.COMPLETE: self.complete, Completeness.INCOMPLETE: self.incomplete}
        return waits.get(completeness, self.unknown)


@dataclass(frozen=True)
class SpeechStarted:
    """The caller began to speak at this position of the audio, in milliseconds."""

    at_ms: int


@dataclass(frozen=True)
class Interim:
    """All words so far of an unfinished utterance."""

    text: str


@dataclass(frozen=True)
class Preflight:
    """All words of an utterance that may be finished."""

    text: str


@dataclass(frozen=True)
class Final:
    """All words of a finished utterance, and the position of its last sound in milliseconds."""

    text: str
    at_ms: int


@dataclass(frozen=True)
class SpeechEnded:
    """The utterance is finished; its last sound was at this position of the audio, in milliseconds."""

    at_ms: int


@dataclass(frozen=True)
class DecodeRequest:
    """A request for the text of these samples, answered with `Endpointer.push_text`. At most one is open."""

    samples: Samples = field(repr=False)
    utterance: int
    pause: int | None
    """Number of the pause at the end of the samples; None while the caller speaks."""
    requested_ms: int


EndpointingEvent: TypeAlias = SpeechStarted | Interim | Preflight | Final | SpeechEnded | DecodeRequest

_ONSET_WINDOWS = 2
_STILL_VOICED = 0.6
_LAG_SHARE = 5
"""A pause must last this share of the latest decode's duration before the next decode."""
_DECODER_SHARE = 4
"""Interim decodes use at most a quarter of the decoder's time, so that they don't delay the decode of a
pause."""


@dataclass
class _Utterance:
    number: int
    start_ms: int
    loudness: Loudness
    steps: list[Samples]
    decoded_head: str = ""
    """Words of the audio that is no longer in `steps`."""
    silence_ms: int = 0
    pause: int = 0
    pause_requested: bool = False
    pause_text: str | None = None
    wait_ms: int = 0
    shown: str = ""
    preflight_sent: bool = False
    next_interim_ms: int = 0

    def all_words(self, text: str | None) -> str:
        """Return all words, given those of `steps`.

        Words shown before stay when a later decode finds none or there was no time for it.
        """
        return f"{self.decoded_head} {text}".strip() if text else self.shown or self.decoded_head


class Endpointer:
    """Splitter of one caller's audio into utterances."""

    def __init__(
        self, probability_of: VoiceProbability, completeness_of: CompletenessOf, timing: Timing | None = None
    ) -> None:
        self._completeness_of = completeness_of
        self._timing = timing or Timing()
        self._voice = VoiceActivity(probability_of)
        self._floor = NoiseFloor()
        self._carry: Samples = np.zeros(0, np.int16)
        self._preroll: deque[Samples] = deque(maxlen=self._timing.preroll // STEP_MS)
        self._utterance: _Utterance | None = None
        self._utterances = 0
        self._open_request: DecodeRequest | None = None
        self._lag_ms = 0
        self.clock_ms = 0

    @property
    def speaking(self) -> bool:
        """True during an utterance."""
        return self._utterance is not None

    def push_audio(self, samples: Samples) -> list[EndpointingEvent]:
        """Add the next samples (16 kHz), in any number."""
        self._carry = np.concatenate((self._carry, samples))
        events: list[EndpointingEvent] = []
        while len(self._carry) >= STEP:
            step, self._carry = self._carry[:STEP], self._carry[STEP:]
            events.extend(self._push_step(step))
        return events

    def push_text(self, request: DecodeRequest, text: str) -> list[EndpointingEvent]:
        """Add the text of a decode request."""
        self._open_request = None
        self._lag_ms = self.clock_ms - request.requested_ms
        utterance = self._utterance
        if utterance is None or utterance.number != request.utterance:
            return []
        utterance.next_interim_ms = self.clock_ms + max(self._timing.interim, _DECODER_SHARE * self._lag_ms)
        words = utterance.all_words(text)
        if request.pause == utterance.pause:
            utterance.pause_text = text
            events = self._judge(utterance, words)
        else:
            events = self._show(utterance, words)
            self._release_decoded(utterance, request, words)
        return [*events, *self._next_request(utterance), *self._end_if_finished(utterance)]

    def _push_step(self, step: Samples) -> Iterator[EndpointingEvent]:
        self.clock_ms += STEP_MS
        self._voice.push(step)
        if self._utterance is None:
            yield from self._await_onset(step)
        else:
            self._follow(self._utterance, step)
            yield from self._next_request(self._utterance)
            yield from self._end_if_finished(self._utterance)

    def _await_onset(self, step: Samples) -> Iterator[EndpointingEvent]:
        self._preroll.append(step)
        if self._voice.unvoiced_ms:
            self._floor.push(step)
        if self._voice.voiced_windows < _ONSET_WINDOWS:
            return
        self._utterances += 1
        start_ms = self.clock_ms - _ONSET_WINDOWS * WINDOW_MS
        steps = list(self._preroll)
        self._utterance = _Utterance(self._utterances, start_ms, Loudness(self._floor, steps[-8:]), steps)
        self._utterance.next_interim_ms = self.clock_ms + self._timing.interim
        yield SpeechStarted(start_ms)

    def _follow(self, utterance: _Utterance, step: Samples) -> None:
        utterance.steps.append(step)
        if utterance.loudness.is_loud(step) and self._voice.unvoiced_ms < self._timing.unvoiced:
            if utterance.silence_ms >= self._timing.pause:
                utterance.pause += 1
                utterance.pause_text = None
                utterance.pause_requested = utterance.preflight_sent = False
            utterance.silence_ms = 0
        else:
            utterance.silence_ms += STEP_MS

    def _next_request(self, utterance: _Utterance) -> Iterator[DecodeRequest]:
        """Yield the next decode request if none is open and there is something new to decode."""
        if self._open_request is not None:
            return
        if utterance.silence_ms >= self._timing.pause:
            # A slow decoder skips brief pauses; otherwise it would be busy with one when the turn ends.
            min_silence_ms = min(self._lag_ms // _LAG_SHARE, self._timing.complete)
            if not utterance.pause_requested and utterance.silence_ms >= min_silence_ms:
                utterance.pause_requested = True
                yield self._request(utterance, utterance.pause)
        elif self.clock_ms >= utterance.next_interim_ms:
            yield self._request(utterance, None)

    def _request(self, utterance: _Utterance, pause: int | None) -> DecodeRequest:
        # With more than a short tail of silence the model invents a "Thank you" at the end.
        surplus = max(0, utterance.silence_ms - self._timing.tail) // STEP_MS
        samples = np.concatenate(utterance.steps[: len(utterance.steps) - surplus])
        self._open_request = DecodeRequest(samples, utterance.number, pause, self.clock_ms)
        return self._open_request

    def _judge(self, utterance: _Utterance, words: str) -> list[EndpointingEvent]:
        completeness = self._completeness_of(words) if words else None
        timing = self._timing
        utterance.wait_ms = timing.wait_after(completeness) if completeness else timing.no_words
        if not words or utterance.preflight_sent or completeness is Completeness.INCOMPLETE:
            return self._show(utterance, words)
        utterance.preflight_sent, utterance.shown = True, words
        return [Preflight(words)]

    def _show(self, utterance: _Utterance, words: str) -> list[EndpointingEvent]:
        if not words or words == utterance.shown:
            return []
        utterance.shown = words
        return [Interim(words)]

    def _release_decoded(self, utterance: _Utterance, request: DecodeRequest, words: str) -> None:
        """Keep the text of a long utterance and drop its audio, so that the next decode is short.

        Cuts at a pause if there was one; without pauses it cuts inside a word after twice the length.
        """
        steps = len(request.samples) // STEP
        limit_ms = self._timing.max_decode * (1 if request.pause is not None else 2)
        if steps * STEP_MS > limit_ms:
            utterance.decoded_head = words
            del utterance.steps[:steps]

    def _end_if_finished(self, utterance: _Utterance) -> list[EndpointingEvent]:
        too_long = self.clock_ms - utterance.start_ms > self._timing.max_utterance
        finished = (
            utterance.pause_text is not None
            and utterance.silence_ms >= utterance.wait_ms
            and self._voice.probability <= _STILL_VOICED
        )
        if not (finished or too_long):
            return []
        self._utterance = None
        self._voice.reset_onset()
        self._preroll.clear()
        self._preroll.extend(utterance.steps[-max(utterance.silence_ms // STEP_MS, 1) :])
        words = utterance.all_words(utterance.pause_text)
        at_ms = self.clock_ms - utterance.silence_ms
        return [Final(words, at_ms), SpeechEnded(at_ms)] if words else [SpeechEnded(at_ms)]
