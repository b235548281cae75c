"""Call supervision: the loop over all running calls.

The policies are in `agent_replacement` and `caller_absence`.

Every replica runs this loop. A replica supervises the calls whose streams it has, and also the calls whose
streams are on no live replica. A step happens only if the call's row has not changed, so only one replica
takes it. Observations are in memory. If they are lost, supervision only waits longer.

A scan must be quick, because a reader that scans too rarely can't tell which replicas are alive. So a scan
only reads. Background tasks replace agents and query rooms. Each of these two has its own limit, so that a
lost agent is replaced even if LiveKit doesn't answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field

import structlog
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.background import first_of
from mesh.clock import Clock
from services.conversation.calls import calls
from services.conversation.calls.agent_replacement import AgentReplacement, StreamLoss, unchanged
from services.conversation.calls.caller_absence import CallerPresence
from services.conversation.calls.holds import HoldEnd, Holds
from services.conversation.calls.ports import Rooms, RoomsUnavailable
from services.conversation.calls.replica_leases import LiveReplicas
from services.conversation.log.transcript_log import TranscriptLog
from services.conversation.model.records import Call
from services.conversation.store import Store, leases

SCAN_SECONDS = 0.25
"""Pause between scans while calls are running."""
IDLE_SECONDS = 5.0
"""Longest pause between scans while no call is running. A new call or stream starts a scan at once."""
PRESENCE_SECONDS = {pb.CALL_STATE_DISPATCHED: 1.0, pb.CALL_STATE_LIVE: 5.0}
"""Interval between queries for the participants of a room, by the call's state."""
CONCURRENCY = 16
"""Most agents replaced, and most rooms queried, at the same time."""

_log = structlog.get_logger()


@dataclass(slots=True)
class _Observed:
    stream: StreamLoss = field(default_factory=StreamLoss)
    caller: CallerPresence = field(default_factory=CallerPresence)
    room_state: pb.CallState.ValueType = pb.CALL_STATE_UNSPECIFIED
    """State of the call when its room was last queried."""
    room_due: float = float("-inf")
    """Time of the room's next query, in monotonic seconds."""


