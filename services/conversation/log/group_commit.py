"""Group commit: appends that arrive while one transaction is under way share the next one.

One flush to disk then serves many appends, without a timer: an append that arrives alone is committed alone,
immediately. The committing task only runs while appends wait. Cancelling a caller doesn't withdraw its
append.

    submit → [bounded queue] → plan in memory → one transaction → adopt → announce → answer

The appends of one writer's stream share a `Queue`: if one of them can't be stored, those behind it fail as
well. The writer will resend all of them, and an earlier entry must not get a higher number.

Cached log states may be out of date. The transaction then skips that customer's part, which is read and
planned again. After the database was away the cache is empty, as after a restart. If a whole transaction
fails, each append is retried alone, so that one bad append fails no others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from readback.conversation.v1 import entry_pb2

from mesh.clock import Clock
from mesh.errors import DomainError, StoreUnavailable
from mesh.failpoints import failpoint
from services.conversation.errors import CallNotFound, ConversationEnded, StaleEpoch
from services.conversation.log import writer_fence
from services.conversation.log.commit_plan import CommitPlan
from services.conversation.log.state_cache import StateCache
from services.conversation.log.tail import Tail
from services.conversation.log.writer_fence import Standing, Writer
from services.conversation.model.drafts import check_draft
from services.conversation.model.entries import LogEntry, Revision
from services.conversation.model.log_state import Changes, CustomerState, LogState
from services.conversation.model.records import Call
from services.conversation.model.times import micros_of
from services.conversation.store.appending import Reconnected

MAX_WAITING = 4096
"""Queue limit, in appends; further submitters block."""
MAX_DRAFTS = 2048
"""Drafts in one transaction: a longer transaction delays the first append more than it speeds up the last."""
ATTEMPTS = 8
"""Limit of the attempts to commit an append whose log keeps changing."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A draft that is durable."""

    client_sequence: int
    number: int
    """The entry's number; 0 for an open utterance."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A draft that breaks a rule or conflicts with an entry."""

    client_sequence: int
    error: DomainError


Outcomes = list[Stored | Refused]


class AppendStore(Protocol):
    """The store, as far as group commit needs it."""

    async def states(self, call_ids: Collection[str], logs: Mapping[str, LogState]) -> list[CustomerState]:
        """Read the states needed to append in these calls, on top of `logs` known from before."""
        ...

    async def append(self, group: Sequence[Changes]) -> set[str]:
        """Write the changes of each customer whose feed has the expected version; return their ids.

        Raises:
            Reconnected: nothing was written, and all states must be read again.
        """
        ...


@dataclass(slots=True)
class Queue:
    """The appends of one writer's stream, in order."""

    broken: bool = False
    """True once an append could not be stored; all later ones fail."""


@dataclass(slots=True)
class _Pending:
    writer: Writer
    drafts: list[tuple[int, LogEntry | Revision | DomainError]]
    atomic: bool
    queue: Queue
    answer: asyncio.Future[Outcomes]
    outcomes: Outcomes | None = None
    attempts: int = 0
    settled: bool = False

    def may_retry(self) -> bool:
        """Count an attempt; fail if it was the last one."""
        self.attempts += 1
        if self.attempts >= ATTEMPTS:
            self.fail(StoreUnavailable())
        return self.attempts < ATTEMPTS

    def fail(self, error: BaseException) -> None:
        if not self.settled:
            self.settled = self.queue.broken = True
            if not self.answer.done():
                self.answer.set_exception(error)

    def succeed(self) -> None:
        self.settled = True
        if not self.answer.done():
            assert self.outcomes is not None
            self.answer.set_result(self.outcomes)


