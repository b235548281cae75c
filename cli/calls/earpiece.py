"""The caller's earpiece: detects when the agent is audible, and records all audio of the agent."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from livekit import rtc

from agent.speech.audio import Samples

RECORDING_RATE = 24_000
"""Samples per second of the recording."""

LOUD = 600
"""A frame counts as the agent's speech if any sample is louder than this 16-bit amplitude."""

_FRAME_MS = 10


class Earpiece:
    """Listener to one audio track at a time. It calls `changed` for every frame."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._listening: asyncio.Task[None] | None = None
        self._frames: list[Samples] = []
        self.first_loud: float | None = None
        """`time.monotonic()` of the first loud frame since `reset_first_loud`."""
        self.last_loud = float("-inf")

    def listen(self, track: rtc.Track) -> None:
        """Stop listening to the previous track, and listen to this one.

        Otherwise the track of a dead agent would also deliver the audio of the next agent.
        """
        self.stop()
        self._listening = asyncio.create_task(self._run(track))

    def stop(self) -> None:
        """Stop listening."""
        if self._listening is not None:
            self._listening.cancel()

    async def close(self) -> None:
        """Stop listening and release the track."""
        self.stop()
        if self._listening is not None:
            with suppress(asyncio.CancelledError):
                await self._listening

    @property
    def quiet_for(self) -> float:
        """Seconds since the agent's last loud frame."""
        return time.monotonic() - self.last_loud

    def reset_first_loud(self) -> None:
        """Forget the first loud frame; the next loud frame becomes the first."""
        self.first_loud = None

    def recording(self) -> Samples:
        """Return all audio received so far, at `RECORDING_RATE`."""
        return np.concatenate(self._frames) if self._frames else np.zeros(0, np.int16)

    async def _run(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream(track, sample_rate=RECORDING_RATE, num_channels=1, frame_size_ms=_FRAME_MS)
        try:
            async for event in stream:
                self._take(np.frombuffer(event.frame.data, np.int16).copy())
        finally:
            await stream.aclose()

    def _take(self, samples: Samples) -> None:
        self._frames.append(samples)
        if np.abs(samples).max() > LOUD:
            self.last_loud = time.monotonic()
            if self.first_loud is None:
                self.first_loud = self.last_loud
        self._changed()
