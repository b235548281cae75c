"""Presence: only a caller who leaves on purpose has hung up."""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.rtc import DisconnectReason
from readback.conversation.v1 import entry_pb2

from agent.call.caller_presence import PresenceWatcher

pytestmark = pytest.mark.unit

LONG, SHORT = 30.0, 0.01


@dataclass
class Person:
    """A participant."""

    identity: str
    disconnect_reason: int | None = None


class Room(rtc.EventEmitter[str]):
    """A room with only its participants."""

    def __init__(self, *identities: str) -> None:
        super().__init__()
        self.remote_participants = {identity: Person(identity) for identity in identities}

    def leave(self, identity: str, reason: int) -> None:
        person = self.remote_participants.pop(identity)
        person.disconnect_reason = reason
        self.emit("participant_disconnected", person)

    def enter(self, identity: str) -> None:
        self.remote_participants[identity] = Person(identity)
        self.emit("participant_connected", self.remote_participants[identity])


class Watched:
    """A presence and its callbacks."""

    def __init__(self, room: Room, patience: float) -> None:
        self.calls: list[str] = []
        self.presence = PresenceWatcher(
            cast("Any", room),
            "caller",
            patience=patience,
            on_away=lambda: self.calls.append("away"),
            on_back=lambda: self.calls.append("back"),
        )

    async def ended(self) -> Any:
        return await asyncio.wait_for(self.presence.ended(), 5)


async def test_a_caller_who_leaves_on_purpose_has_hung_up() -> None:
    room = Room("caller")
    watched = Watched(room, LONG)
    room.leave("caller", DisconnectReason.CLIENT_INITIATED)
    assert await watched.ended() == entry_pb2.CALL_END_REASON_CUSTOMER_HUNG_UP
    assert watched.calls == []


async def test_a_caller_who_drops_out_and_stays_away_is_lost() -> None:
    room = Room("caller")
    watched = Watched(room, SHORT)
    room.leave("caller", DisconnectReason.CONNECTION_TIMEOUT)
    assert await watched.ended() == entry_pb2.CALL_END_REASON_CUSTOMER_LOST
    assert watched.calls == ["away"]


async def test_a_caller_who_comes_back_in_time_continues() -> None:
    room = Room("caller")
    watched = Watched(room, LONG)
    room.leave("caller", DisconnectReason.SIGNAL_CLOSE)
    room.enter("caller")
    assert watched.calls == ["away", "back"]
    room.leave("caller", DisconnectReason.CLIENT_INITIATED)
    assert await watched.ended() == entry_pb2.CALL_END_REASON_CUSTOMER_HUNG_UP


async def test_losing_the_agents_own_connection_counts_as_away() -> None:
    room = Room("caller")
    watched = Watched(room, LONG)
    room.emit("reconnecting")
    room.emit("reconnected")
    assert watched.calls == ["away", "back"]


@pytest.mark.parametrize("caller_first", [True, False])
async def test_the_caller_is_back_only_when_both_sides_are(caller_first: bool) -> None:
    room = Room("caller")
    watched = Watched(room, LONG)
    room.emit("reconnecting")
    room.leave("caller", DisconnectReason.UNKNOWN_REASON)
    returning = [lambda: room.enter("caller"), lambda: room.emit("reconnected")]
    for one_is_back in returning if caller_first else reversed(returning):
        assert "back" not in watched.calls
        one_is_back()
    assert watched.calls == ["away", "away", "back"]


async def test_a_second_tab_that_replaces_the_first_is_not_away() -> None:
    room = Room("caller")
    watched = Watched(room, LONG)
    first = room.remote_participants["caller"]
    room.enter("caller")
    first.disconnect_reason = DisconnectReason.DUPLICATE_IDENTITY
    room.emit("participant_disconnected", first)
    assert watched.calls == []


async def test_a_caller_who_never_comes_is_lost() -> None:
    assert await Watched(Room(), SHORT).ended() == entry_pb2.CALL_END_REASON_CUSTOMER_LOST


async def test_other_participants_are_ignored() -> None:
    room = Room("caller", "other")
    watched = Watched(room, LONG)
    room.leave("other", DisconnectReason.CLIENT_INITIATED)
    room.enter("another")
    assert watched.calls == []


async def test_a_deleted_room_gives_no_ending() -> None:
    room = Room("caller")
    watched = Watched(room, LONG)
    room.emit("disconnected", DisconnectReason.ROOM_DELETED)
    assert await watched.ended() is None


async def test_after_close_nothing_is_watched() -> None:
    room = Room("caller")
    watched = Watched(room, LONG)
    watched.presence.close()
    room.emit("reconnecting")
    room.leave("caller", DisconnectReason.SIGNAL_CLOSE)
    assert watched.calls == []
