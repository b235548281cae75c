"""Group commit: appends that arrive during a transaction share the next transaction.

One flush to disk then serves many appends. There is no timer, so a single append is committed immediately.
The committing task only runs while appends wait. Cancelling a caller doesn't cancel its append.

    submit → [bounded queue] → plan in memory → one transaction → adopt → announce → answer

The appends of one writer's stream share a `Queue`. If one of them can't be stored, all later ones in the
queue fail too. The writer then resends all of them in order. Otherwise an earlier entry could get a higher
number.

A cached log state may be out of date. The transaction then skips the changes of that customer, whose state is
read and whose appends are planned again. A lost database connection empties the cache. If a whole transaction
fails, each of its appends is retried alone, so that one bad append doesn't fail the rest.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

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
"""Limit of the drafts in one transaction. In a larger one, the first append would wait too long."""
ATTEMPTS = 8
"""Most attempts to commit an append. An attempt fails if another commit has changed the customer's feed."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The outcome of a draft that was stored durably."""

    client_sequence: int
    number: int
    """The entry's number; 0 for an open utterance."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The outcome of a draft that is invalid or conflicts with a stored entry."""

    client_sequence: int
    error: DomainError


Outcomes = list[Stored | Refused]


class AppendStore(Protocol):
    """The methods of the store that group commit uses."""

    async def states(self, call_ids: Collection[str], logs: Mapping[str, LogState]) -> list[CustomerState]:
        """Read the states needed to append in these calls; see `store.states.states_of_calls`."""
        ...

    async def append(self, group: Sequence[Changes]) -> set[str]:
        """Write the changes of each customer whose feed has the expected version.

        Return the ids of the customers whose changes were written.

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
        """Count a failed attempt; return whether another is allowed. If none is, fail the append."""
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
    """Group commit of all appends in a process.

    Args:
        announce: called with each plan after its commit.
        most_waiting: limit of unanswered appends.
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
        drafts: Sequence[call_record.Draft],
        *,
        atomic: bool = False,
        queue: Queue | None = None,
    ) -> asyncio.Future[Outcomes]:
        """Queue an append; block while the queue is full.

        Args:
            atomic: True to store all drafts or none, and to accept drafts of a writer that lost the call.
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
                        pending.fail(StoreUnavailable())  # does nothing if the append is settled
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
        """Commit the appends of a group that can be committed; return the ones to plan again."""
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
                    unsure.append(pending)  # the cached state of the call may be out of date
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
        """Return the states of the group's calls; unknown calls are left out.

        Reads the states that are stale or not cached. The result holds references to all states, because the
        bounded cache may evict one while another is read.
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
    """The states on which a group is planned."""

    states: dict[str, CustomerState]
    """By call id."""
    read_now: set[str] = field(default_factory=set)
    """Ids of the calls that were read from the store for this attempt."""

    def replace(self, state: CustomerState) -> None:
        """Store a customer's state; it replaces the customer's earlier state."""
        self.states = {
            call_id: known for call_id, known in self.states.items() if known.customer_id != state.customer_id
        }
        self.states |= dict.fromkeys(state.calls, state)


def _unbroken(group: Sequence[_Pending]) -> list[_Pending]:
    """Return the appends that may still be stored; fail those whose queue is broken."""
    for pending in group:
        if pending.queue.broken:
            pending.fail(StoreUnavailable())
    return [pending for pending in group if not pending.settled]


def _checked(draft: call_record.Draft) -> LogEntry | Revision | DomainError:
    try:
        return check_draft(draft)
    except DomainError as error:
        return error


def _planned(plan: CommitPlan, pending: _Pending) -> Outcomes:
    """Add an append to a plan; return the outcomes of its drafts."""
    call = plan.call(pending.writer.call_id)
    if not pending.atomic:
        writer_fence.require_holder(call, pending.writer)
        tail = plan.tail(call.conversation_id)
        return _all_taken(tail, call, pending, Standing.HOLDER)
    standing = writer_fence.standing(call, pending.writer)
    tail = plan.tail(call.conversation_id)
    if tail.conversation.ended:
        raise ConversationEnded
    _require_all(tail, call, pending, standing)
    return _all_taken(tail, call, pending, standing)


def _require_all(tail: Tail, call: Call, pending: _Pending, standing: Standing) -> None:
    entries = []
    for _, entry in pending.drafts:
        if isinstance(entry, DomainError):
            raise entry
        if isinstance(entry, LogEntry):
            entries.append(entry)
        elif standing is Standing.LATE:
            raise StaleEpoch(call.epoch)  # a writer that lost the call can only deliver finished utterances
    tail.require_no_conflict(entries)


def _all_taken(tail: Tail, call: Call, pending: _Pending, standing: Standing) -> Outcomes:
    epoch, late = pending.writer.epoch, standing is Standing.LATE
    return [_taken(tail, call, sequence, entry, epoch, late=late) for sequence, entry in pending.drafts]


def _taken(
    tail: Tail,
    call: Call,
    sequence: int,
    entry: LogEntry | Revision | DomainError,
    epoch: int,
    *,
    late: bool,
) -> Stored | Refused:
    if isinstance(entry, DomainError):
        return Refused(sequence, entry)
    if isinstance(entry, Revision):
        tail.revise(call, entry)
        return Stored(sequence, 0)
    try:
        return Stored(sequence, tail.take(call, entry, epoch=epoch, late=late))
    except DomainError as error:
        return Refused(sequence, error)
