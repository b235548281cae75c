"""What is asked and changed inside one transaction: conversations, calls, answered requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from google.protobuf.message import Message
from readback.conversation.v1 import conversation_service_pb2 as pb
from sqlalchemy import Column, ColumnElement, Select, Table, delete, insert, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import visitors

from mesh.database.idempotency import IdempotencyStore, M
from services.conversation.model.records import Call, Conversation
from services.conversation.store.reads import LogReads
from services.conversation.store.schema import calls, conversations, feeds, requests

FENCE = frozenset({"epoch", "state", "writer_id"})
"""Columns of a call that say who may write."""
_LEDGER = IdempotencyStore(requests)


def _calls() -> Select[Any]:
    owner = (conversations.c.conversation_id, conversations.c.customer_id)
    return select(calls, *owner).join(conversations, calls.c.conversation_key == conversations.c.key)


def _running() -> ColumnElement[bool]:
    return calls.c.state != literal_column(str(pb.CALL_STATE_ENDED))  # in the words of the index


class Transaction(LogReads):
    """What can be asked and changed inside one transaction.

    One that writes locks what it asks about: the row of the customer's feed, before it reads anything else of the customer's. So
    whatever is read in it stays true until it commits. (SQLite has one writer at a time anyway.)
    """

    def __init__(self, connection: AsyncConnection, *, writes: bool) -> None:
        super().__init__(connection)
        self._locks = writes and connection.dialect.name == "postgresql"

    async def once(
        self, owner: str, request_id: str, request: Message, answer: type[M], do: Callable[[], Awaitable[M]]
    ) -> M:
        """Does what a customer's request asks for, or gives the answer it got before.

        Raises:
            RequestIdReused: the id came before with another payload.
        """
        if self._locks:
            await self._begin_feed(owner)
            await self.connection.execute(
                select(feeds.c.version).where(feeds.c.customer_id == owner).with_for_update()
            )
        return await _LEDGER.once(self.connection, owner, request_id, request, answer, do)

    async def forget_requests(self, before: datetime) -> None:
        """Deletes the requests answered before a time; one of them that comes again is taken for new."""
        await self.connection.execute(delete(requests).where(requests.c.create_time < before))

    # Conversations

    async def add_conversation(self, values: Mapping[str, object]) -> None:
        """Adds a conversation; `values` by column name, without the key."""
        await self._begin_feed(str(values["customer_id"]))
        await self.connection.execute(insert(conversations).values(values))

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """A conversation, whoever owns it."""
        await self._lock(conversations.c.conversation_id == conversation_id)
        row = (
            await self.connection.execute(
                select(conversations).where(conversations.c.conversation_id == conversation_id)
            )
        ).one_or_none()
        return None if row is None else Conversation(**row._mapping)

    async def conversations_of(
        self, customer_id: str, *, before: int | None, limit: int, running_call_only: bool = False
    ) -> list[Conversation]:
        """A customer's conversations with keys below `before`, the newest first."""
        query = select(conversations).where(conversations.c.customer_id == customer_id)
        if running_call_only:
            query = query.where(conversations.c.key.in_(select(calls.c.conversation_key).where(_running())))
        if before is not None:
            query = query.where(conversations.c.key < before)
        rows = await self.connection.execute(query.order_by(conversations.c.key.desc()).limit(limit))
        return [Conversation(**row._mapping) for row in rows]

    async def change_conversation(self, key: int, **values: object) -> None:
        """Sets columns of a conversation. Whoever appends to it finds out."""
        await self._warn_writers(conversations.c.key == key)
        await self.connection.execute(update(conversations).where(conversations.c.key == key).values(values))

    async def heads(self, conversation_ids: Iterable[str]) -> dict[str, int]:
        """The last number of each of these conversations, by id."""
        columns = (conversations.c.conversation_id, conversations.c.last_number)
        rows = await self.connection.execute(
            select(*columns).where(conversations.c.conversation_id.in_(list(conversation_ids)))
        )
        return {row.conversation_id: row.last_number for row in rows}

    # Calls

    async def add_call(self, values: Mapping[str, object]) -> None:
        """Adds a call; `values` by column name, without the key."""
        await self.connection.execute(insert(calls).values(values))

    async def call(self, call_id: str) -> Call | None:
        """A call, whoever owns it."""
        await self._lock(calls.c.call_id == call_id)
        row = (await self.connection.execute(_calls().where(calls.c.call_id == call_id))).one_or_none()
        return None if row is None else Call(**row._mapping)

    async def calls(self, call_ids: Collection[str]) -> list[Call]:
        """Those of these calls that there are, whoever owns them."""
        return [
            Call(**row._mapping)
            for row in await self.connection.execute(_calls().where(calls.c.call_id.in_(call_ids)))
        ]

    async def running_call(self, conversation_key: int) -> Call | None:
        """The running call of a conversation."""
        return (await self.running_calls([conversation_key])).get(conversation_key)

    async def running_calls(self, conversation_keys: Sequence[int]) -> dict[int, Call]:
        """The running calls of these conversations, by the conversation's key."""
        query = _calls().where(_running(), calls.c.conversation_key.in_(conversation_keys))
        return {row.conversation_key: Call(**row._mapping) for row in await self.connection.execute(query)}

    async def calls_with_leftovers(self, *, limit: int) -> list[Call]:
        """Ended calls whose grant is still to be revoked and whose room is still to be closed."""
        query = _calls().where(calls.c.state == pb.CALL_STATE_ENDED, calls.c.sealed_grant.is_not(None))
        rows = await self.connection.execute(query.order_by(calls.c.key).limit(limit))
        return [Call(**row._mapping) for row in rows]

    async def change_call(self, key: int, **values: object) -> None:
        """Sets columns of a call. Whoever appends to it finds out when it may not any more."""
        if not FENCE.isdisjoint(values):
            await self._warn_writers(calls.c.key == key)
        await self.connection.execute(update(calls).where(calls.c.key == key).values(values))

    # The feed's row, under which everything that a writer relies on is changed

    async def _lock(self, of_what: ColumnElement[bool]) -> None:
        if self._locks:
            owner = _customer_of(of_what)
            await self.connection.execute(
                select(feeds.c.version).where(feeds.c.customer_id.in_(owner)).with_for_update()
            )

    async def _begin_feed(self, customer_id: str) -> None:
        known = (
            await self.connection.execute(select(feeds.c.version).where(feeds.c.customer_id == customer_id))
        ).one_or_none()
        if known is None:
            make = self._insert(feeds).values(customer_id=customer_id, version=0, last_position=0)
            await self.connection.execute(make.on_conflict_do_nothing())

    async def _warn_writers(self, of_what: ColumnElement[bool]) -> None:
        newer = (
            update(feeds)
            .where(feeds.c.customer_id.in_(_customer_of(of_what)))
            .values(version=feeds.c.version + 1)
        )
        await self.connection.execute(newer)

    def _insert(self, table: Table) -> Any:
        return (postgresql if self.connection.dialect.name == "postgresql" else sqlite).insert(table)


def _customer_of(of_what: ColumnElement[bool]) -> Select[Any]:
    query = select(conversations.c.customer_id)
    if any(column.table is calls for column in visitors.iterate(of_what) if isinstance(column, Column)):
        query = query.join(calls, calls.c.conversation_key == conversations.c.key)
    return query.where(of_what)