class GroupCommit:
    """The only place in a process that commits appends.

    `announce` is called with each plan after its commit.
    """

    def __init__(
        self,
        store: AppendStore,
        announce: Callable[[CommitPlan], None],
        clock: Clock,
        *,
        most_waiting: int = MAX_WAITING,
    ) -> None:
        self._store, self._announce, self._clock = store, announce, clock
        self._states = StateCache()
        self._queue: deque[_Pending] = deque()
        self._slots = asyncio.Semaphore(most_waiting)
        self._task: asyncio.Task[None] | None = None

    async def submit(
        self,
        writer: Writer,
        drafts: Sequence[entry_pb2.Draft],
        *,
        atomic: bool = False,
        queue: Queue | None = None,
    ) -> asyncio.Future[Outcomes]:
        """Queue an append; block while the queue is full.

        Args:
            atomic: store all drafts or none, and accept late ones.
            queue: the stream that the append belongs to; None for an append without a stream.
        """
        checked = [(draft.client_sequence, _checked(draft)) for draft in drafts]
        await self._slots.acquire()
        answer: asyncio.Future[Outcomes] = asyncio.get_running_loop().create_future()
        self._queue.append(_Pending(writer, checked, atomic, queue or Queue(), answer))
        if self._task is None:
            self._start()
        return answer

    async def settled(self) -> None:
        """Wait until no append is queued or being committed."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def _start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="group commit")

    async def _run(self) -> None:
        try:
            while group := self._next_group():
                try:
                    await self._commit(group)
                finally:
                    for pending in group:
                        self._slots.release()
                        pending.fail(StoreUnavailable())  # has no effect on answered ones
        finally:
            self._task = None
            if self._queue:
                self._start()

    def _next_group(self) -> list[_Pending]:
        group: list[_Pending] = []
        drafts = 0
        while self._queue and (not group or drafts + len(self._queue[0].drafts) <= MAX_DRAFTS):
            group.append(self._queue.popleft())
            drafts += len(group[-1].drafts)
        return group

    async def _commit(self, group: list[_Pending]) -> None:
        """Commit a group and answer each of its appends."""
        waiting = group
        try:
            while waiting:
                try:
                    waiting = await self._attempt(waiting)
                except Reconnected:
                    self._states = StateCache()
        except StoreUnavailable as error:
            self._fail(group, error)
        except Exception as error:  # noqa: BLE001 -- any failure of one append must not fail the others
            self._mark_stale(group)
            if len(waiting) == 1:
                waiting[0].fail(error)
                return
            for pending in waiting:
                await self._commit([pending])

    async def _attempt(self, group: list[_Pending]) -> list[_Pending]:
        """Commit a group as far as possible; return the appends to be planned again."""
        group = _unbroken(group)
        found = await self._read(group)
        plans: dict[str, CommitPlan] = {}
        planned: list[tuple[_Pending, str]] = []
        unsure: list[_Pending] = []
        now = micros_of(self._clock.now())
        for pending in group:
            state = found.states.get(pending.writer.call_id)
            if state is None:
                pending.fail(CallNotFound())
                continue
            plan = plans.get(state.customer_id) or plans.setdefault(state.customer_id, CommitPlan(state, now))
            try:
                pending.outcomes = _planned(plan, pending)
            except DomainError as error:
                if pending.writer.call_id in found.read_now:
                    pending.fail(error)
                else:
                    unsure.append(pending)  # the call may have changed hands since it was cached
            else:
                planned.append((pending, state.customer_id))
        again = await self._write(plans, planned) if planned else []
        self._mark_stale(unsure)
        return [pending for pending in (*again, *unsure) if pending.may_retry()]

    async def _write(
        self, plans: Mapping[str, CommitPlan], planned: Sequence[tuple[_Pending, str]]
    ) -> list[_Pending]:
        used = {customer_id for _, customer_id in planned}
        await failpoint("conversation.before_commit")
        durable = await self._store.append(
            [plan.changes() for customer_id, plan in plans.items() if customer_id in used]
        )
        await failpoint("conversation.after_commit_before_announce")
        for customer_id in used:
            if customer_id in durable:
                plans[customer_id].adopt()
                self._states.put(plans[customer_id].state)
                self._announce(plans[customer_id])
            else:
                self._states.mark_stale(customer_id)
        await failpoint("conversation.after_commit_before_ack")
        again = []
        for pending, customer_id in planned:
            if customer_id in durable:
                pending.succeed()
            else:
                again.append(pending)
        return again

    async def _read(self, group: Sequence[_Pending]) -> _GroupStates:
        """Return the states of the group's calls, without unknown calls.

        States that aren't cached or are stale are read. The result holds the states itself, since the bounded
        cache may evict one while another is read.
        """
        calls = {pending.writer.call_id for pending in group}
        found = _GroupStates(
            {call_id: state for call_id in calls if (state := self._states.fresh(call_id)) is not None}
        )
        for _ in range(ATTEMPTS):
            missing = calls - found.states.keys()
            if not missing:
                break
            found.read_now |= missing
            wanted, logs = set(missing), dict[str, LogState]()
            for earlier in filter(None, map(self._states.of_call, missing)):
                wanted.update(call_id for call_id, call in earlier.calls.items() if not call.ended)
                logs |= earlier.former | earlier.logs
            for state in await self._store.states(wanted, logs):
                self._states.merge(state)
                found.replace(state)
            calls -= missing - found.states.keys()
        return found

    def _mark_stale(self, group: Sequence[_Pending]) -> None:
        for pending in group:
            state = self._states.of_call(pending.writer.call_id)
            if state is not None:
                self._states.mark_stale(state.customer_id)

    def _fail(self, group: Sequence[_Pending], error: BaseException) -> None:
        self._mark_stale(group)
        for pending in group:
            pending.fail(error)


@dataclass(slots=True)
class _GroupStates:
    """The states that a group is planned on."""

    states: dict[str, CustomerState]
    """By call id."""
    read_now: set[str] = field(default_factory=set)
    """Calls that were read for this attempt."""

    def replace(self, state: CustomerState) -> None:
        """Put a state in the place of the customer's earlier one."""
        self.states = {
            call_id: known for call_id, known in self.states.items() if known.customer_id != state.customer_id
        }
        self.states |= dict.fromkeys(state.calls, state)


