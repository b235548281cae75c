"""Lines that the caller types: text streams on `lk.chat`, answered like spoken words."""

import asyncio
import re
import uuid
from dataclasses import dataclass
from typing import Self

import structlog
from livekit import rtc
from livekit.agents.types import TOPIC_CHAT

from agent.recording.utterances import MOST_CHARACTERS

LONGEST_ANSWERED = 1000
"""Longer lines are not requests; they are kept, and the caller is asked for a shorter one."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Characters that nobody types, a NUL among them, but that a client of one's own can send: neither a log, a prompt nor a screen is to get
them. Tabs and line breaks stay."""
_WAITING = 16
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TypedLine:
    """One line. `utterance_id` is the id of its stream, when the caller's client drew a UUID for it: so the page knows its entry."""

    text: str
    utterance_id: str | None

    @property
    def too_long(self) -> bool:
        """Whether to ask for a shorter one."""
        return len(self.text) > LONGEST_ANSWERED


class TypedText:
    """The caller's typed lines in order, as an async iterator. What others in the room type is not for us.

    Made before the room is joined, so that no line comes too early. Who types faster than the agent answers loses lines, not the call.
    """

    def __init__(self, room: rtc.Room, caller_identity: str) -> None:
        self._room, self._caller = room, caller_identity
        self._lines: asyncio.Queue[TypedLine] = asyncio.Queue(_WAITING)
        self._reading: set[asyncio.Task[None]] = set()
        self._ids: set[str] = set()
        room.register_text_stream_handler(TOPIC_CHAT, self._received)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> TypedLine:
        return await self._lines.get()

    def close(self) -> list[TypedLine]:
        """Stops listening. Gives the lines that nobody has taken."""
        self._room.unregister_text_stream_handler(TOPIC_CHAT)
        for task in self._reading:
            task.cancel()
        return [self._lines.get_nowait() for _ in range(self._lines.qsize())]

    def _received(self, reader: rtc.TextStreamReader, identity: str) -> None:
        if identity != self._caller:
            reader.close()
            return
        task = asyncio.create_task(self._read(reader))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read(self, reader: rtc.TextStreamReader) -> None:
        text = ""
        try:
            async for chunk in reader:
                text += chunk
                if len(text) > MOST_CHARACTERS:
                    reader.close()
                    break
        except ConnectionError as error:
            _log.info("typed line broke off", error=str(error))
        if not (text := _CONTROLS.sub(" ", text[:MOST_CHARACTERS]).strip()):
            return
        try:
            self._lines.put_nowait(TypedLine(text, self._own_id(reader.info.stream_id)))
        except asyncio.QueueFull:
            _log.warning("typed line dropped", waiting=_WAITING)

    def _own_id(self, stream_id: str) -> str | None:
        """The id for a line's entry, or None when that may be another entry's: the log would refuse whichever comes later.

        The caller sees the ids of what is being said, and could have the agent's words refused with them. Ours are all of version 7.
        """
        try:
            drawn = uuid.UUID(stream_id)
        except ValueError:
            return None
        if drawn.version != 4 or str(drawn) in self._ids:
            return None
        self._ids.add(str(drawn))
        return str(drawn)
