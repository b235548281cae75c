"""Group commit: what all writers of a process hand in while one transaction is under way goes into the next one together.

One flush to disk then serves many appends, and nobody waits for a timer: an append that comes alone is committed alone, at once. The
task that commits lives only while something waits. A writer that goes away takes nothing back: its append was handed in.

    submit → [queue, bounded] → plan in memory → one transaction → adopt → announce → answer

A writer's stream is a `Queue`: when one of its appends can't be stored, those behind it are not stored either, since the writer will hand
in all of them again, and what it said first must not get the higher number.

What is known of the logs may be out of date; then the transaction leaves that customer's part unwritten, and it is read and planned anew.
After the database was away nothing is known any more, as after a restart.
If a whole transaction fails, each append is tried alone, so that one which can't be stored takes no other with it.
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
from services.conversation.log.states import CustomerState, LogState, LogStates
from services.conversation.log.tail import Tail
from services.conversation.log.writer_fence import Standing, Writer
from services.conversation.model.changes import Changes
from services.conversation.model.drafts import NewEntry, Revision, checked
from services.conversation.model.records import Call
from services.conversation.model.times import micros_of
from services.conversation.store.appending import Reconnected

MAX_WAITING = 4096
"""Appends that may wait to be committed; who hands in more waits to hand in."""
MAX_DRAFTS = 2048
"""Drafts in one transaction: beyond that a longer transaction costs the first more than it gives the last."""
ATTEMPTS = 8
"""How often an append is planned anew because its log changed meanwhile."""

Announce = Callable[[CommitPlan], None]
"""Tells whoever watches, after the commit."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A draft that is durable."""

    client_sequence: int
    number: int
    """The entry's number; 0 for an open utterance."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A draft that was not taken."""

    client_sequence: int
    error: DomainError


Outcomes = list[Stored | Refused]


class AppendStore(Protocol):
    """What is needed of a store."""

    async def states(self, call_ids: Collection[str], logs: Mapping[str, LogState]) -> list[CustomerState]:
        """What is to be known to append in these calls."""
        ...

    async def append(self, group: Sequence[Changes]) -> set[str]:
        """Writes changes where the logs are as expected; says of which customers. Raises `Reconnected`, having written nothing."""
        ...


@dataclass(slots=True)
class Queue:
    """What one writer hands in, one append after the other."""

    broken: bool = False
    """Whether one of them could not be stored; then none that comes after it is."""


