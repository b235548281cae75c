"""Lifecycle of calls: a caller starts and rejoins them, agents open and close them, and they end.

A customer has at most one running call, unless the operator allows more. A conversation never has more.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import available_timezones

import structlog
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.clock import Clock
from mesh.errors import DomainError, FieldViolation, InvalidRequest
from mesh.ids import uuid7
from services.conversation.calls import conversations
from services.conversation.calls.customer_limits import CustomerLimits, StartRate, calls_in_the_way
from services.conversation.calls.grants import GrantCipher
from services.conversation.calls.holds import HoldEnd, Holds
from services.conversation.calls.ports import Access, Grants, Rooms, RoomsUnavailable
from services.conversation.errors import (
    CallEnded,
    CallNotFound,
    CallRunning,
    ConversationEnded,
    ConversationNotFound,
    StaleEpoch,
)
from services.conversation.log import writer_fence
from services.conversation.log.transcript_log import Commit, TranscriptLog
from services.conversation.log.writer_fence import Opening, Writer
from services.conversation.model.records import Call, Conversation
from services.conversation.store import Store, Transaction

_log = structlog.get_logger()
_time_zones = functools.cache(available_timezones)


async def owned(transaction: Transaction, customer_id: str, call_id: str) -> Call:
    """Return a call of this customer.

    Raises:
        CallNotFound: there is no such call, or it is another customer's.
    """
    call = await transaction.call(call_id)
    if call is None or call.customer_id != customer_id:
        raise CallNotFound
    return call


async def require_current(transaction: Transaction, call_id: str, epoch: int) -> None:
    """Check that a dispatch is the call's last one.

    Raises:
        CallNotFound, CallEnded.
        StaleEpoch: another agent was dispatched.
    """
    call = await transaction.call(call_id)
    if call is None:
        raise CallNotFound
    if call.ended:
        raise CallEnded(call.end_reason)
    if epoch != call.epoch:
        raise StaleEpoch(call.epoch)


async def end(commit: Commit, call: Call, reason: entry_pb2.CallEndReason.ValueType) -> Call:
    """End a call inside a commit, and truncate its open utterances. If the call has ended, change nothing.

    Call `Calls.hang_up` after the commit, to end the agent's stream and start the cleanup.
    """
    if call.ended:
        return call
    tail = await commit.tail(call.conversation_id)
    tail.seal_truncated(call)
    tail.add_state_change(entry_pb2.STATE_CHANGE_KIND_CALL_ENDED, call, call_end_reason=reason)
    await commit.transaction.change_call(
        call.key, state=pb.CALL_STATE_ENDED, end_time=commit.now, end_reason=reason, holder=None
    )
    return await commit.call(call.call_id)


async def dispatch_next(commit: Commit, call: Call, **values: object) -> Call:
    """Raise a call's epoch for the dispatch of another agent. The current agent can no longer write."""
    fresh = {
        "epoch": call.epoch + 1,
        "state": pb.CALL_STATE_DISPATCHED,
        "writer_id": None,
        "holder": None,
        "dispatch_time": commit.now,
    }
    await commit.transaction.change_call(call.key, **fresh, **values)
    return await commit.call(call.call_id)


async def replace_agent(commit: Commit, call: Call, reason: entry_pb2.AgentLossReason.ValueType) -> Call:
    """Take a call from its agent: truncate open utterances, raise the epoch, add the loss to the log."""
    tail = await commit.tail(call.conversation_id)
    tail.seal_truncated(call)
    call = await dispatch_next(commit, call, dispatches=0)
    tail.add_state_change(entry_pb2.STATE_CHANGE_KIND_AGENT_LOST, call, agent_loss_reason=reason)
    return call


class _Begun(NamedTuple):
    """A new call, the caller's access to it, and the calls that were ended for it."""

    call: Call
    access: Access
    ended: Sequence[Call]


