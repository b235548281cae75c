"""Decides when the caller has finished, from what was said and not only from how long it has been quiet.

A fixed short wait cuts off everybody who hesitates, a fixed long wait makes everybody wait. So each pause is decoded at once, while it may
still be a hesitation, and the wait depends on whether the words make a complete request: "flights from Chennai to Delhi tomorrow" needs no
more than a breath, "flights from Chennai to" deserves a second.

The class keeps no time but the samples it was fed and runs no decoder: it asks for decodes and is told their text. So the same audio always
gives the same events.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from agent.speech.audio import STEP, STEP_MS, Samples
from agent.speech.heard import Decode, Final, Heard, Interim, Preflight, SpeechBegan, SpeechEnded
from agent.speech.loudness import Loudness, NoiseFloor
from agent.speech.voice_activity import WINDOW_MS, VoiceProbability, Voicing

Completeness: TypeAlias = Literal["complete", "unknown", "incomplete"]
JudgeCompleteness: TypeAlias = Callable[[str], Completeness]
"""Whether words make a whole request, given what the dialogue waits for."""


@dataclass(frozen=True)
class Timing:
    """How long the ears wait, all in milliseconds of audio."""

    complete: int = 120
    unknown: int = 850
    incomplete: int = 1100
    nothing: int = 500
    """Sound in which no word was recognised."""
    pause: int = 40
    """Quiet that may be the end: decoded at once."""
    interim: int = 600
    """Speech between two decodes while the caller goes on."""
    tail: int = 60
    """Quiet that goes with the words to the decoder."""
    preroll: int = 400
    """Audio kept from before the onset, so that the first consonant is not lost."""
    unvoiced: int = 200
    """A room so loud that energy never falls is judged by voice instead, after this much without any."""
    fold: int = 10_000
    """Utterances longer than this are decoded in parts."""
    longest: int = 60_000
    """No utterance is longer."""

    def wait(self, completeness: Completeness) -> int:
        """Quiet after which words so complete are taken as all."""
        return {"complete": self.complete, "unknown": self.unknown, "incomplete": self.incomplete}[
            completeness
        ]


_ONSET_WINDOWS = 2
_STILL_VOICED = 0.6
_PATIENCE = 5
_DECODER_SHARE = 4
"""Interim decodes leave the decoder free three quarters of the time, or they would delay the one that counts."""


@dataclass
class _Utterance:
    number: int
    began_ms: int
    loudness: Loudness
    steps: list[Samples]
    head: str = ""
    quiet_ms: int = 0
    pause: int = 0
    pause_asked: bool = False
    text: str | None = None
    wait_ms: int = 0
    shown: str = ""
    preflight: bool = False
    interim_due_ms: int = 0

    def whole(self, text: str | None) -> str:
        """All words, when the audio that is left holds these. Words that were shown are never swallowed, not even when a longer look at
        the audio finds none or there is no time for one."""
        return f"{self.head} {text}".strip() if text else self.shown or self.head

    @property
    def buffered_ms(self) -> int:
        return len(self.steps) * STEP_MS


class Endpointer:
    """Turns one caller's audio into utterances."""

    def __init__(
        self, probability_of: VoiceProbability, judge: JudgeCompleteness, timing: Timing | None = None
    ) -> None:
        self._judge = judge
        self._timing = timing or Timing()
        self._voicing = Voicing(probability_of)
        self._floor = NoiseFloor()
        self._carry: Samples = np.zeros(0, np.int16)
        self._before: deque[Samples] = deque(maxlen=self._timing.preroll // STEP_MS)
        self._utterance: _Utterance | None = None
        self._utterances = 0
        self._open: Decode | None = None
        self._lag_ms = 0
        self.clock_ms = 0

    @property
    def speaking(self) -> bool:
        """Whether an utterance is under way."""
        return self._utterance is not None

    def hear(self, samples: Samples) -> list[Heard]:
        """Takes the next samples (16 kHz), as many as there are."""
        self._carry = np.concatenate((self._carry, samples))
        heard: list[Heard] = []
        while len(self._carry) >= STEP:
            step, self._carry = self._carry[:STEP], self._carry[STEP:]
            heard.extend(self._hear_step(step))
        return heard

    def decoded(self, request: Decode, text: str) -> list[Heard]:
        """Takes the text of a decode that was asked for."""
        self._open = None
        self._lag_ms = self.clock_ms - request.asked_ms
        utterance = self._utterance
        if utterance is None or utterance.number != request.utterance:
            return []
        utterance.interim_due_ms = self.clock_ms + max(self._timing.interim, _DECODER_SHARE * self._lag_ms)
        if request.pause == utterance.pause:
            utterance.text = text
            heard = self._judged(utterance, utterance.whole(text))
        else:
            heard = self._shown(utterance, utterance.whole(text))
            self._fold(utterance, request, text)
        return [*heard, *self._asked(utterance), *self._ended(utterance)]

    def _hear_step(self, step: Samples) -> Iterator[Heard]:
        self.clock_ms += STEP_MS
        self._voicing.hear(step)
        if self._utterance is None:
            yield from self._await_onset(step)
        else:
            self._follow(self._utterance, step)
            yield from self._asked(self._utterance)
            yield from self._ended(self._utterance)

    def _await_onset(self, step: Samples) -> Iterator[Heard]:
        self._before.append(step)
        if self._voicing.unvoiced_ms:
            self._floor.hear(step)
        if self._voicing.voiced_windows < _ONSET_WINDOWS:
            return
        self._utterances += 1
        began_ms = self.clock_ms - _ONSET_WINDOWS * WINDOW_MS
        self._utterance = _Utterance(
            self._utterances, began_ms, Loudness(self._floor, list(self._before)[-8:]), list(self._before)
        )
        self._utterance.interim_due_ms = self.clock_ms + self._timing.interim
        yield SpeechBegan(began_ms)

    def _follow(self, utterance: _Utterance, step: Samples) -> None:
        utterance.steps.append(step)
        if utterance.loudness.loud(step) and self._voicing.unvoiced_ms < self._timing.unvoiced:
            if utterance.quiet_ms >= self._timing.pause:
                utterance.pause += 1
                utterance.text = None
                utterance.pause_asked = utterance.preflight = False
            utterance.quiet_ms = 0
        else:
            utterance.quiet_ms += STEP_MS

    def _asked(self, utterance: _Utterance) -> Iterator[Decode]:
        """The next decode, when the decoder is free and there is something new to decode."""
        if self._open is not None:
            return
        if utterance.quiet_ms >= self._timing.pause:
            # A decoder that is slow is not asked at every breath, or it is busy with one when the end comes.
            if not utterance.pause_asked and utterance.quiet_ms >= min(
                self._lag_ms // _PATIENCE, self._timing.complete
            ):
                utterance.pause_asked = True
                yield self._ask(utterance, utterance.pause)
        elif self.clock_ms >= utterance.interim_due_ms:
            yield self._ask(utterance, None)

    def _ask(self, utterance: _Utterance, pause: int | None) -> Decode:
        # More silence than a short tail makes the model invent a "Thank you" at the end.
        surplus = max(0, utterance.quiet_ms - self._timing.tail) // STEP_MS
        self._open = Decode(
            np.concatenate(utterance.steps[: len(utterance.steps) - surplus]),
            utterance.number,
            pause,
            self.clock_ms,
        )
        return self._open

    def _judged(self, utterance: _Utterance, whole: str) -> list[Heard]:
        completeness = self._judge(whole) if whole else None
        utterance.wait_ms = self._timing.wait(completeness) if completeness else self._timing.nothing
        if not whole or utterance.preflight or completeness == "incomplete":
            return self._shown(utterance, whole)
        utterance.preflight, utterance.shown = True, whole
        return [Preflight(whole)]

    def _shown(self, utterance: _Utterance, whole: str) -> list[Heard]:
        if not whole or whole == utterance.shown:
            return []
        utterance.shown = whole
        return [Interim(whole)]

    def _fold(self, utterance: _Utterance, request: Decode, text: str) -> None:
        """Keeps what was decoded of a long utterance as text, so that the next decode need not start at its beginning.

        Cut at a pause when there was one; somebody who talks without any is cut in the midst of a word.
        """
        in_a_pause = request.pause is not None
        if len(request.samples) // STEP * STEP_MS > (
            self._timing.fold if in_a_pause else 2 * self._timing.fold
        ):
            utterance.head = utterance.whole(text)
            del utterance.steps[: len(request.samples) // STEP]

    def _ended(self, utterance: _Utterance) -> list[Heard]:
        too_long = self.clock_ms - utterance.began_ms > self._timing.longest
        quiet = (
            utterance.text is not None
            and utterance.quiet_ms >= utterance.wait_ms
            and self._voicing.probability <= _STILL_VOICED
        )
        if not (quiet or too_long):
            return []
        self._utterance = None
        self._voicing.forget_onset()
        self._before.clear()
        self._before.extend(utterance.steps[-max(utterance.quiet_ms // STEP_MS, 1) :])
        words = utterance.whole(utterance.text)
        at_ms = self.clock_ms - utterance.quiet_ms
        return [Final(words, at_ms), SpeechEnded(at_ms)] if words else [SpeechEnded(at_ms)]
