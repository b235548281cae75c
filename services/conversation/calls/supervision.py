"""The call watcher: sees to it that a running call has an agent, and that a call nobody is in any more ends.

    dispatched   the caller is in the room and no stream has come within a few seconds of asking → ask again, epoch + 1
    live         the stream broke without `close` and isn't back in a second, here or elsewhere → seal what was open, epoch + 1, ask again
    either       the room has been without the caller for a minute, or nobody joined while they could → the call ends

LiveKit does none of this: a dispatch that found no worker is never tried again, and a killed agent is missed after twenty seconds.

Every replica watches. A call whose stream a living replica has is that one's to look after, all others are everybody's: what is done about
them is conditional on the row being as it was seen, so that one replica does it. What is remembered here between looks (since when
something has been so) may be lost: it only makes for more patience.

A look only reads, since which replicas are alive is known only to who looks often. Agents are replaced beside the looks, a few at a time,
and so are rooms looked into: neither waits for the other, for a lost agent is replaced whether LiveKit answers or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from readback.conversation.v1 import conversation_service_pb2 as pb

from mesh.clock import Clock
from services.conversation.background import first_of
from services.conversation.calls import calls
from services.conversation.calls.holds import Holds, Over
from services.conversation.calls.leases import Replicas
from services.conversation.calls.ports import Participant, Rooms, RoomsUnavailable
from services.conversation.log.transcript_log import TranscriptLog
from services.conversation.model.records import Call
from services.conversation.store import Store, leases

RETURN_WITHIN_SECONDS = 1.0
"""How long a broken stream may take to come back before another agent is asked for. Where its replica died, that one's lease runs out
first: agents come back with pauses of up to a second."""
FIRST_PATIENCE_SECONDS = 3.0
"""How long the first agent asked for may take to open its stream."""
MAX_PATIENCE_SECONDS = 8.0
"""How long a later one may: were the patience always the same, a slow machine would fence off each agent as it arrives."""
MAX_DISPATCHES = 8
"""How many agents are asked for in a row before the call is given up."""
ABSENT_SECONDS = 60.0
"""How long the room may be without the caller."""
JOIN_LEEWAY = timedelta(seconds=60)
"""LiveKit accepts a token this long after it has expired."""
LOOK_SECONDS = 0.25
"""Pause between looks while calls are running."""
IDLE_SECONDS = 5.0
"""Pause between looks while none is; a new call or stream ends it."""
PRESENCE_SECONDS = {pb.CALL_STATE_DISPATCHED: 1.0, pb.CALL_STATE_LIVE: 5.0}
"""How often LiveKit is asked who is in a room, by the call's state."""
MAX_EPOCH = 40
"""Agents that a call may wear out: were something in it to kill each one, this would go on as long as the caller listens."""
AT_ONCE = 16
"""Agents replaced side by side, and rooms looked into."""

_log = structlog.get_logger()


def patience(dispatches: int) -> float:
    """Seconds that the last of so many agents asked for in a row is given."""
    return float(min(MAX_PATIENCE_SECONDS, FIRST_PATIENCE_SECONDS * 1.5 ** max(0, dispatches - 1)))


@dataclass(slots=True)
class _Observed:
    """What was seen of a call, in monotonic seconds."""

    broken_since: float | None = None
    present_since: float | None = None
    absent_since: float | None = None
    looked_in: pb.CallState.ValueType = pb.CALL_STATE_UNSPECIFIED
    look_after: float = float("-inf")
    admitted_until: datetime | None = None