class Calls:
    """Lifecycle of the calls of all conversations."""

    def __init__(
        self,
        log: TranscriptLog,
        store: Store,
        rooms: Rooms,
        grants: Grants,
        cipher: GrantCipher,
        holds: Holds,
        replica_id: str,
        clock: Clock,
        limits: CustomerLimits | None = None,
    ) -> None:
        self._limits = limits or CustomerLimits()
        self._rate = StartRate(self._limits.starts_per_minute, clock)
        self._log, self._store, self._rooms = log, store, rooms
        self._grants, self._cipher, self._holds, self._replica_id = grants, cipher, holds, replica_id

    async def start(self, customer_id: str, token: str, request: pb.StartCallRequest) -> tuple[Call, Access]:
        """Start a call; return it with the caller's access to its room.

        A repeated request id returns the same call, with new access. `token` is the customer's own, with
        which the call's grant is issued.

        Raises:
            ConversationNotFound, ConversationEnded, CallRunning, TooManyStarts.
            CallEnded: a repeated request id, whose call has ended.
            InvalidRequest: the time zone doesn't exist.
        """
        if request.time_zone and request.time_zone not in _time_zones():
            raise InvalidRequest([FieldViolation("time_zone", "not a name in the IANA time zone database")])
        self._rate.check(customer_id)
        if (started := await self._started_before(customer_id, request)) is not None:
            return await self.rejoin(customer_id, started)
        self._rate.count(customer_id)
        call_id, conversation_id = uuid7(), request.conversation_id.lower()
        # Get the grant outside the transaction, so that no commit waits for another service. If the call
        # can't be started, the unused grant expires.
        grant = await self._grants.grant(token, conversation_id, call_id)
        begun: list[_Begun] = []
        async with self._log.commit() as commit:

            async def begin() -> pb.StartCallResponse:
                begun.append(await self._begin(commit, customer_id, request, call_id, grant))
                # The stored answer has no token. It is deleted with the conversation that it names.
                return pb.StartCallResponse(call=pb.Call(call_id=call_id, conversation_id=conversation_id))

            answer = await commit.transaction.once(
                customer_id, request.request_id, request, pb.StartCallResponse, begin
            )
        if not begun:
            return await self.rejoin(customer_id, answer.call.call_id)
        call, access, ended = begun[0]
        for running in ended:
            self.hang_up(running.call_id)
        _log.info("call started", call_id=call_id, conversation_id=conversation_id)
        await self._create_room(call)
        self._holds.changed()
        return call, access

    async def rejoin(self, customer_id: str, call_id: str) -> tuple[Call, Access]:
        """Return a running call, with a new token to join its room.

        Raises:
            CallNotFound, CallEnded.
        """
        async with self._log.commit() as commit:
            call = await owned(commit.transaction, customer_id, call_id)
            if call.ended:
                raise CallEnded(call.end_reason)
            access = self._rooms.admit(call)
            await commit.transaction.change_call(call.key, access_expire_time=access.expire_time)
        await self._create_room(call)
        return call, access

    async def open(self, writer: Writer) -> tuple[Call, Conversation, str]:
        """Let a writer take its call on this replica; return the call, its conversation and its grant.

        Raises:
            CallNotFound, CallEnded, StaleEpoch, EpochHeld.
        """
        with self._holds.expecting(writer.call_id):
            return await self._open(writer)

    async def _open(self, writer: Writer) -> tuple[Call, Conversation, str]:
        async with self._log.commit() as commit:
            call = await commit.call(writer.call_id)
            taken = {
                "writer_id": writer.writer_id,
                "holder": self._replica_id,
                "state": pb.CALL_STATE_LIVE,
                "dispatches": 0,
            }
            if writer_fence.opening(call, writer) is Opening.REOPENED:
                await commit.transaction.change_call(call.key, holder=self._replica_id)
            else:
                await commit.transaction.change_call(
                    call.key, **taken, answer_time=call.answer_time or commit.now
                )
                (await commit.tail(call.conversation_id)).add_state_change(
                    entry_pb2.STATE_CHANGE_KIND_AGENT_JOINED, call
                )
                await commit.flush()
            conversation = await commit.transaction.conversation(call.conversation_id)
            assert conversation is not None
            assert call.sealed_grant is not None
        return call, conversation, self._cipher.open(call.sealed_grant)

    async def close(self, writer: Writer, reason: entry_pb2.CallEndReason.ValueType) -> None:
        """Let an agent leave its call. With a reason, end the call; without one, dispatch another agent.

        Raises:
            CallNotFound, CallEnded, StaleEpoch, EpochHeld.
        """
        async with self._log.commit() as commit:
            call = await commit.call(writer.call_id)
            writer_fence.require_holder(call, writer)
            if reason == entry_pb2.CALL_END_REASON_UNSPECIFIED:
                await replace_agent(commit, call, entry_pb2.AGENT_LOSS_REASON_HANDED_OVER)
            else:
                await end(commit, call, reason)
        if reason != entry_pb2.CALL_END_REASON_UNSPECIFIED:
            self.hang_up(writer.call_id)
        _log.info(
            "call closed by its agent", call_id=writer.call_id, reason=entry_pb2.CallEndReason.Name(reason)
        )

    def hang_up(self, call_id: str) -> None:
        """After the commit that ended a call, end the agent's stream and start the cleanup."""
        self._holds.end(call_id, HoldEnd.CALL_ENDED)

    async def _create_room(self, call: Call) -> None:
        try:
            await self._rooms.create(call)
        except RoomsUnavailable as error:
            # The supervisor creates the room when LiveKit is back.
            _log.warning("room not created", call_id=call.call_id, why=str(error))

    async def _started_before(self, customer_id: str, request: pb.StartCallRequest) -> str | None:
        """Return the id of the call that the same request started; None if the request is new.

        Raises:
            ConversationNotFound, ConversationEnded, CallRunning: the request is new and can't be granted.
            RequestIdReused: its id was used for another payload.
        """
        async with self._store.reading() as transaction:
            refusal: DomainError | None = None
            try:
                await self._startable(transaction, customer_id, request)
            except (ConversationNotFound, ConversationEnded, CallRunning) as error:
                refusal = error
            # After the check, because the same request may be handled on another replica at the same time.
            answered = await transaction.answered(
                customer_id, request.request_id, request, pb.StartCallResponse
            )
        if answered is None and refusal is not None:
            raise refusal
        return answered.call.call_id if answered is not None else None

    async def _startable(
        self, transaction: Transaction, customer_id: str, request: pb.StartCallRequest
    ) -> tuple[Conversation, Sequence[Call]]:
        """Return the conversation, and the running calls to end first."""
        conversation = await conversations.owned(transaction, customer_id, request.conversation_id.lower())
        if conversation.ended:
            raise ConversationEnded
        running = await transaction.running_calls_of(customer_id)
        in_the_way = calls_in_the_way(running, conversation.key, self._limits.running_calls)
        if in_the_way and not request.end_running_call:
            raise CallRunning(in_the_way[0].call_id, in_the_way[0].conversation_id)
        return conversation, in_the_way

    async def _begin(
        self, commit: Commit, customer_id: str, request: pb.StartCallRequest, call_id: str, grant: str
    ) -> _Begun:
        conversation, in_the_way = await self._startable(commit.transaction, customer_id, request)
        for running in in_the_way:
            await end(commit, running, entry_pb2.CALL_END_REASON_REPLACED)
        call = await self._add(commit, conversation, call_id, request.time_zone, grant)
        access = self._rooms.admit(call)
        await commit.transaction.change_call(call.key, access_expire_time=access.expire_time)
        tail = await commit.tail(conversation.conversation_id)
        tail.add_state_change(entry_pb2.STATE_CHANGE_KIND_CALL_STARTED, call)
        return _Begun(call, access, in_the_way)

    async def _add(
        self, commit: Commit, conversation: Conversation, call_id: str, time_zone: str, grant: str
    ) -> Call:
        await commit.transaction.add_call(
            {
                "call_id": call_id,
                "conversation_key": conversation.key,
                "room": f"call-{call_id}",
                "state": pb.CALL_STATE_DISPATCHED,
                "epoch": 1,
                # If calls wait in line, a free agent is for them.
                "dispatches": 0 if await commit.transaction.has_line() else 1,
                "dispatch_time": commit.now,
                "access_expire_time": commit.now,
                "time_zone": time_zone,
                "sealed_grant": self._cipher.seal(grant),
                "create_time": commit.now,
                "end_reason": entry_pb2.CALL_END_REASON_UNSPECIFIED,
            }
        )
        return await commit.call(call_id)
