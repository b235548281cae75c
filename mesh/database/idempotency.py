"""Request ids (AIP-155): the result of a mutation is stored with it, in the same transaction, and given again to who asks again."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy import Column, DateTime, LargeBinary, MetaData, String, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.errors import RequestIdReused

M = TypeVar("M", bound=Message)


def requests_table(metadata: MetaData) -> Table:
    """The table of a service's answered requests; its migration must make the same columns."""
    return Table(
        "requests",
        metadata,
        Column("owner", String(64), primary_key=True),
        Column("request_id", String(36), primary_key=True),
        Column("payload_hash", LargeBinary(32), nullable=False),
        Column("response", LargeBinary, nullable=False),
        Column("create_time", DateTime(timezone=True), nullable=False),
    )


class IdempotencyStore:
    """Answered requests of a service."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def once(
        self,
        connection: AsyncConnection,
        owner: str,
        request_id: str,
        request: Message,
        response_type: type[M],
        do: Callable[[], Awaitable[M]],
    ) -> M:
        """Does what a request asks for, or gives the answer it got before.

        `connection` is in a writing transaction, the one in which `do` works; `owner` is whose request it is.

        Raises:
            RequestIdReused: the id came before with another payload.
        """
        table = self._table
        payload_hash = hashlib.sha256(
            request.DESCRIPTOR.full_name.encode() + b"\0" + request.SerializeToString(deterministic=True)
        ).digest()
        here = (table.c.owner == owner, table.c.request_id == request_id)
        values = {
            "owner": owner,
            "request_id": request_id,
            "payload_hash": payload_hash,
            "create_time": datetime.now(UTC),
        }
        # Claimed before it is done: who sends the same on another replica meanwhile waits for the answer instead of doing it too.
        insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert
        claim = (
            insert(table)
            .values(**values, response=b"")
            .on_conflict_do_nothing()
            .returning(table.c.request_id)
        )
        if (await connection.execute(claim)).one_or_none() is not None:
            response = await do()
            answered = (
                update(table).where(*here).values(response=response.SerializeToString(deterministic=True))
            )
            await connection.execute(answered)
            return response
        found = (await connection.execute(select(table.c.payload_hash, table.c.response).where(*here))).one()
        if found.payload_hash != payload_hash:
            raise RequestIdReused(request_id)
        return response_type.FromString(found.response)
