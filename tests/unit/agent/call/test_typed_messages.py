"""Typed messages: complete, in order, only from the caller, limited in number and length."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from agent.call.typed_messages import MAX_ANSWERED_LENGTH, TypedMessage, TypedMessages
from agent.recording.utterances import MAX_TEXT_LENGTH

pytestmark = pytest.mark.unit


class Reader:
    """A text stream being read."""

    def __init__(self, *chunks: str, breaks: bool = False) -> None:
        self._chunks, self._breaks, self.closed, self.read = chunks, breaks, False, 0

    async def __aiter__(self) -> AsyncIterator[str]:
        for chunk in self._chunks:
            if self.closed:
                return
            self.read += 1
            yield chunk
        if self._breaks:
            raise ConnectionError("stream closed abnormally")

    def close(self) -> None:
        self.closed = True


class Room:
    """A room in which participants type."""

    def __init__(self) -> None:
        self._handler: Callable[[Any, str], None] | None = None

    def register_text_stream_handler(self, topic: str, handler: Callable[[Any, str], None]) -> None:
        assert topic == "lk.chat"
        self._handler = handler

    def unregister_text_stream_handler(self, topic: str) -> None:
        self._handler = None

    def type(self, reader: Reader, by: str = "caller") -> None:
        assert self._handler is not None
        self._handler(reader, by)


@pytest.fixture
async def room() -> Room:
    return Room()


@pytest.fixture
async def typed(room: Room) -> TypedMessages:
    return TypedMessages(cast("Any", room), "caller")


async def _next(typed: TypedMessages) -> TypedMessage:
    return await asyncio.wait_for(anext(typed), 5)


async def test_a_message_is_joined(room: Room, typed: TypedMessages) -> None:
    room.type(Reader("flights ", "to Delhi "))
    assert await _next(typed) == TypedMessage("flights to Delhi")


async def test_close_returns_the_messages_still_queued(room: Room, typed: TypedMessages) -> None:
    for text in ("one", "two", "three"):
        room.type(Reader(text))
    assert (await _next(typed)).text == "one"
    assert [message.text for message in typed.close()] == ["two", "three"]


async def test_messages_come_in_order_without_empty_ones(room: Room, typed: TypedMessages) -> None:
    for text in ("one", "  ", "", "two"):
        room.type(Reader(text))
    assert [(await _next(typed)).text for _ in range(2)] == ["one", "two"]


async def test_control_characters_are_removed(room: Room, typed: TypedMessages) -> None:
    room.type(Reader("\0\x1b\x7f"))
    room.type(Reader("book\0a flight\x1b[2J\r\n\tto दिल्ली\x9f"))
    assert (await _next(typed)).text == "book a flight [2J \n\tto दिल्ली"


async def test_messages_of_other_participants_are_ignored(room: Room, typed: TypedMessages) -> None:
    stranger = Reader("cancel everything")
    room.type(stranger, by="stranger")
    room.type(Reader("hello"))
    assert (await _next(typed)).text == "hello"
    assert stranger.closed
    assert stranger.read == 0


async def test_an_endless_message_is_read_up_to_the_longest_text(room: Room, typed: TypedMessages) -> None:
    endless = Reader(*["x" * 1000] * 1000)
    room.type(endless)
    message = await _next(typed)
    assert len(message.text) == MAX_TEXT_LENGTH
    assert message.too_long
    assert endless.read <= MAX_TEXT_LENGTH // 1000 + 1


async def test_an_incomplete_message_is_kept(room: Room, typed: TypedMessages) -> None:
    room.type(Reader("flights to", breaks=True))
    assert (await _next(typed)).text == "flights to"


async def test_a_flood_of_messages_is_bounded(room: Room, typed: TypedMessages) -> None:
    for number in range(100):
        room.type(Reader(str(number)))
    async with asyncio.timeout(5):
        while typed._readers:
            await asyncio.gather(*typed._readers)
    assert typed._queue.qsize() == 16


@pytest.mark.parametrize(
    ("length", "too_long"), [(MAX_ANSWERED_LENGTH, False), (MAX_ANSWERED_LENGTH + 1, True)]
)
def test_an_answered_message_has_a_longest_length(length: int, too_long: bool) -> None:
    assert TypedMessage("x" * length).too_long is too_long
