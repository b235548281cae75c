"""The database, and the only SQL. A `Transaction` reads and writes; leaving it commits, and only then is anything acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

from google.protobuf.message import Message
from readback.conversation.v1 import conversation_service_pb2 as pb
from sqlalchemy import ColumnElement, Select, delete, func, insert, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mesh import database
from mesh.requests import M, RequestLedger
from services.conversation.records import Call, Conversation, OpenSpeech, StoredEntry
from services.conversation.schema import calls, conversations, entries, log_identity, open_utterances, requests

_LEDGER = RequestLedger(requests)


class Store:
    """Where conversations are kept."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # SQLite lets writers wait by polling, the unlucky ones for long; in one process they queue here instead.
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """One consistent view."""
        async with database.reading(self._engine) as connection:
            yield Transaction(connection)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Transaction]:
        """All or nothing, durable on leaving. One writer at a time, from the first statement on."""
        async with self._turn, database.writing(self._engine) as connection:
            yield Transaction(connection)

    async def incarnation(self) -> bytes:
        """16 bytes that this database alone has."""
        async with database.reading(self._engine) as connection:
            return bytes((await connection.execute(select(log_identity.c.incarnation))).scalar_one())


def _calls() -> Select[Any]:
    owner = (conversations.c.conversation_id, conversations.c.customer_id)
    return select(calls, *owner).join(conversations, calls.c.conversation_key == conversations.c.key)


def _running() -> ColumnElement[bool]:
    return calls.c.state != literal_column(str(pb.CALL_STATE_ENDED))  # in the words of the index


