"""Endpointing: detection of the end of an utterance, from its words as well as from the silence.

A short fixed wait would interrupt callers who hesitate, and a long one would delay every answer. So the audio
is decoded as soon as a pause starts, and the wait depends on the words. For example, "flights from Chennai to
Delhi tomorrow" is complete and needs 120 ms of silence, but "flights from Chennai to" needs 1100 ms. `Timing`
defines all waits.

`Endpointer` counts time in samples and doesn't decode. It emits `DecodeRequest`s, and its owner passes the
texts to `push_text`. So the same audio and texts always give the same events.
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
"""Function that returns how complete an answer some words are, given what the dialogue expects."""


@dataclass(frozen=True)
class Timing:
    """Waits and limits of endpointing, all in milliseconds of audio."""

    complete: int = 120
    """Silence that ends an utterance with complete words."""
    unknown: int = 850
    """Silence that ends an utterance whose words may be complete."""
    incomplete: int = 1100
    """Silence that ends an utterance with incomplete words."""
    no_words: int = 500
    """Silence that ends an utterance without recognised words."""
    pause: int = 40
    """Silence that starts a pause. The audio is then decoded, because the utterance may be finished."""
    interim: int = 600
    """Minimum time between two decodes while the caller speaks."""
    tail: int = 60
    """Maximum silence at the end of decoded audio."""
    preroll: int = 400
    """Audio from before the detected start of speech. It is decoded too, for the first consonant."""
    unvoiced: int = 200
    """Sound without voice that counts as silence, because noisy rooms are never quiet."""
    max_decode: int = 10_000
    """Maximum length of decoded audio. A longer utterance is decoded in parts."""
    max_utterance: int = 60_000
    """Maximum length of an utterance. A longer one is ended even without silence."""

    def wait_after(self, completeness: Completeness) -> int:
        """Return the silence, in milliseconds, that ends an utterance whose words are this complete."""
        waits = {Completeness.COMPLETE: self.complete, Completeness.INCOMPLETE: self.incomplete}
        return waits.get(completeness, self.unknown)


@dataclass(frozen=True)
class SpeechStarted:
    """Start of an utterance, at position `at_ms` of the audio."""

    at_ms: int


@dataclass(frozen=True)
class Interim:
    """All words so far of an utterance that is not finished."""

    text: str


@dataclass(frozen=True)
class Preflight:
    """All words of an utterance that may be finished."""

    text: str


@dataclass(frozen=True)
class Final:
    """All words of a finished utterance. Its last sound is at position `at_ms` of the audio."""

    text: str
    at_ms: int


@dataclass(frozen=True)
class SpeechEnded:
    """End of an utterance. Its last sound is at position `at_ms` of the audio."""

    at_ms: int


@dataclass(frozen=True)
class DecodeRequest:
    """Request to decode `samples`. Pass the text to `Endpointer.push_text`. At most one request is open."""

    samples: Samples = field(repr=False)
    utterance: int
    pause: int | None
    """Number of the pause at the end of the samples, or None if they don't end with a pause."""
    requested_ms: int


EndpointingEvent: TypeAlias = SpeechStarted | Interim | Preflight | Final | SpeechEnded | DecodeRequest

_ONSET_WINDOWS = 2
_STILL_VOICED = 0.6
_LAG_SHARE = 5
"""A pause is decoded only after it has lasted 1/5 of the duration of the latest decode."""
_DECODER_SHARE = 4
"""After a decode, the next interim decode waits four times that decode's duration. So interim decodes seldom
delay the decode of a pause."""


@dataclass
class _Utterance:
    number: int
    start_ms: int
    loudness: Loudness
    steps: list[Samples]
    decoded_head: str = ""
    """Words of the start of the utterance, whose audio has been removed from `steps`."""
    silence_ms: int = 0
    pause: int = 0
    pause_requested: bool = False
    pause_text: str | None = None
    wait_ms: int = 0
    shown: str = ""
    preflight_sent: bool = False
    next_interim_ms: int = 0

    def all_words(self, text: str | None) -> str:
        """Return all words of the utterance; `text` has the words of `steps`.

        If `text` is None or empty, return the words that were shown last.
        """
        return f"{self.decoded_head} {text}".strip() if text else self.shown or self.decoded_head


class Endpointer:
    """Endpointing of one caller's audio: splits it into utterances."""

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
        """True while an utterance is open."""
        return self._utterance is not None

    def push_audio(self, samples: Samples) -> list[EndpointingEvent]:
        """Add any number of samples (16 kHz), and return the events that follow from them."""
        self._carry = np.concatenate((self._carry, samples))
        events: list[EndpointingEvent] = []
        while len(self._carry) >= STEP:
            step, self._carry = self._carry[:STEP], self._carry[STEP:]
            events.extend(self._push_step(step))
        return events

    def push_text(self, request: DecodeRequest, text: str) -> list[EndpointingEvent]:
        """Add the text of a decode request, and return the events that follow from it."""
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
        """Yield a decode request if none is open and a pause or an interim decode is due."""
        if self._open_request is not None:
            return
        if utterance.silence_ms >= self._timing.pause:
            # A slow decoder skips brief pauses. Otherwise it could be busy with one when the utterance ends.
            min_silence_ms = min(self._lag_ms // _LAG_SHARE, self._timing.complete)
            if not utterance.pause_requested and utterance.silence_ms >= min_silence_ms:
                utterance.pause_requested = True
                yield self._request(utterance, utterance.pause)
        elif self.clock_ms >= utterance.next_interim_ms:
            yield self._request(utterance, None)

    def _request(self, utterance: _Utterance, pause: int | None) -> DecodeRequest:
        # After a longer silence at the end, the model adds a "Thank you" that wasn't said.
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
        """In a long utterance, keep the decoded words and drop their audio, so that the next decode is short.

        It cuts after `max_decode` if the decoded audio ends at a pause, otherwise after twice that length,
        possibly inside a word.
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
