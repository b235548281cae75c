"""A simulated microphone: an audio track that sends samples in real time, as a browser does."""

import asyncio
import time
from contextlib import suppress

import numpy as np
from livekit import rtc

from agent.speech.audio import STEP, STEP_MS, STT_RATE, Samples

SPEECH = 400
"""A step counts as speech if any sample is louder than this 16-bit amplitude."""

_ROOM_TONE = 3.0
"""Standard deviation of the background noise, because a real microphone is never silent."""


class Microphone:
    """One published audio track that sends speech and background noise."""

    def __init__(self) -> None:
        # Without a queue in LiveKit, a sample is sent when it is captured, so the time of sending is known.
        self._source = rtc.AudioSource(STT_RATE, 1, queue_size_ms=0)
        self._queue: asyncio.Queue[tuple[Samples, asyncio.Future[float]]] = asyncio.Queue(8)
        self._clock: asyncio.Task[None] | None = None

    async def publish(self, room: rtc.Room) -> None:
        """Publish the track with DTX and RED, as browsers do, and start sending audio."""
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=True, red=True)
        await room.local_participant.publish_track(track, options)
        self._clock = asyncio.create_task(self._run())

    async def speak(self, samples: Samples) -> float:
        """Queue 16 kHz samples and wait until they are sent.

        Returns the `time.monotonic()` at which the last loud samples were sent.
        """
        spoken: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        await self._queue.put((samples, spoken))
        return await spoken

    async def close(self) -> None:
        """Stop the track."""
        if self._clock is not None:
            self._clock.cancel()
            with suppress(asyncio.CancelledError):
                await self._clock
        await self._source.aclose()

    async def _run(self) -> None:
        noise = np.random.default_rng(0)
        due = time.monotonic()
        samples: Samples = np.zeros(0, np.int16)
        spoken: asyncio.Future[float] | None = None
        at, last_loud = 0, 0.0
        while True:
            due += STEP_MS / 1000
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if spoken is None and not self._queue.empty():
                (samples, spoken), at = self._queue.get_nowait(), 0
            step = samples[at : at + STEP]
            at += STEP
            tone = noise.normal(0, _ROOM_TONE, STEP).astype(np.int16)
            tone[: len(step)] += step
            now = time.monotonic()
            await self._source.capture_frame(rtc.AudioFrame(tone.tobytes(), STT_RATE, 1, STEP))
            if len(step) and np.abs(step).max() > SPEECH:
                last_loud = now
            if spoken is not None and at >= len(samples):
                spoken.set_result(last_loud or now)
                samples, spoken, last_loud = np.zeros(0, np.int16), None, 0.0