class CallSupervisor:
    """Supervisor of the running calls."""

    def __init__(
        self,
        log: TranscriptLog,
        store: Store,
        rooms: Rooms,
        holds: Holds,
        replicas: LiveReplicas,
        clock: Clock,
    ) -> None:
        self._log, self._store, self._rooms, self._holds, self._clock = log, store, rooms, holds, clock
        self._replicas, self._replacement = replicas, AgentReplacement(log, store, rooms, holds, clock)
        self._observed: dict[str, _Observed] = {}
        self._rooms_available = True
        self._agent_checks: dict[str, asyncio.Task[None]] = {}
        self._room_checks: dict[str, asyncio.Task[None]] = {}
        self._replacing, self._querying = asyncio.Semaphore(CONCURRENCY), asyncio.Semaphore(CONCURRENCY)
        self._changed = asyncio.Event()
        holds.on_change(self._changed.set)

    async def run(self) -> None:
        """Scan until cancelled."""
        try:
            while True:
                self._changed.clear()
                if await self.scan():
                    await self._clock.sleep(SCAN_SECONDS)
                else:
                    await first_of(self._changed.wait(), self._clock.sleep(IDLE_SECONDS))
        finally:
            for task in (*self._agent_checks.values(), *self._room_checks.values()):
                task.cancel()
            await self.settled()

    async def settled(self) -> None:
        """Wait until no background check is running."""
        while tasks := [*self._agent_checks.values(), *self._room_checks.values()]:
            await asyncio.wait(tasks)

    async def scan(self) -> bool:
        """Check all calls that no other live replica holds, in the background.

        Returns True if there are running calls here, or other live replicas, so that the next scan comes
        soon.
        """
        if self._holds.draining:
            return False
        async with self._store.reading() as transaction:
            self._replicas.observe(await leases.renewals(transaction.connection))
            running = list(await leases.held_by_none(transaction.connection, self._replicas.alive))
            if due := self._rooms_due():
                running += [
                    call for call in await transaction.calls(due) if call.holder == self._replicas.own_id
                ]
        kept = {call.call_id for call in running} | self._holds.held().keys()
        self._observed = {call_id: self._observed.get(call_id) or _Observed() for call_id in kept}
        for call in running:
            _start(self._agent_checks, call, self._check_agent(call, self._observed[call.call_id]))
        return bool(running or self._holds.held() or len(self._replicas.alive) > 1)

    def _rooms_due(self) -> list[str]:
        """Return the calls held here whose rooms must be queried now."""
        now, new = self._clock.monotonic(), _Observed()
        idle = self._holds.held().keys() - self._room_checks.keys()
        return [call_id for call_id in idle if self._observed.get(call_id, new).room_due <= now]

    async def _check_agent(self, call: Call, seen: _Observed) -> None:
        try:
            async with self._replacing:
                lost = seen.stream.is_final(call, self._replicas.alive, self._clock.monotonic())
                current = await self._replacement.take_from_lost_agent(call) if lost else call
        except Exception:  # noqa: BLE001 -- a failure in one call must not stop the others
            _log.exception("agent check failed", call_id=call.call_id)
            return
        if current and (current.state != seen.room_state or self._clock.monotonic() >= seen.room_due):
            _start(self._room_checks, call, self._check_room(current, seen))

    async def _check_room(self, call: Call, seen: _Observed) -> None:
        try:
            async with self._querying:
                await self._query_room(call, seen)
        except RoomsUnavailable as error:
            seen.caller.reset()
            self._log_rooms(available=False, why=str(error))
        except Exception:  # noqa: BLE001 -- a failure in one call must not stop the others
            _log.exception("room check failed", call_id=call.call_id)

    async def _query_room(self, call: Call, seen: _Observed) -> None:
        now = self._clock.monotonic()
        seen.room_due, seen.room_state = now + PRESENCE_SECONDS[call.state], call.state
        people = await self._rooms.participants(call.room)
        self._log_rooms(available=True)
        if all(person.is_agent for person in people):
            if seen.caller.observe_absent(call, now, self._clock.now()):
                await self._end(call, entry_pb2.CALL_END_REASON_CUSTOMER_LOST)
            elif not people:
                await self._rooms.create(call)  # LiveKit has lost the room if it was restarted
            return
        present_for = seen.caller.observe_present(now)
        if call.caller_joined_time is None:
            async with self._store.writing() as transaction:
                await transaction.change_call(call.key, caller_joined_time=self._clock.now())
        if call.state == pb.CALL_STATE_DISPATCHED and not await self._replacement.dispatch_if_late(
            call, people, present_for
        ):
            await self._end(call, entry_pb2.CALL_END_REASON_NO_AGENT)

    async def _end(self, call: Call, reason: entry_pb2.CallEndReason.ValueType) -> None:
        async with self._log.commit() as commit:
            now = await commit.call(call.call_id)
            if not unchanged(call, now) or now.access_expire_time != call.access_expire_time:
                return  # an agent has opened its stream, or the caller has a new token
            await calls.end(commit, now, reason)
        self._holds.end(call.call_id, HoldEnd.CALL_ENDED)
        _log.info("call ended", call_id=call.call_id, reason=entry_pb2.CallEndReason.Name(reason))

    def _log_rooms(self, *, available: bool, why: str = "") -> None:
        if available and not self._rooms_available:
            _log.info("LiveKit available again")
        elif not available and self._rooms_available:
            _log.warning("LiveKit unavailable; agents can't be dispatched", why=why)
        self._rooms_available = available


def _start(running: dict[str, asyncio.Task[None]], call: Call, check: Coroutine[None, None, None]) -> None:
    """Start a check of a call, unless the previous one is still running."""
    if call.call_id in running:
        check.close()
        return
    running[call.call_id] = task = asyncio.create_task(check, name=f"call {call.call_id}")
    task.add_done_callback(lambda _: running.pop(call.call_id))
