"""Whether the caller is still there.

Only somebody who leaves on purpose has hung up. Who drops out of the room for any other reason may be back in a moment, and the same goes
for a room server that fails: both sides reconnect to the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

import structlog
from livekit import rtc
from readback.conversation.v1 import conversation_service_pb2 as pb

_log = structlog.get_logger(__name__)

Ending: TypeAlias = "pb.CallEndReason.ValueType"


class Presence:
    """Watches one caller in a room; must be made in the event loop.

    `on_lost` is called when they drop out, or our own line to the room does; `on_back` once both are there again.
    """

    def __init__(
        self,
        room: rtc.Room,
        identity: str,
        *,
        patience: float,
        on_lost: Callable[[], None],
        on_back: Callable[[], None],
    ) -> None:
        self._room, self._identity, self._patience = room, identity, patience
        self._on_lost, self._on_back = on_lost, on_back
        self._giving_up: asyncio.TimerHandle | None = None
        self._reconnecting = False
        self._ended: asyncio.Future[Ending | None] = asyncio.get_running_loop().create_future()
        room.on("participant_connected", self._connected)
        room.on("participant_disconnected", self._disconnected)
        room.on("reconnecting", self._line_lost)
        room.on("reconnected", self._line_back)
        room.on("disconnected", self._room_gone)
        if identity not in room.remote_participants:
            self._wait()

    async def ended(self) -> Ending | None:
        """Waits for the end: how the caller left, or None when the room is gone and with it the means to know."""
        return await asyncio.shield(self._ended)

    def close(self) -> None:
        """Stops watching."""
        self._room.off("participant_connected", self._connected)
        self._room.off("participant_disconnected", self._disconnected)
        self._room.off("reconnecting", self._line_lost)
        self._room.off("reconnected", self._line_back)
        self._room.off("disconnected", self._room_gone)
        self._stop_waiting()
        self._ended.cancel()

    def _connected(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._identity and self._stop_waiting() and not self._reconnecting:
            self._on_back()

    def _disconnected(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity != self._identity or self._identity in self._room.remote_participants:
            return  # a second tab of the same caller has taken the first one's place already
        reason = participant.disconnect_reason
        _log.info(
            "caller left", reason=rtc.DisconnectReason.Name(reason or rtc.DisconnectReason.UNKNOWN_REASON)
        )
        if reason == rtc.DisconnectReason.CLIENT_INITIATED:
            self._end(pb.CALL_END_REASON_CALLER_HUNG_UP)
        else:
            self._wait()
            self._on_lost()

    def _line_lost(self) -> None:
        self._reconnecting = True
        self._on_lost()

    def _line_back(self) -> None:
        self._reconnecting = False
        if self._giving_up is None:
            self._on_back()

    def _room_gone(self, reason: object = None) -> None:
        _log.info("room gone", reason=str(reason))
        self._end(None)

    def _wait(self) -> None:
        self._stop_waiting()
        self._giving_up = asyncio.get_running_loop().call_later(
            self._patience, self._end, pb.CALL_END_REASON_CALLER_LOST
        )

    def _stop_waiting(self) -> bool:
        waited, self._giving_up = self._giving_up, None
        if waited is not None:
            waited.cancel()
        return waited is not None

    def _end(self, ending: Ending | None) -> None:
        if not self._ended.done():
            self._ended.set_result(ending)