class CallWatcher:
    """Watches the running calls of the installation."""

    def __init__(
        self, log: TranscriptLog, store: Store, rooms: Rooms, holds: Holds, replicas: Replicas, clock: Clock
    ) -> None:
        self._log, self._store, self._rooms, self._holds, self._clock = log, store, rooms, holds, clock
        self._replicas = replicas
        self._observed: dict[str, _Observed] = {}
        self._rooms_answer = True
        self._tending: dict[str, asyncio.Task[None]] = {}
        self._looking_into: dict[str, asyncio.Task[None]] = {}
        self._replacing, self._asking = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(AT_ONCE)
        self._changed = asyncio.Event()
        holds.notify(self._changed.set)

    async def run(self) -> None:
        """Looks, for ever."""
        try:
            while True:
                self._changed.clear()
                if await self.look():
                    await self._clock.sleep(LOOK_SECONDS)
                else:
                    await first_of(self._changed.wait(), self._clock.sleep(IDLE_SECONDS))
        finally:
            for task in (*self._tending.values(), *self._looking_into.values()):
                task.cancel()
            await self.settled()

    async def settled(self) -> None:
        """Returns when everything that the looks began is done."""
        while under_way := [*self._tending.values(), *self._looking_into.values()]:
            await asyncio.wait(under_way)

    async def look(self) -> bool:
        """Looks once at every running call that is this replica's or nobody's; says whether any call is running.

        What is to be done about them it only begins.
        """
        if self._holds.draining:
            return False
        async with self._store.reading() as transaction:
            self._replicas.observe(await leases.renewals(transaction.connection))
            running = list(await leases.held_by_none(transaction.connection, self._replicas.alive))
            if due := self._due():
                running += [
                    call for call in await transaction.calls(due) if call.holder == self._replicas.own_id
                ]
        kept = {call.call_id for call in running} | self._holds.held().keys()
        self._observed = {call_id: self._observed.get(call_id) or _Observed() for call_id in kept}
        for call in running:
            _begin(self._tending, call, self._look_after(call, self._observed[call.call_id]))
        return bool(running or self._holds.held() or len(self._replicas.alive) > 1)

    def _due(self) -> list[str]:
        """The calls held here whose rooms are to be looked into."""
        now, new = self._clock.monotonic(), _Observed()
        waiting = self._holds.held().keys() - self._looking_into.keys()
        return [call_id for call_id in waiting if self._observed.get(call_id, new).look_after <= now]

    async def _look_after(self, call: Call, seen: _Observed) -> None:
        try:
            async with self._replacing:
                current = await self._with_agent(call, seen)
        except Exception:  # noqa: BLE001 -- one call's trouble must not keep the others from being looked after
            _log.exception("a call's agent could not be looked after", call_id=call.call_id)
            return
        due = current is not None and (
            current.state != seen.looked_in or self._clock.monotonic() >= seen.look_after
        )
        if current is not None and due:
            _begin(self._looking_into, call, self._look_into_room(current, seen))

    async def _look_into_room(self, call: Call, seen: _Observed) -> None:
        try:
            async with self._asking:
                await self._with_caller(call, seen)
        except RoomsUnavailable as error:
            # Nothing is known about anybody, so nobody has been away.
            seen.absent_since = seen.present_since = None
            self._say_rooms(answer=False, why=str(error))
        except Exception:  # noqa: BLE001 -- one call's trouble must not end the looks
            _log.exception("a call could not be looked after", call_id=call.call_id)

    async def _with_agent(self, call: Call, seen: _Observed) -> Call | None:
        """The call, taken from its agent if that one is gone for good; None when it changed meanwhile."""
        if call.state != pb.CALL_STATE_LIVE or call.holder in self._replicas.alive:
            seen.broken_since = None
            return call
        now = self._clock.monotonic()
        seen.broken_since = now if seen.broken_since is None else seen.broken_since
        if now - seen.broken_since < RETURN_WITHIN_SECONDS:
            return call
        seen.broken_since = None
        return await self._replace_agent(call)

    async def _replace_agent(self, call: Call) -> Call | None:
        async with self._log.commit() as commit:
            if not _same(call, await commit.call(call.call_id)):
                return None
            replaced = await calls.replace_agent(commit, call, "STREAM_BROKEN")
        self._holds.end(call.call_id, Over.AGENT_REPLACED)
        _log.warning("agent lost", call_id=call.call_id, epoch=call.epoch)
        return replaced

    async def _with_caller(self, call: Call, seen: _Observed) -> None:
        now = self._clock.monotonic()
        seen.look_after, seen.looked_in = now + PRESENCE_SECONDS[call.state], call.state
        people = await self._rooms.participants(call.room)
        self._say_rooms(answer=True)
        if all(person.is_agent for person in people):
            seen.present_since = None
            await self._without_caller(call, seen, now)
            return
        seen.absent_since = None
        seen.present_since = now if seen.present_since is None else seen.present_since
        if call.caller_joined_time is None:
            async with self._store.writing() as transaction:
                await transaction.change_call(call.key, caller_joined_time=self._clock.now())
        if call.state == pb.CALL_STATE_DISPATCHED:
            await self._await_agent(call, people, now - seen.present_since)

    async def _without_caller(self, call: Call, seen: _Observed, now: float) -> None:
        if seen.absent_since is None or seen.admitted_until != call.access_expire_time:
            # Just left, or about to come back with another token.
            seen.absent_since, seen.admitted_until = now, call.access_expire_time
        joined = call.caller_joined_time is not None or call.writer_id is not None
        gone = (
            now - seen.absent_since > ABSENT_SECONDS
            if joined
            else self._clock.now() > call.access_expire_time + JOIN_LEEWAY
        )
        if gone:
            await self._end(call, pb.CALL_END_REASON_CALLER_LOST)

    async def _await_agent(self, call: Call, people: Sequence[Participant], present_for: float) -> None:
        waited = min(present_for, (self._clock.now() - call.dispatch_time).total_seconds())
        if call.dispatches and waited < patience(call.dispatches):
            return
        if call.dispatches >= MAX_DISPATCHES or call.epoch >= MAX_EPOCH:
            await self._end(call, pb.CALL_END_REASON_NO_AGENT)
            return
        asked = await self._claim(call)
        if asked is None:
            return
        _log.info("agent asked for", call_id=call.call_id, epoch=asked.epoch, dispatches=asked.dispatches)
        await self._rooms.ask_for_agent(asked)
        for person in people:
            if person.is_agent:
                await self._rooms.remove(call.room, person.identity)

    async def _claim(self, call: Call) -> Call | None:
        """The call as asked for anew; None when somebody else was faster, an agent included."""
        async with self._log.commit() as commit:
            if not _same(call, await commit.call(call.call_id)):
                return None
            if call.dispatches:
                return await calls.ask_again(commit, call, dispatches=call.dispatches + 1)
            await commit.transaction.change_call(call.key, dispatches=1, dispatch_time=commit.now)
            return await commit.call(call.call_id)

    async def _end(self, call: Call, reason: pb.CallEndReason.ValueType) -> None:
        async with self._log.commit() as commit:
            now = await commit.call(call.call_id)
            if not _same(call, now) or now.access_expire_time != call.access_expire_time:
                return  # an agent has come, or the caller was given another token
            await calls.end(commit, now, reason)
        self._holds.end(call.call_id, Over.CALL_ENDED)
        _log.info("call ended", call_id=call.call_id, reason=pb.CallEndReason.Name(reason))

    def _say_rooms(self, *, answer: bool, why: str = "") -> None:
        if answer != self._rooms_answer:
            self._rooms_answer = answer
            if answer:
                _log.info("LiveKit answers again")
            else:
                _log.warning("LiveKit does not answer: calls go on, but no agent can be asked for", why=why)


def _begin(under_way: dict[str, asyncio.Task[None]], call: Call, work: Coroutine[None, None, None]) -> None:
    """Begins something about a call, unless the same is still under way."""
    if call.call_id in under_way:
        work.close()
        return
    under_way[call.call_id] = task = asyncio.create_task(work, name=f"call {call.call_id}")
    task.add_done_callback(lambda _: under_way.pop(call.call_id))


def _same(seen: Call, now: Call) -> bool:
    """Whether a call is as it was when it was looked at."""
    return _fence(seen) == _fence(now)


def _fence(call: Call) -> tuple[object, ...]:
    return call.epoch, call.state, call.writer_id, call.holder, call.dispatches
