"""hibari: text to speech on the CPU, some 40 times faster than it is spoken."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from hibari import SAMPLE_RATE, Hibari

from agent.speech.audio import Samples

VOICE_RATE: int = SAMPLE_RATE
"""Samples a second of the voice."""

_AUDIBLE = 0.012
_LEAD_S = 0.004
_REST_S = {".": 0.26, "!": 0.26, "?": 0.26, ",": 0.1, ";": 0.14, ":": 0.14}
_REST_OTHERWISE_S = 0.08
_SEED = 0
_SHORT = 80
_REMEMBERED = 128


class Voice:
    """The voice, loaded once a process. Speaks one clause at a time and remembers short ones.

    The model puts 280 to 330 ms of silence before every sentence and up to half a second after it. The one before is cut, since the caller
    waits through it; the one after becomes a rest as long as the punctuation asks for.
    """

    def __init__(self) -> None:
        self._hibari = Hibari()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="hibari")
        self._remembered: OrderedDict[str, Samples] = OrderedDict()
        self.say("Ready.")  # the first run loads the pronunciation rules, which takes a second and more

    async def speak(self, text: str) -> Samples:
        """Speech of one clause, at `VOICE_RATE`; a moment of silence when it holds nothing to pronounce."""
        known = self._remembered.get(text)
        return (
            known
            if known is not None
            else await asyncio.get_running_loop().run_in_executor(self._executor, self.say, text)
        )

    def say(self, text: str) -> Samples:
        """Speech of one clause, at `VOICE_RATE`. Blocks."""
        known = self._remembered.get(text)
        if known is not None:
            return known
        samples = (
            _trimmed(np.asarray(self._hibari(text, seed=_SEED), np.float32), text)
            if any(map(str.isalnum, text))
            else _nothing()
        )
        if len(text) <= _SHORT:
            self._remember(text, samples)
        return samples

    def learn(self, phrases: Iterable[str]) -> None:
        """Speaks phrases beforehand that will be needed at once. Blocks."""
        for phrase in phrases:
            self.say(phrase)

    def close(self) -> None:
        """Waits for the clause that is being made."""
        self._executor.shutdown()

    def _remember(self, text: str, samples: Samples) -> None:
        self._remembered[text] = samples
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)


def _nothing() -> Samples:
    return np.zeros(VOICE_RATE // 50, np.int16)


def _trimmed(audio: npt.NDArray[np.float32], text: str) -> Samples:
    audible = np.flatnonzero(np.abs(audio) > _AUDIBLE)
    if len(audible) == 0:
        return _nothing()
    rest = _REST_S.get(text.rstrip('"”’) ')[-1:], _REST_OTHERWISE_S)
    first = max(0, int(audible[0]) - int(_LEAD_S * VOICE_RATE))
    last = int(audible[-1]) + 1
    spoken = audio[first : last + int(rest * VOICE_RATE)]
    padding = np.zeros(max(0, int(rest * VOICE_RATE) - (len(audio) - last)), np.float32)
    return (np.clip(np.concatenate((spoken, padding)), -1, 1) * 32767).astype(np.int16)
