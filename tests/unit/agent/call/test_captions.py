"""Captions: the latest words of every utterance under its own id, however slow the room is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import pytest
from readback.conversation.v1 import entry_pb2

from agent.call.captions import RoomCaptions

pytestmark = pytest.mark.unit

AGENT, CUSTOMER = entry_pb2.SPEAKER_AGENT, entry_pb2.SPEAKER_CUSTOMER


class Writer:
    """A text stream being written."""

    def __init__(self, room: "Room", sender: str, attributes: dict[str, str]) -> None:
        self._room, self._sender, self._attributes = room, sender, attributes

    async def write(self, text: str) -> None:
        final = self._attributes["lk.transcription_final"] == "true"
        self._room.shown.append((self._sender, self._attributes["lk.segment_id"], text, final))

    async def aclose(self) -> None:
        pass


class Room:
    """A room that shows one stream at a time while `open` is set."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, str, str, bool]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.broken: Exception | None = None
        self.identity = "agent"
        self.track_publications: dict[str, Any] = {}
        self.remote_participants: dict[str, Any] = {}

    @property
    def local_participant(self) -> "Room":
        return self

    async def stream_text(self, *, topic: str, sender_identity: str, attributes: dict[str, str]) -> Writer:
        assert topic == "lk.transcription"
        await self.open.wait()
        if self.broken is not None:
            raise self.broken
        return Writer(self, sender_identity, attributes)


@asynccontextmanager
async def _captions(room: Room) -> AsyncIterator[RoomCaptions]:
    captions = RoomCaptions(cast("Any", room), "caller")
    publishing = asyncio.create_task(captions.publish())
    try:
        yield captions
    finally:
        publishing.cancel()
        with suppress(asyncio.CancelledError):
            await publishing


async def test_each_speaker_is_shown_in_their_own_name() -> None:
    room = Room()
    async with _captions(room) as captions:
        captions.show(CUSTOMER, "1", "Hello", final=True)
        captions.show(AGENT, "2", "Hi", final=True)
        await captions.flush(5)
    assert room.shown == [("caller", "1", "Hello", True), ("agent", "2", "Hi", True)]


async def test_words_are_shown_as_they_come_and_the_last_are_final() -> None:
    room = Room()
    async with _captions(room) as captions:
        for text in ("Show", "Show flights"):
            captions.show(CUSTOMER, "1", text)
            await captions.flush(5)
        captions.show(CUSTOMER, "1", "Show flights.", final=True)
        await captions.flush(5)
    assert [text for _, _, text, _ in room.shown] == ["Show", "Show flights", "Show flights."]
    assert [final for *_, final in room.shown] == [False, False, True]


async def test_a_slow_room_gets_the_latest_words_and_no_backlog() -> None:
    room = Room()
    async with _captions(room) as captions:
        room.open.clear()
        captions.show(AGENT, "1", "w0")
        await asyncio.sleep(0)
        for number in range(1, 500):
            captions.show(AGENT, "1", f"w{number}")
        captions.show(AGENT, "1", "whole", final=True)
        room.open.set()
        await captions.flush(5)
    assert room.shown[-1] == ("agent", "1", "whole", True)
    assert len(room.shown) <= 2


@pytest.mark.parametrize("how", [ConnectionError("the room is reconnecting"), KeyError("who")])
async def test_a_failing_room_loses_only_captions(how: Exception) -> None:
    room = Room()
    async with _captions(room) as captions:
        room.broken = how
        captions.show(AGENT, "1", "lost", final=True)
        await captions.flush(5)
        room.broken = None
        captions.show(AGENT, "2", "shown", final=True)
        await captions.flush(5)
    assert [text for _, _, text, _ in room.shown] == ["shown"]


async def test_flush_does_not_wait_for_a_hanging_room() -> None:
    room = Room()
    async with _captions(room) as captions:
        room.open.clear()
        captions.show(AGENT, "1", "never", final=True)
        await captions.flush(0.05)
    assert room.shown == []


async def test_a_caption_that_hangs_does_not_stop_later_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.call.captions._SEND_WITHIN_S", 0.01)
    room, send = Room(), Room.stream_text
    room.open.clear()

    async def opening(self: Room, **stream: Any) -> Writer:
        try:
            return await send(self, **stream)
        finally:
            room.open.set()  # the first stream has timed out

    monkeypatch.setattr(Room, "stream_text", opening)
    async with _captions(room) as captions:
        captions.show(AGENT, "1", "lost")
        captions.show(AGENT, "2", "shown")
        await captions.flush(5)
    assert [text for _, _, text, _ in room.shown] == ["shown"]
