"""Agent replacement: when a lost or late agent is replaced, and when a call gives up.

    live         the stream broke without `close` and is not back within a second, here or on another replica
                 → truncate open utterances, raise the epoch, dispatch another agent
    dispatched   the caller is in the room and the agent has not opened its stream within `patience`
                 → raise the epoch, dispatch another agent

LiveKit does neither: it never retries a dispatch that found no worker, and notices a killed agent only after
twenty seconds.

Each step is conditional: it happens only if the call's row is as it was read, so only one replica takes it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import structlog
from readback.conversation.v1 import conversation_service_pb2 as pb

from mesh.clock import Clock
from services.conversation.calls import calls
from services.conversation.calls.holds import HoldEnd, Holds
from services.conversation.calls.ports import Participant, Rooms
from services.conversation.log.transcript_log import TranscriptLog
from services.conversation.model.records import Call

RETURN_WITHIN_SECONDS = 1.0
"""Time for a broken stream to return before another agent is dispatched. If its replica died, that replica's
lease expires first. Agents reconnect after pauses of up to a second."""
FIRST_PATIENCE_SECONDS = 3.0
"""Time for the first dispatched agent to open its stream."""
MAX_PATIENCE_SECONDS = 8.0
"""Longest time for a later agent. It grows because on a slow machine a constant one would fence off each
agent as it arrives."""
MAX_DISPATCHES = 8
"""Dispatches in a row before the call gives up."""
MAX_EPOCH = 40
"""Agents in one call before it gives up: something in the call may kill each of them."""

_log = structlog.get_logger()


def patience(dispatches: int) -> float:
    """Return the seconds that the last of so many dispatches in a row has to open its stream."""
    return float(min(MAX_PATIENCE_SECONDS, FIRST_PATIENCE_SECONDS * 1.5 ** max(0, dispatches - 1)))


class StreamLoss:
    """Time for which the stream of one call has been broken, as observed."""

    def __init__(self) -> None:
        self._broken_since: float | None = None

    def is_final(self, call: Call, live_replicas: Collection[str], now: float) -> bool:
        """Return whether the call's agent is lost. `now` is in monotonic seconds."""
        if call.state != pb.CALL_STATE_LIVE or call.holder in live_replicas:
            self._broken_since = None
            return False
        self._broken_since = now if self._broken_since is None else self._broken_since
        if now - self._broken_since < RETURN_WITHIN_SECONDS:
            return False
        self._broken_since = None
        return True


class AgentReplacement:
    """Replacement of the agents of all calls."""

    def __init__(self, log: TranscriptLog, rooms: Rooms, holds: Holds, clock: Clock) -> None:
        self._log, self._rooms, self._holds, self._clock = log, rooms, holds, clock

    async def take_from_lost_agent(self, call: Call) -> Call | None:
        """Take a call from its lost agent; return it, or None if it has changed."""
        async with self._log.commit() as commit:
            if not unchanged(call, await commit.call(call.call_id)):
                return None
            replaced = await calls.replace_agent(commit, call, "STREAM_BROKEN")
        self._holds.end(call.call_id, HoldEnd.AGENT_REPLACED)
        _log.warning("agent lost", call_id=call.call_id, epoch=call.epoch)
        return replaced

    async def dispatch_if_late(self, call: Call, people: Sequence[Participant], present_for: float) -> bool:
        """Dispatch another agent if the last one is late; return False if the call gives up instead.

        Args:
            people: the participants of the room; earlier agents are removed.
            present_for: seconds for which the caller has been in the room.
        """
        waited = min(present_for, (self._clock.now() - call.dispatch_time).total_seconds())
        if call.dispatches and waited < patience(call.dispatches):
            return True
        if call.dispatches >= MAX_DISPATCHES or call.epoch >= MAX_EPOCH:
            return False
        claimed = await self._claim(call)
        if claimed is None:
            return True
        _log.info(
            "agent dispatched", call_id=call.call_id, epoch=claimed.epoch, dispatches=claimed.dispatches
        )
        await self._rooms.dispatch_agent(claimed)
        for person in people:
            if person.is_agent:
                await self._rooms.remove(call.room, person.identity)
        return True

    async def _claim(self, call: Call) -> Call | None:
        """Claim the call for a dispatch and return it; None if another replica or an agent was faster."""
        async with self._log.commit() as commit:
            if not unchanged(call, await commit.call(call.call_id)):
                return None
            if call.dispatches:
                return await calls.dispatch_next(commit, call, dispatches=call.dispatches + 1)
            await commit.transaction.change_call(call.key, dispatches=1, dispatch_time=commit.now)
            return await commit.call(call.call_id)


def unchanged(read: Call, now: Call) -> bool:
    """Return whether a call's agent is the same as when the call was read."""
    return _agent_fields(read) == _agent_fields(now)


def _agent_fields(call: Call) -> tuple[object, ...]:
    return call.epoch, call.state, call.writer_id, call.holder, call.dispatches
