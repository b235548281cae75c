"""Agent replacement: when a lost or late agent is replaced, and when a call gives up.

    live         the stream broke without `close`, and the agent has not opened it again on any replica
                 within a second
                 → truncate open utterances, raise the epoch, dispatch another agent
    dispatched   the caller is in the room and the agent has not opened its stream within `patience`
                 → raise the epoch, dispatch another agent

While all agents are busy, calls wait in a line. Only the calls at its front get further dispatches, so that a
free agent takes one of them, and they wait as long as another call has an agent.

LiveKit can't do this: it never retries a dispatch for which it found no worker, and it notices a killed agent
only after twenty seconds.

Each step happens only if the call's row has not changed since it was read, so only one replica takes the
step.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import structlog
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.clock import Clock
from services.conversation.calls import calls
from services.conversation.calls.holds import HoldEnd, Holds
from services.conversation.calls.ports import Participant, Rooms
from services.conversation.log.transcript_log import TranscriptLog
from services.conversation.model.records import Call
from services.conversation.store import Store

RETURN_WITHIN_SECONDS = 1.0
"""Time for an agent to open its broken stream again before another agent is dispatched. If the stream's
replica died, this time begins when the replica's lease expires. Agents reconnect after pauses of up to a
second."""
FIRST_PATIENCE_SECONDS = 3.0
"""Time for the first dispatched agent to open its stream."""
MAX_PATIENCE_SECONDS = 8.0
"""Longest time for a later agent to open its stream. The time grows with each dispatch. If it were constant,
a slow machine would replace each agent just before it is ready."""
MAX_DISPATCHES = 8
"""Dispatches in a row, without an agent that opens its stream, after which the call ends. If other calls have
agents, the agents are busy, and the call waits longer."""
FRONT = 4
"""Number of waiting calls at the front of the line that get further dispatches."""
MAX_EPOCH = 40
"""Epochs after which a call ends instead of getting another agent: the call itself may crash its agents."""

_log = structlog.get_logger()


def patience(dispatches: int) -> float:
    """Return the seconds in which an agent must open its stream, after this number of dispatches in a row."""
    return float(min(MAX_PATIENCE_SECONDS, FIRST_PATIENCE_SECONDS * 1.5 ** max(0, dispatches - 1)))


class StreamLoss:
    """Observation of the time for which the stream of one call has been broken."""

    def __init__(self) -> None:
        self._broken_since: float | None = None

    def is_final(self, call: Call, live_replicas: Collection[str], now: float) -> bool:
        """Observe the call, and return whether its agent is lost. `now` is in monotonic seconds."""
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

    def __init__(self, log: TranscriptLog, store: Store, rooms: Rooms, holds: Holds, clock: Clock) -> None:
        self._log, self._store, self._rooms, self._holds = log, store, rooms, holds
        self._clock = clock

    async def take_from_lost_agent(self, call: Call) -> Call | None:
        """Take a call from its lost agent. Return the changed call, or None if it had changed already."""
        async with self._log.commit() as commit:
            if not unchanged(call, await commit.call(call.call_id)):
                return None
            replaced = await calls.replace_agent(commit, call, entry_pb2.AGENT_LOSS_REASON_STREAM_BROKEN)
        self._holds.end(call.call_id, HoldEnd.AGENT_REPLACED)
        _log.warning("agent lost", call_id=call.call_id, epoch=call.epoch)
        return replaced

    async def dispatch_if_late(self, call: Call, people: Sequence[Participant], present_for: float) -> bool:
        """Dispatch another agent if the last one is late. Return False if the call must end instead.

        Args:
            people: the participants of the room. Agents among them are removed after a dispatch.
            present_for: time in seconds that the caller has been in the room.
        """
        waited = min(present_for, (self._clock.now() - call.dispatch_time).total_seconds())
        if call.dispatches and waited < patience(call.dispatches):
            return True
        if call.epoch >= MAX_EPOCH:
            return False
        async with self._store.reading() as transaction:
            busy = await transaction.has_live_calls()
            if busy and await transaction.place_in_line(call) > FRONT:
                return True
        if call.dispatches >= MAX_DISPATCHES and not busy:
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
