"""Messages that the caller types, received as text streams on `lk.chat`."""

import asyncio
import re
import uuid
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

    `utterance_id` is the stream id that the web app chose, so that it can match the message with its log
    entry. It is None if the stream id is not usable.
    """

    text: str
    utterance_id: str | None

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
        self._ids: set[str] = set()
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
            self._queue.put_nowait(TypedMessage(text, self._usable_id(reader.info.stream_id)))
        except asyncio.QueueFull:
            _log.warning("typed message dropped", queued=_QUEUE_SIZE)

    def _usable_id(self, stream_id: str) -> str | None:
        """Return the stream id as utterance id if it is a new UUID of version 4, otherwise None.

        The agent's own ids are UUIDs of version 7. A client sees them in captions, and the log refuses a
        second entry with the same id. So a client that could reuse them could block the agent's entries.
        """
        try:
            parsed = uuid.UUID(stream_id)
        except ValueError:
            return None
        if parsed.version != 4 or str(parsed) in self._ids:
            return None
        self._ids.add(str(parsed))
        return str(parsed)
