"""Transactions, with the reads and changes of conversations, calls and answered requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from google.protobuf.message import Message
from readback.conversation.v1 import conversation_service_pb2 as pb
from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    case,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import visitors

from mesh.database.idempotency import IdempotencyStore, M
from services.conversation.model.records import Call, Conversation, conversation_message
from services.conversation.store.reads import LogReads
from services.conversation.store.schema import NOBODY, calls, conversations, feeds, requests

FENCE = frozenset({"epoch", "state", "writer_id"})
"""Columns of a call that determine which agent may write."""
_IDEMPOTENCY = IdempotencyStore(requests)
_ENDED: ColumnElement[int] = literal_column(str(pb.CALL_STATE_ENDED))
RUNNING = calls.c.state != _ENDED
"""The condition for running calls. It has the same text as the condition of their index."""
CALLS = (
    select(calls, conversations.c.conversation_id, conversations.c.customer_id)
    .join(conversations, calls.c.conversation_key == conversations.c.key)
    .where(conversations.c.customer_id != NOBODY)
)
"""The query for the columns of `Call`, without the calls of hidden conversations."""
_OWN_CALLS = select(func.count()).where(calls.c.conversation_key == conversations.c.key).scalar_subquery()
ANSWERED = conversations.c.last_number > 2 * _OWN_CALLS + case(
    (conversations.c.state == pb.CONVERSATION_STATE_ENDED, 1), else_=0
)
"""The condition for conversations in which an agent has joined a call. All others have only the entries of
the starts and ends of their calls, and of their own end."""


class Transaction(LogReads):
    """A read or write transaction.

    On PostgreSQL, a write transaction locks the row of the customer's feed before it reads the customer's
    other rows, so that they don't change until it ends. SQLite needs no lock, because it allows only one
    writer at a time.
    """

    def __init__(self, connection: AsyncConnection, *, writes: bool) -> None:
        super().__init__(connection)
        self._locks = writes and connection.dialect.name == "postgresql"

    async def once(
        self, owner: str, request_id: str, request: Message, answer: type[M], do: Callable[[], Awaitable[M]]
    ) -> M:
        """Execute a customer's request with `do`, and store the answer. A retry gets the stored answer.

        Raises:
            RequestIdReused: the request id was used for a different request.
        """
        if self._locks:
            await self._begin_feed(owner)
            feed = select(feeds.c.version).where(feeds.c.customer_id == owner)
            await self.connection.execute(feed.with_for_update())
        return await _IDEMPOTENCY.once(self.connection, owner, request_id, request, answer, do)

    async def answered(self, owner: str, request_id: str, request: Message, answer: type[M]) -> M | None:
        """Return the stored answer to a customer's request; None if it is new or has no id.

        Raises:
            RequestIdReused: the request id was used for a different request.
        """
        return await _IDEMPOTENCY.answered(self.connection, owner, request_id, request, answer)

    async def purge_requests(self, before: datetime) -> None:
        """Delete the requests answered before a time. A later retry of such a request is executed again."""
        await self.connection.execute(delete(requests).where(requests.c.create_time < before))

    # Conversations

    async def add_conversation(self, values: Mapping[str, object]) -> None:
        """Add a conversation. `values` holds the values by column name, without the key."""
        await self._begin_feed(str(values["customer_id"]))
        await self.connection.execute(insert(conversations).values(values))

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """Return a conversation of any customer; None if it doesn't exist. A write transaction locks it."""
        here = conversations.c.conversation_id == conversation_id
        await self._lock(here)
        row = (await self.connection.execute(select(conversations).where(here))).one_or_none()
        return None if row is None else Conversation(**row._mapping)

    async def conversations_of(
        self,
        customer_id: str,
        *,
        before: int | None,
        limit: int,
        running_only: bool = False,
        answered_only: bool = False,
    ) -> list[Conversation]:
        """Return up to `limit` of a customer's conversations, newest first.

        With `before`, return only conversations whose key is below it.
        """
        query = select(conversations).where(conversations.c.customer_id == customer_id)
        if running_only:
            query = query.where(conversations.c.key.in_(select(calls.c.conversation_key).where(RUNNING)))
        if answered_only:
            query = query.where(ANSWERED)
        if before is not None:
            query = query.where(conversations.c.key < before)
        rows = await self.connection.execute(query.order_by(conversations.c.key.desc()).limit(limit))
        return [Conversation(**row._mapping) for row in rows]

    async def conversations_with(
        self, customer_id: str, conversation_ids: Collection[str]
    ) -> list[Conversation]:
        """Return a customer's conversations with these ids. Unknown ids are ignored."""
        own = conversations.c.customer_id == customer_id
        query = select(conversations).where(own, conversations.c.conversation_id.in_(conversation_ids))
        return [Conversation(**row._mapping) for row in await self.connection.execute(query)]

    async def conversation_messages(self, found: Sequence[Conversation]) -> list[pb.Conversation]:
        """Return the messages for conversations, with their running calls and the places of these in line."""
        running = await self.running_calls([conversation.key for conversation in found])
        places = await self.places_in_line([call.call_id for call in running.values()]) if running else {}
        messages = []
        for conversation in found:
            call = running.get(conversation.key)
            messages.append(
                conversation_message(conversation, call, places.get(call.call_id, 0) if call else 0)
            )
        return messages

    async def change_conversation(self, key: int, **values: object) -> None:
        """Set columns of a conversation. Increment the feed's version, so that appends detect the change."""
        await self._raise_version(conversations.c.key == key)
        await self.connection.execute(update(conversations).where(conversations.c.key == key).values(values))

    async def heads(self, conversation_ids: Iterable[str]) -> dict[str, int]:
        """Return the number of the last entry of each of these conversations, by conversation id."""
        query = select(conversations.c.conversation_id, conversations.c.last_number)
        wanted = conversations.c.conversation_id.in_(list(conversation_ids))
        rows = await self.connection.execute(query.where(wanted))
        return {row.conversation_id: row.last_number for row in rows}

    # Calls

    async def add_call(self, values: Mapping[str, object]) -> None:
        """Add a call. `values` holds the values by column name, without the key."""
        await self.connection.execute(insert(calls).values(values))

    async def call(self, call_id: str) -> Call | None:
        """Return a call of any customer; None if it doesn't exist. A write transaction locks it."""
        await self._lock(calls.c.call_id == call_id)
        row = (await self.connection.execute(CALLS.where(calls.c.call_id == call_id))).one_or_none()
        return None if row is None else Call(**row._mapping)

    async def calls(self, call_ids: Collection[str]) -> list[Call]:
        """Return the calls with these ids, of any customer. Unknown ids are ignored."""
        rows = await self.connection.execute(CALLS.where(calls.c.call_id.in_(call_ids)))
        return [Call(**row._mapping) for row in rows]

    async def running_call(self, conversation_key: int) -> Call | None:
        """Return the running call of a conversation; None if it has none."""
        return (await self.running_calls([conversation_key])).get(conversation_key)

    async def running_calls(self, conversation_keys: Sequence[int]) -> dict[int, Call]:
        """Return the running calls of these conversations, by conversation key."""
        query = CALLS.where(RUNNING, calls.c.conversation_key.in_(conversation_keys))
        return {row.conversation_key: Call(**row._mapping) for row in await self.connection.execute(query)}

    async def running_calls_of(self, customer_id: str) -> list[Call]:
        """Return the running calls of a customer, the oldest first."""
        query = CALLS.where(RUNNING, conversations.c.customer_id == customer_id).order_by(calls.c.key)
        return [Call(**row._mapping) for row in await self.connection.execute(query)]

    async def calls_of(
        self,
        customer_id: str,
        conversation_key: int | None,
        *,
        before: int | None,
        limit: int,
        running_only: bool = False,
    ) -> list[Call]:
        """Return up to `limit` of a customer's calls, of one conversation or of all, newest first.

        With `before`, return only calls whose key is below it.
        """
        query = CALLS.where(conversations.c.customer_id == customer_id)
        if conversation_key is not None:
            query = query.where(calls.c.conversation_key == conversation_key)
        if running_only:
            query = query.where(RUNNING)
        if before is not None:
            query = query.where(calls.c.key < before)
        rows = await self.connection.execute(query.order_by(calls.c.key.desc()).limit(limit))
        return [Call(**row._mapping) for row in rows]

    async def place_in_line(self, call: Call) -> int:
        """Return the place of a call among those that wait for an agent, from 1; 0 if it isn't waiting."""
        return (await self.places_in_line([call.call_id])).get(call.call_id, 0)

    async def places_in_line(self, call_ids: Collection[str]) -> dict[str, int]:
        """Return the places of the calls that wait for an agent among these calls, by call id."""
        ahead = calls.alias("ahead")
        count = (
            select(func.count())
            .where(
                ahead.c.state != _ENDED,
                ahead.c.state == pb.CALL_STATE_DISPATCHED,
                ahead.c.caller_joined_time.is_not(None),
                ahead.c.key < calls.c.key,
            )
            .scalar_subquery()
        )
        waiting = (calls.c.call_id.in_(call_ids), calls.c.state == pb.CALL_STATE_DISPATCHED)
        query = select(calls.c.call_id, (1 + count).label("place")).where(*waiting)
        return {row.call_id: row.place for row in await self.connection.execute(query)}

    async def has_line(self) -> bool:
        """Return whether calls wait in line: an agent was dispatched more than once, and none came."""
        waiting = (RUNNING, calls.c.state == pb.CALL_STATE_DISPATCHED, calls.c.dispatches > 1)
        return (
            await self.connection.execute(select(calls.c.key).where(*waiting).limit(1))
        ).first() is not None

    async def has_live_calls(self) -> bool:
        """Return whether any call has an agent."""
        live = select(calls.c.key).where(RUNNING, calls.c.state == pb.CALL_STATE_LIVE).limit(1)
        return (await self.connection.execute(live)).first() is not None

    async def calls_to_clean_up(self, *, limit: int) -> list[Call]:
        """Return up to `limit` ended calls whose grants must be revoked and whose rooms must be closed."""
        query = CALLS.where(calls.c.state == pb.CALL_STATE_ENDED, calls.c.sealed_grant.is_not(None))
        rows = await self.connection.execute(query.order_by(calls.c.key).limit(limit))
        return [Call(**row._mapping) for row in rows]

    async def change_call(self, key: int, **values: object) -> None:
        """Set columns of a call. If they are in `FENCE`, increment the version of the customer's feed."""
        if not FENCE.isdisjoint(values):
            await self._raise_version(calls.c.key == key)
        await self.connection.execute(update(calls).where(calls.c.key == key).values(values))

    # The feed's row, which is the lock for the customer's conversations and calls

    async def _lock(self, condition: ColumnElement[bool]) -> None:
        if self._locks:
            owner = feeds.c.customer_id.in_(_customer_of(condition))
            await self.connection.execute(select(feeds.c.version).where(owner).with_for_update())

    async def _begin_feed(self, customer_id: str) -> None:
        query = select(feeds.c.version).where(feeds.c.customer_id == customer_id)
        if (await self.connection.execute(query)).one_or_none() is None:
            dialect = postgresql if self.connection.dialect.name == "postgresql" else sqlite
            feed = dialect.insert(feeds).values(customer_id=customer_id, version=0, last_position=0)
            await self.connection.execute(feed.on_conflict_do_nothing())

    async def _raise_version(self, condition: ColumnElement[bool]) -> None:
        owner = feeds.c.customer_id.in_(_customer_of(condition))
        await self.connection.execute(update(feeds).where(owner).values(version=feeds.c.version + 1))


def _customer_of(condition: ColumnElement[bool]) -> Select[Any]:
    """Return a query for the id of the customer whose conversation or call satisfies a condition."""
    query = select(conversations.c.customer_id)
    if any(column.table is calls for column in visitors.iterate(condition) if isinstance(column, Column)):
        query = query.join(calls, calls.c.conversation_key == conversations.c.key)
    return query.where(condition)
