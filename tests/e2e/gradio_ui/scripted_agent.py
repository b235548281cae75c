"""A participant that acts like the voice agent: state, voice, captions, flights, and listening."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from livekit import api, rtc

from agent.call.caller_silence import TOPIC_TYPING
from agent.call.tool_messages import TOPIC_TOOLS
from mesh.security.secrets import LiveKitKeys

RATE = 48_000
FRAME = RATE // 100


class ScriptedAgent:
    """Use as a context manager. Every method returns when its message is sent."""

    def __init__(
        self, url: str, keys: LiveKitKeys, room: str, *, identity: str = "agent-1", voice: bool = True
    ) -> None:
        self._url, self._keys, self._name, self._identity, self._voice = url, keys, room, identity, voice
        self.room = rtc.Room()
        self.typed: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        """Typed messages of the caller: text and stream id."""
        self.typing = asyncio.Event()
        """Set while the caller types."""
        self._loudness: asyncio.Queue[float] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> ScriptedAgent:
        token = (
            api.AccessToken(self._keys.key, self._keys.secret)
            .with_identity(self._identity)
            .with_kind("agent")
            .with_ttl(timedelta(minutes=5))
            .with_grants(api.VideoGrants(room_join=True, room=self._name, can_update_own_metadata=True))
            .to_jwt()
        )
        self.room.register_text_stream_handler("lk.chat", lambda reader, who: self._own(self._chat(reader)))
        self.room.on("data_received", self._data)
        self.room.on("track_subscribed", lambda track, *_: self._own(self._listen(track)))
        await self.room.connect(self._url, token)
        if self._voice:
            await self._publish()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.room.disconnect()

    async def _publish(self) -> None:
        self._source = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track("voice", self._source)
        await self.room.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        )

    async def become(self, state: str) -> None:
        await self.room.local_participant.set_attributes({"lk.agent.state": state})

    async def say(self, utterance_id: str, pieces: Sequence[str], *, tone_seconds: float = 0.2) -> None:
        """Play a tone and send captions in pieces, as one segment."""
        await self.become("speaking")
        attributes = {"lk.segment_id": utterance_id, "lk.transcription_final": "false"}
        writer = await self.room.local_participant.stream_text(
            topic="lk.transcription", attributes=attributes
        )
        for piece in pieces:
            await writer.write(piece)
            await self.tone(tone_seconds / len(pieces))
        await writer.aclose(attributes={"lk.transcription_final": "true"})
        await self.become("listening")

    async def recognise(
        self, utterance_id: str, caller: str, revisions: Sequence[str], *, sealed: bool = True
    ) -> None:
        """Send captions of the caller, one stream per revision; the last is final if `sealed`."""
        for number, text in enumerate(revisions, 1):
            final = "true" if sealed and number == len(revisions) else "false"
            writer = await self.room.local_participant.stream_text(
                topic="lk.transcription",
                sender_identity=caller,
                attributes={"lk.segment_id": utterance_id, "lk.transcription_final": final},
            )
            await writer.write(text)
            await writer.aclose()

    async def show_flights(self, payload: dict[str, Any]) -> None:
        await self.room.local_participant.send_text(json.dumps(payload), topic=TOPIC_TOOLS)

    async def tone(self, seconds: float) -> None:
        for start in range(max(1, int(seconds * 100))):
            phase = np.arange(start * FRAME, (start + 1) * FRAME) * (2 * math.pi * 440 / RATE)
            samples = (np.sin(phase) * 9000).astype(np.int16)
            await self._source.capture_frame(rtc.AudioFrame(samples.tobytes(), RATE, 1, FRAME))

    async def until_loud(self) -> None:
        """Wait until the caller is heard."""
        await self._until(lambda loudness: loudness > 200)

    async def until_silent(self) -> None:
        """Wait for half a second of silence from the caller. A muted track sends zeros or no frames."""
        quiet = 0
        async with asyncio.timeout(15):
            while quiet < 50:
                try:
                    quiet = quiet + 1 if await asyncio.wait_for(self._loudness.get(), 0.5) < 10 else 0
                except TimeoutError:
                    return

    async def _until(self, fits: Callable[[float], bool]) -> None:
        async with asyncio.timeout(15):
            while not fits(await self._loudness.get()):
                pass

    async def close_room(self) -> None:
        """End the call for all participants, like the conversation service."""
        async with api.LiveKitAPI(
            self._url.replace("ws", "http", 1), self._keys.key, self._keys.secret
        ) as server:
            await server.room.delete_room(api.DeleteRoomRequest(room=self._name))

    def _own(self, work: Any) -> None:
        self._tasks.append(asyncio.create_task(work))

    def _data(self, packet: rtc.DataPacket) -> None:
        if packet.topic == TOPIC_TYPING:
            self.typing.set()

    async def _chat(self, reader: rtc.TextStreamReader) -> None:
        text = await reader.read_all()
        await self.typed.put((text, reader.info.stream_id))

    async def _listen(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream(track, sample_rate=16_000, num_channels=1)
        try:
            async for event in stream:
                loudness = float(
                    np.abs(np.frombuffer(event.frame.data, dtype=np.int16).astype(np.float32)).mean()
                )
                self._loudness.put_nowait(loudness)
        finally:
            await stream.aclose()
