"""Live captions of both sides, as LiveKit's clients expect them: text streams on `lk.transcription`.

LiveKit's own output names segments as it likes. Here a segment is an utterance and bears its UUID (`lk.segment_id`), so that a page can
replace the caption by the entry of the log that it has become. Every stream holds all words so far; a later one of the same segment
replaces it. It is sent in the speaker's name.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import structlog
from livekit import rtc
from livekit.agents.types import (
    ATTRIBUTE_TRANSCRIPTION_FINAL,
    ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID,
    ATTRIBUTE_TRANSCRIPTION_TRACK_ID,
    TOPIC_TRANSCRIPTION,
)
from livekit.agents.voice.transcription import find_micro_track_id
from readback.conversation.v1 import entry_pb2

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Caption:
    identity: str
    utterance_id: str
    text: str
    final: bool


class RoomCaptions:
    """Shows live text in a room, the latest of every utterance; what came before it and could not be sent in time is left out."""

    def __init__(self, room: rtc.Room, caller_identity: str) -> None:
        self._room, self._caller = room, caller_identity
        self._waiting: dict[str, _Caption] = {}
        self._wake = asyncio.Event()
        self._sent = asyncio.Event()
        self._sent.set()

    def revised(self, speaker: entry_pb2.Speaker.ValueType, utterance_id: str, text: str) -> None:
        """All words so far of an utterance that goes on."""
        self._put(speaker, utterance_id, text, final=False)

    def sealed(self, speaker: entry_pb2.Speaker.ValueType, utterance_id: str, text: str) -> None:
        """All words of an utterance that has ended."""
        self._put(speaker, utterance_id, text, final=True)

    async def publish(self) -> None:
        """Sends captions in order, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._send(self._waiting.pop(next(iter(self._waiting))))
            self._sent.set()

    async def flushed(self, timeout: float) -> None:
        """Waits until everything is sent, or until the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._sent.wait()

    def _put(
        self, speaker: entry_pb2.Speaker.ValueType, utterance_id: str, text: str, *, final: bool
    ) -> None:
        identity = (
            self._caller if speaker == entry_pb2.SPEAKER_CUSTOMER else self._room.local_participant.identity
        )
        self._waiting[utterance_id] = _Caption(identity, utterance_id, text, final)
        self._sent.clear()
        self._wake.set()

    async def _send(self, caption: _Caption) -> None:
        attributes = {
            ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID: caption.utterance_id,
            ATTRIBUTE_TRANSCRIPTION_FINAL: str(caption.final).lower(),
        }
        try:
            with suppress(ValueError):  # who only types has no track
                attributes[ATTRIBUTE_TRANSCRIPTION_TRACK_ID] = find_micro_track_id(
                    self._room, caption.identity
                )
            writer = await self._room.local_participant.stream_text(
                topic=TOPIC_TRANSCRIPTION, sender_identity=caption.identity, attributes=attributes
            )
            await writer.write(caption.text)
            await writer.aclose()
        except (ConnectionError, RuntimeError) as error:
            # The room is reconnecting or gone. A caption is no reason to end a call, and the log has its words.
            _log.info("caption not sent", error=str(error))
        except Exception:  # noqa: BLE001 - nor is one that broke in another way a reason to show no more of them
            _log.exception("caption not sent")