class Transaction:
    """What can be asked and changed inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    async def once(self, owner: str, request_id: str, request: Message, answer: type[M], do: Callable[[], Awaitable[M]]) -> M:
        """Does what a request asks for, or gives the answer it got before.

        Raises:
            RequestIdReused: the id came before with another payload.
        """
        return await _LEDGER.once(self.connection, owner, request_id, request, answer, do)

    async def forget_requests(self, before: datetime) -> None:
        """Deletes the requests answered before a time; one of them that comes again is taken for new."""
        await self.connection.execute(delete(requests).where(requests.c.create_time < before))

    # Conversations

    async def add_conversation(self, values: Mapping[str, object]) -> None:
        """Adds a conversation; `values` by column name, without the key."""
        await self.connection.execute(insert(conversations).values(values))

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """A conversation, whoever owns it."""
        row = (await self.connection.execute(select(conversations).where(conversations.c.conversation_id == conversation_id))).one_or_none()
        return None if row is None else Conversation(**row._mapping)

    async def conversations_of(self, customer_id: str, *, before: int | None, limit: int) -> list[Conversation]:
        """A customer's conversations with keys below `before`, the newest first."""
        query = select(conversations).where(conversations.c.customer_id == customer_id)
        if before is not None:
            query = query.where(conversations.c.key < before)
        rows = await self.connection.execute(query.order_by(conversations.c.key.desc()).limit(limit))
        return [Conversation(**row._mapping) for row in rows]

    async def change_conversation(self, key: int, **values: object) -> None:
        """Sets columns of a conversation."""
        await self.connection.execute(update(conversations).where(conversations.c.key == key).values(values))

    async def heads(self, conversation_ids: Iterable[str]) -> dict[str, int]:
        """The last number of each of these conversations, by id."""
        columns = (conversations.c.conversation_id, conversations.c.last_number)
        rows = await self.connection.execute(select(*columns).where(conversations.c.conversation_id.in_(list(conversation_ids))))
        return {row.conversation_id: row.last_number for row in rows}

    # Calls

    async def add_call(self, values: Mapping[str, object]) -> None:
        """Adds a call; `values` by column name, without the key."""
        await self.connection.execute(insert(calls).values(values))

    async def call(self, call_id: str) -> Call | None:
        """A call, whoever owns it."""
        row = (await self.connection.execute(_calls().where(calls.c.call_id == call_id))).one_or_none()
        return None if row is None else Call(**row._mapping)

    async def running_call(self, conversation_key: int) -> Call | None:
        """The running call of a conversation."""
        return (await self.running_calls([conversation_key])).get(conversation_key)

    async def running_calls(self, conversation_keys: Sequence[int]) -> dict[int, Call]:
        """The running calls of these conversations, by the conversation's key."""
        query = _calls().where(_running(), calls.c.conversation_key.in_(conversation_keys))
        return {row.conversation_key: Call(**row._mapping) for row in await self.connection.execute(query)}

    async def all_running_calls(self) -> list[Call]:
        """Every running call of the installation."""
        # Without an order: SQLite would rather read all calls there ever were than sort the few.
        return [Call(**row._mapping) for row in await self.connection.execute(_calls().where(_running()))]

    async def calls_with_leftovers(self, *, limit: int) -> list[Call]:
        """Ended calls whose grant is still to be revoked and whose room is still to be closed."""
        query = _calls().where(calls.c.state == pb.CALL_STATE_ENDED, calls.c.sealed_grant.is_not(None))
        rows = await self.connection.execute(query.order_by(calls.c.key).limit(limit))
        return [Call(**row._mapping) for row in rows]

    async def change_call(self, key: int, **values: object) -> None:
        """Sets columns of a call."""
        await self.connection.execute(update(calls).where(calls.c.key == key).values(values))

    # Entries

    async def entries_after(self, conversation_key: int, number: int, *, limit: int) -> list[StoredEntry]:
        """Entries in the order of the log, the first one after `number`."""
        columns = [column for column in entries.c if column.name not in {"conversation_key", "call_key"}]
        query = (
            select(*columns, calls.c.call_id)
            .join(calls, entries.c.call_key == calls.c.key, isouter=True)
            .where(entries.c.conversation_key == conversation_key, entries.c.number > number)
        )
        rows = await self.connection.execute(query.order_by(entries.c.number).limit(limit))
        return [StoredEntry(**row._mapping) for row in rows]

    async def entry_id_at(self, conversation_key: int, number: int) -> str | None:
        """The id of the entry with a number."""
        query = select(entries.c.entry_id).where(entries.c.conversation_key == conversation_key, entries.c.number == number)
        entry_id: str | None = (await self.connection.execute(query)).scalar_one_or_none()
        return entry_id

    async def number_before(self, conversation_key: int, instant: datetime) -> int:
        """The number of the last entry stored before an instant; 0 when there is none."""
        query = select(func.max(entries.c.number)).where(entries.c.conversation_key == conversation_key, entries.c.commit_time < instant)
        return (await self.connection.execute(query)).scalar_one() or 0

    async def known(self, conversation_key: int, entry_ids: Iterable[str]) -> dict[str, tuple[int, bytes]]:
        """Number and digest of those of the entries that are in the log, by id."""
        query = select(entries.c.entry_id, entries.c.number, entries.c.digest).where(
            entries.c.conversation_key == conversation_key, entries.c.entry_id.in_(list(entry_ids))
        )
        return {row.entry_id: (row.number, row.digest) for row in await self.connection.execute(query)}

    async def add_entries(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Adds entries; each by column name."""
        if rows:
            await self.connection.execute(insert(entries), list(rows))

    # Open utterances

    async def open_utterances(self, conversation_key: int) -> list[OpenSpeech]:
        """What is being spoken in a conversation, the earliest first."""
        query = select(open_utterances).where(open_utterances.c.conversation_key == conversation_key)
        rows = await self.connection.execute(query.order_by(open_utterances.c.start_time, open_utterances.c.utterance_id))
        return [OpenSpeech(**row._mapping) for row in rows]

    async def add_open_utterances(self, speeches: Sequence[OpenSpeech]) -> None:
        """Adds open utterances; earlier revisions must have been closed."""
        if speeches:
            await self.connection.execute(insert(open_utterances), [asdict(speech) for speech in speeches])

    async def close_utterances(self, conversation_key: int, utterance_ids: Sequence[str]) -> None:
        """Forgets open utterances; those that are not there don't matter."""
        if utterance_ids:
            condition = (open_utterances.c.conversation_key == conversation_key, open_utterances.c.utterance_id.in_(utterance_ids))
            await self.connection.execute(delete(open_utterances).where(*condition))
