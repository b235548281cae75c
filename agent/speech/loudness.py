"""Hears the end of speech by energy, some 100 ms before a voice detector is sure of it."""

from collections.abc import Iterable

from agent.speech.audio import Samples, rms

_DROP = 10 ** (-32 / 20)
"""Speech that falls this far below its own peak is a pause: −32 dB keeps the weak ends of words."""
_PEAK_DECAY = 0.999
_FLOOR_WEIGHT = 0.1
_FLOOR_LIMIT = 300.0
_ABOVE_FLOOR = 3.0


class NoiseFloor:
    """Loudness of the caller's room while nobody speaks, as a moving average of RMS values."""

    def __init__(self) -> None:
        self.level = 8.0

    def hear(self, step: Samples) -> None:
        """Takes one step in which nobody spoke. A passing lorry doesn't deafen the ears for long: the step counts up to a limit."""
        self.level += _FLOOR_WEIGHT * (min(rms(step), _FLOOR_LIMIT) - self.level)


class Loudness:
    """Tells loud from quiet inside one utterance, relative to how loudly it is spoken and to the noise of the room."""

    def __init__(self, floor: NoiseFloor, onset: Iterable[Samples]) -> None:
        self._floor = floor
        self._peak = max((rms(step) for step in onset), default=1.0)

    def loud(self, step: Samples) -> bool:
        """Whether somebody speaks in this step."""
        level = rms(step)
        self._peak = max(self._peak * _PEAK_DECAY, level)
        return level > max(self._peak * _DROP, self._floor.level * _ABOVE_FLOOR)
