"""Messages that the caller types, received as text streams on `lk.chat`."""

import asyncio
import re
from dataclasses import dataclass
from typing import Self

import structlog
from livekit import rtc
from livekit.agents.types import TOPIC_CHAT

from agent.recording.utterances import MAX_TEXT_LENGTH

MAX_ANSWERED_LENGTH = 1000
"""Maximum length in characters. The agent records a longer message, but asks for a shorter one."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters, except tab and newline. A custom client can send them, but they must not reach a log
or a screen."""
_QUEUE_SIZE = 16
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TypedMessage:
    """One typed message.

    The id of its stream is ignored, because the client chooses it: the log refuses a second entry with the
    same id, and the agent would act on words that are not in the log.
    """

    text: str

    @property
    def too_long(self) -> bool:
        """True if the message is longer than `MAX_ANSWERED_LENGTH`."""
        return len(self.text) > MAX_ANSWERED_LENGTH


class TypedMessages:
    """Async iterator over the caller's messages, in order. Messages of other participants are ignored.

    Create it before joining the room; earlier messages are lost. When the queue is full, further messages are
    dropped.
    """

    def __init__(self, room: rtc.Room, caller_identity: str) -> None:
        self._room, self._caller = room, caller_identity
        self._queue: asyncio.Queue[TypedMessage] = asyncio.Queue(_QUEUE_SIZE)
        self._readers: set[asyncio.Task[None]] = set()
        room.register_text_stream_handler(TOPIC_CHAT, self._received)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> TypedMessage:
        return await self._queue.get()

    def close(self) -> list[TypedMessage]:
        """Stop listening and return the messages still in the queue."""
        self._room.unregister_text_stream_handler(TOPIC_CHAT)
        for task in self._readers:
            task.cancel()
        return [self._queue.get_nowait() for _ in range(self._queue.qsize())]

    def _received(self, reader: rtc.TextStreamReader, identity: str) -> None:
        if identity != self._caller:
            reader.close()
            return
        task = asyncio.create_task(self._read(reader))
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)

    async def _read(self, reader: rtc.TextStreamReader) -> None:
        text = ""
        try:
            async for chunk in reader:
                text += chunk
                if len(text) > MAX_TEXT_LENGTH:
                    reader.close()
                    break
        except ConnectionError as error:
            _log.info("typed message incomplete", error=str(error))
        if not (text := _CONTROLS.sub(" ", text[:MAX_TEXT_LENGTH]).strip()):
            return
        try:
            self._queue.put_nowait(TypedMessage(text))
        except asyncio.QueueFull:
            _log.warning("typed message dropped", queued=_QUEUE_SIZE)
