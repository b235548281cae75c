"""Typed lines: whole, in order, from the caller alone, and never more than the call can bear."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.call.typed_messages import LONGEST_ANSWERED, TypedLine, TypedText
from agent.recording.utterances import MOST_CHARACTERS
from mesh.ids import uuid7

pytestmark = pytest.mark.unit


class Reader:
    """A text stream being read."""

    def __init__(self, *chunks: str, stream_id: str = "", breaks: bool = False) -> None:
        self.info = SimpleNamespace(stream_id=stream_id)
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
    """A room in which somebody types."""

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
async def typed(room: Room) -> TypedText:
    return TypedText(cast("Any", room), "caller")


async def _next(typed: TypedText) -> TypedLine:
    return await asyncio.wait_for(anext(typed), 5)


async def test_a_line_is_put_together_and_keeps_the_id_of_its_stream(room: Room, typed: TypedText) -> None:
    line = str(uuid.uuid4())
    room.type(Reader("flights ", "to Delhi ", stream_id=line))
    assert await _next(typed) == TypedLine("flights to Delhi", line)


@pytest.mark.parametrize(
    "stream_id",
    ["7", "", uuid7(), str(uuid.UUID(int=0))],
    ids=["number", "nothing", "like the agent's", "nil"],
)
async def test_an_id_that_may_be_anothers_is_not_taken(room: Room, typed: TypedText, stream_id: str) -> None:
    room.type(Reader("hello", stream_id=stream_id))
    assert (await _next(typed)).utterance_id is None


async def test_an_id_is_taken_once(room: Room, typed: TypedText) -> None:
    line = str(uuid.uuid4())
    for text in ("yes", "no"):
        room.type(Reader(text, stream_id=line.upper()))
    assert [await _next(typed) for _ in range(2)] == [TypedLine("yes", line), TypedLine("no", None)]


async def test_what_nobody_has_taken_is_given_at_the_end(room: Room, typed: TypedText) -> None:
    for text in ("one", "two", "three"):
        room.type(Reader(text))
    assert (await _next(typed)).text == "one"
    assert [line.text for line in typed.close()] == ["two", "three"]


async def test_lines_come_in_order_and_empty_ones_not_at_all(room: Room, typed: TypedText) -> None:
    for text in ("one", "  ", "", "two"):
        room.type(Reader(text))
    assert [(await _next(typed)).text for _ in range(2)] == ["one", "two"]


async def test_what_nobody_can_type_is_taken_out_of_a_line(room: Room, typed: TypedText) -> None:
    room.type(Reader("\0\x1b\x7f"))
    room.type(Reader("book\0a flight\x1b[2J\r\n\tto दिल्ली\x9f"))
    assert (await _next(typed)).text == "book a flight [2J \n\tto दिल्ली"


async def test_what_others_type_is_not_for_the_agent(room: Room, typed: TypedText) -> None:
    stranger = Reader("cancel everything")
    room.type(stranger, by="stranger")
    room.type(Reader("hello"))
    assert (await _next(typed)).text == "hello"
    assert stranger.closed
    assert stranger.read == 0


async def test_a_line_without_end_is_read_as_far_as_it_can_be_kept(room: Room, typed: TypedText) -> None:
    endless = Reader(*["x" * 1000] * 1000)
    room.type(endless)
    line = await _next(typed)
    assert len(line.text) == MOST_CHARACTERS
    assert line.too_long
    assert endless.read <= MOST_CHARACTERS // 1000 + 1


async def test_a_line_that_breaks_off_is_kept_so_far(room: Room, typed: TypedText) -> None:
    room.type(Reader("flights to", breaks=True))
    assert (await _next(typed)).text == "flights to"


async def test_a_flood_of_lines_is_bounded(room: Room, typed: TypedText) -> None:
    for number in range(100):
        room.type(Reader(str(number)))
    async with asyncio.timeout(5):
        while typed._reading:
            await asyncio.gather(*typed._reading)
    assert typed._lines.qsize() == 16


@pytest.mark.parametrize(("length", "too_long"), [(LONGEST_ANSWERED, False), (LONGEST_ANSWERED + 1, True)])
def test_a_request_has_a_length(length: int, too_long: bool) -> None:
    assert TypedLine("x" * length, None).too_long is too_long
