"""Presence of the caller in the room: hanging up, losing the connection, returning.

A caller who leaves on purpose has hung up. A caller whose connection is lost may return, so the agent waits
`patience` seconds before it ends the call. When a LiveKit server fails, caller and agent reconnect to another
one in the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

import structlog
from livekit import rtc
from readback.conversation.v1 import entry_pb2

_log = structlog.get_logger(__name__)

CallEnding: TypeAlias = "entry_pb2.CallEndReason.ValueType"


class PresenceWatcher:
    """Watcher of one caller in a room. Create it while the event loop runs.

    It calls `on_away` when the caller or the agent loses the connection to the room, and `on_back` when both
    are connected again. `patience` is in seconds.
    """

    def __init__(
        self,
        room: rtc.Room,
        identity: str,
        *,
        patience: float,
        on_away: Callable[[], None],
        on_back: Callable[[], None],
    ) -> None:
        self._room, self._identity, self._patience = room, identity, patience
        self._on_away, self._on_back = on_away, on_back
        self._timeout: asyncio.TimerHandle | None = None
        self._reconnecting = False
        self._ended: asyncio.Future[CallEnding | None] = asyncio.get_running_loop().create_future()
        self._handlers: dict[Any, Callable[..., None]] = {
            "participant_connected": self._connected,
            "participant_disconnected": self._disconnected,
            "reconnecting": self._connection_lost,
            "reconnected": self._connection_restored,
            "disconnected": self._room_gone,
        }
        for event, handler in self._handlers.items():
            room.on(event, handler)
        if identity not in room.remote_participants:
            self._start_timeout()

    async def ended(self) -> CallEnding | None:
        """Wait until the caller has left for good, and return the reason.

        Return None if the agent itself was disconnected from the room, because the caller may still be there.
        """
        return await asyncio.shield(self._ended)

    def close(self) -> None:
        """Stop watching."""
        for event, handler in self._handlers.items():
            self._room.off(event, handler)
        self._stop_timeout()
        self._ended.cancel()

    def _connected(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._identity and self._stop_timeout() and not self._reconnecting:
            self._on_back()

    def _disconnected(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity != self._identity or self._identity in self._room.remote_participants:
            return  # the caller has already joined again, from a second tab
        reason = participant.disconnect_reason or rtc.DisconnectReason.UNKNOWN_REASON
        _log.info("caller left", reason=rtc.DisconnectReason.Name(reason))
        if reason == rtc.DisconnectReason.CLIENT_INITIATED:
            self._end(entry_pb2.CALL_END_REASON_CUSTOMER_HUNG_UP)
        else:
            self._start_timeout()
            self._on_away()

    def _connection_lost(self) -> None:
        self._reconnecting = True
        self._on_away()

    def _connection_restored(self) -> None:
        self._reconnecting = False
        if self._timeout is None:
            self._on_back()

    def _room_gone(self, reason: object = None) -> None:
        _log.info("agent disconnected from room", reason=str(reason))
        self._end(None)

    def _start_timeout(self) -> None:
        self._stop_timeout()
        self._timeout = asyncio.get_running_loop().call_later(
            self._patience, self._end, entry_pb2.CALL_END_REASON_CUSTOMER_LOST
        )

    def _stop_timeout(self) -> bool:
        """Stop the timeout. Return whether it was running."""
        timeout, self._timeout = self._timeout, None
        if timeout is not None:
            timeout.cancel()
        return timeout is not None

    def _end(self, ending: CallEnding | None) -> None:
        if not self._ended.done():
            self._ended.set_result(ending)
