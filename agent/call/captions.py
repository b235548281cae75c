"""Live captions of both speakers, as LiveKit's clients expect them: text streams on `lk.transcription`.

LiveKit's built-in output generates its own segment ids. Here a segment is an utterance, and `lk.segment_id`
is the utterance's UUID. So the web app can replace a caption with the utterance's log entry instead of
showing both. Each stream contains all words so far and replaces earlier streams of its segment. It carries
the speaker's identity as its sender.
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

_SEND_WITHIN_S = 2.0
"""Maximum time to send a caption. A caption that can't be sent must not stop later ones."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Caption:
    identity: str
    utterance_id: str
    text: str
    final: bool


class RoomCaptions:
    """Sender of captions to a room. A newer caption of an utterance replaces one that is still unsent."""

    def __init__(self, room: rtc.Room, caller_identity: str) -> None:
        self._room, self._caller = room, caller_identity
        self._unsent: dict[str, _Caption] = {}
        self._wake = asyncio.Event()
        self._all_sent = asyncio.Event()
        self._all_sent.set()

    def show(
        self, speaker: entry_pb2.Speaker.ValueType, utterance_id: str, text: str, *, final: bool = False
    ) -> None:
        """Queue a caption with all words of an utterance so far. `final` means that no more words follow."""
        by_caller = speaker == entry_pb2.SPEAKER_CUSTOMER
        identity = self._caller if by_caller else self._room.local_participant.identity
        self._unsent[utterance_id] = _Caption(identity, utterance_id, text, final)
        self._all_sent.clear()
        self._wake.set()

    async def publish(self) -> None:
        """Send captions in order, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._unsent:
                await self._send(self._unsent.pop(next(iter(self._unsent))))
            self._all_sent.set()

    async def flush(self, timeout: float) -> None:
        """Wait until all captions are sent, for at most `timeout` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._all_sent.wait()

    async def _send(self, caption: _Caption) -> None:
        attributes = {
            ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID: caption.utterance_id,
            ATTRIBUTE_TRANSCRIPTION_FINAL: str(caption.final).lower(),
        }
        try:
            with suppress(ValueError):  # a caller without a microphone has no track
                attributes[ATTRIBUTE_TRANSCRIPTION_TRACK_ID] = find_micro_track_id(
                    self._room, caption.identity
                )
            async with asyncio.timeout(_SEND_WITHIN_S):
                writer = await self._room.local_participant.stream_text(
                    topic=TOPIC_TRANSCRIPTION, sender_identity=caption.identity, attributes=attributes
                )
                await writer.write(caption.text)
                await writer.aclose()
        except TimeoutError:
            _log.warning("caption not sent in time", seconds=_SEND_WITHIN_S)
        except (ConnectionError, RuntimeError) as error:
            # The room is reconnecting or disconnected. The call continues without this caption, because the
            # words are also in the log.
            _log.info("caption not sent", error=str(error))
        except Exception:  # noqa: BLE001 - one failed caption must not stop later ones
            _log.exception("caption not sent")