def _unbroken(group: Sequence[_Pending]) -> list[_Pending]:
    """Return the appends that may still be stored; fail those behind one that failed in their queue."""
    for pending in group:
        if pending.queue.broken:
            pending.fail(StoreUnavailable())
    return [pending for pending in group if not pending.settled]


def _checked(draft: entry_pb2.Draft) -> LogEntry | Revision | DomainError:
    try:
        return check_draft(draft)
    except DomainError as error:
        return error


def _planned(plan: CommitPlan, pending: _Pending) -> Outcomes:
    """Add an append to a plan."""
    call = plan.call(pending.writer.call_id)
    if not pending.atomic:
        writer_fence.require_holder(call, pending.writer)
        tail = plan.tail(call.conversation_id)
        return [_taken(tail, call, sequence, entry, Standing.HOLDER) for sequence, entry in pending.drafts]
    standing = writer_fence.standing(call, pending.writer)
    tail = plan.tail(call.conversation_id)
    if tail.conversation.ended:
        raise ConversationEnded
    _require_all(tail, call, pending, standing)
    return [_taken(tail, call, sequence, entry, standing) for sequence, entry in pending.drafts]


def _require_all(tail: Tail, call: Call, pending: _Pending, standing: Standing) -> None:
    entries = []
    for _, entry in pending.drafts:
        if isinstance(entry, DomainError):
            raise entry
        if isinstance(entry, LogEntry):
            entries.append(entry)
        elif standing is Standing.LATE:
            raise StaleEpoch(
                call.epoch
            )  # an utterance that is still open wasn't spoken before the call was lost
    tail.require_no_conflict(entries)


def _taken(
    tail: Tail, call: Call, sequence: int, entry: LogEntry | Revision | DomainError, standing: Standing
) -> Stored | Refused:
    if isinstance(entry, DomainError):
        return Refused(sequence, entry)
    if isinstance(entry, Revision):
        tail.revise(call, entry)
        return Stored(sequence, 0)
    try:
        return Stored(sequence, tail.take(call, entry, late=standing is Standing.LATE))
    except DomainError as error:
        return Refused(sequence, error)