@dataclass(slots=True)
class _Pending:
    writer: Writer
    drafts: list[tuple[int, NewEntry | Revision | DomainError]]
    whole: bool
    queue: Queue
    answer: asyncio.Future[Outcomes]
    outcomes: Outcomes | None = None
    attempts: int = 0
    settled: bool = False

    def may_try_again(self) -> bool:
        """Whether it is worth planning anew; else it fails."""
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
    """The one place in a process that commits appends."""

    def __init__(
        self, store: AppendStore, announce: Announce, clock: Clock, *, most_waiting: int = MAX_WAITING
    ) -> None:
        self._store, self._announce, self._clock = store, announce, clock
        self._states = LogStates()
        self._queue: deque[_Pending] = deque()
        self._room = asyncio.Semaphore(most_waiting)
        self._task: asyncio.Task[None] | None = None

    async def submit(
        self,
        writer: Writer,
        drafts: Sequence[entry_pb2.Draft],
        *,
        whole: bool = False,
        queue: Queue | None = None,
    ) -> asyncio.Future[Outcomes]:
        """Hands an append in; waits while too many wait.

        Args:
            whole: all drafts or none, late ones included.
            queue: what it stands in; alone if there is none.
        """
        prepared = [(draft.client_sequence, _prepared(draft)) for draft in drafts]
        await self._room.acquire()
        pending = _Pending(
            writer, prepared, whole, queue or Queue(), asyncio.get_running_loop().create_future()
        )
        self._queue.append(pending)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="group commit")
        return pending.answer

    async def settled(self) -> None:
        """Returns when nothing that was handed in is under way."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while group := self._take():
                try:
                    await self._commit(group)
                finally:
                    for pending in group:
                        self._room.release()
                        pending.fail(StoreUnavailable())  # only those that got no answer
        finally:
            self._task = None
            if self._queue:
                self._task = asyncio.create_task(self._run(), name="group commit")

    def _take(self) -> list[_Pending]:
        group: list[_Pending] = []
        drafts = 0
        while self._queue and (not group or drafts + len(self._queue[0].drafts) <= MAX_DRAFTS):
            group.append(self._queue.popleft())
            drafts += len(group[-1].drafts)
        return group

    async def _commit(self, group: list[_Pending]) -> None:
        """Commits a group; everybody in it has an answer afterwards."""
        waiting = group
        try:
            while waiting:
                try:
                    waiting = await self._attempt(waiting)
                except Reconnected:
                    self._states = LogStates()
        except StoreUnavailable as error:
            self._fail(group, error)
        except Exception as error:  # noqa: BLE001 -- whatever it was, it must not take the others with it
            self._doubt(group)
            if len(waiting) == 1:
                waiting[0].fail(error)
                return
            for pending in waiting:
                await self._commit([pending])

    async def _attempt(self, group: list[_Pending]) -> list[_Pending]:
        """Commits what it can of a group; gives back what is to be planned anew."""
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
                if pending.writer.call_id in found.asked:
                    pending.fail(error)
                else:
                    unsure.append(pending)  # the call may have changed hands since it was read
            else:
                planned.append((pending, state.customer_id))
        again = await self._write(plans, planned) if planned else []
        self._doubt(unsure)
        return [pending for pending in (*again, *unsure) if pending.may_try_again()]

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
                self._states.keep(plans[customer_id].state)
                self._announce(plans[customer_id])
            else:
                self._states.doubt(customer_id)
        await failpoint("conversation.after_commit_before_ack")
        again = []
        for pending, customer_id in planned:
            if customer_id in durable:
                pending.succeed()
            else:
                again.append(pending)
        return again

    async def _read(self, group: Sequence[_Pending]) -> _Found:
        """What is known of the group's calls; what is not, or is doubted, is read. Calls that there are not stay unknown.

        The group holds on to it itself: memory is bounded and may let go of one log while another is read.
        """
        calls = {pending.writer.call_id for pending in group}
        found = _Found(
            {call_id: state for call_id in calls if (state := self._states.fresh(call_id)) is not None}
        )
        for _ in range(ATTEMPTS):
            missing = calls - found.states.keys()
            if not missing:
                break
            found.asked |= missing
            wanted, logs = set(missing), dict[str, LogState]()
            for earlier in filter(None, map(self._states.of_call, missing)):
                wanted.update(call_id for call_id, call in earlier.calls.items() if not call.ended)
                logs |= earlier.former | earlier.logs
            for state in await self._store.states(wanted, logs):
                self._states.read(state)
                found.take(state)
            calls -= missing - found.states.keys()
        return found

    def _doubt(self, group: Sequence[_Pending]) -> None:
        for pending in group:
            state = self._states.of_call(pending.writer.call_id)
            if state is not None:
                self._states.doubt(state.customer_id)

    def _fail(self, group: Sequence[_Pending], error: BaseException) -> None:
        self._doubt(group)
        for pending in group:
            pending.fail(error)


@dataclass(slots=True)
class _Found:
    """What a group knows of its calls."""

    states: dict[str, CustomerState]
    """By call id."""
    asked: set[str] = field(default_factory=set)
    """Calls of which it was read just now."""

    def take(self, state: CustomerState) -> None:
        """Puts what was read in the place of what was known of that customer."""
        self.states = {
            call_id: known for call_id, known in self.states.items() if known.customer_id != state.customer_id
        }
        self.states |= dict.fromkeys(state.calls, state)


def _unbroken(group: Sequence[_Pending]) -> list[_Pending]:
    """Those of a group that may still be stored; the others fail, because one before them in their queue did."""
    for pending in group:
        if pending.queue.broken:
            pending.fail(StoreUnavailable())
    return [pending for pending in group if not pending.settled]


def _prepared(draft: entry_pb2.Draft) -> NewEntry | Revision | DomainError:
    try:
        return checked(draft)
    except DomainError as error:
        return error


def _planned(plan: CommitPlan, pending: _Pending) -> Outcomes:
    """Takes an append into a plan."""
    call = plan.call(pending.writer.call_id)
    if not pending.whole:
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
        if isinstance(entry, NewEntry):
            entries.append(entry)
        elif standing is Standing.LATE:
            raise StaleEpoch(call.epoch)  # what is still being spoken can't have been spoken before
    tail.require_fitting(entries)


def _taken(
    tail: Tail, call: Call, sequence: int, entry: NewEntry | Revision | DomainError, standing: Standing
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
