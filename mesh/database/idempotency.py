"""Idempotent mutations by request id (AIP-155).

A response is stored in the same transaction as its mutation. A retry gets the stored response. A request
without an id can't be retried, so nothing is stored for it.
"""

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
    """Return the table of a service's answered requests; its migration must create the same columns."""
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
    """Responses to the requests that a service has answered."""

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
        """Run `do` for a new or absent request id; for a known one, return the stored response.

        `connection` must be in the writing transaction that `do` uses. `owner` identifies the caller.

        Raises:
            RequestIdReused: the id was used for another payload.
        """
        if not request_id:
            return await do()
        table = self._table
        row = (table.c.owner == owner, table.c.request_id == request_id)
        # Claims the id before `do` runs, so that the same request on another replica waits for this response.
        insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert
        claim = (
            insert(table)
            .values(
                owner=owner,
                request_id=request_id,
                payload_hash=_payload_hash(request),
                response=b"",
                create_time=datetime.now(UTC),
            )
            .on_conflict_do_nothing()
            .returning(table.c.request_id)
        )
        if (await connection.execute(claim)).one_or_none() is not None:
            response = await do()
            stored = response.SerializeToString(deterministic=True)
            await connection.execute(update(table).where(*row).values(response=stored))
            return response
        answered = await self.answered(connection, owner, request_id, request, response_type)
        assert answered is not None, "a request whose id was claimed has no row"
        return answered

    async def answered(
        self,
        connection: AsyncConnection,
        owner: str,
        request_id: str,
        request: Message,
        response_type: type[M],
    ) -> M | None:
        """Return the stored response of a request; None if it is new or has no id.

        Raises:
            RequestIdReused: the id was used for another payload.
        """
        table = self._table
        row = (table.c.owner == owner, table.c.request_id == request_id)
        columns = select(table.c.payload_hash, table.c.response)
        found = (await connection.execute(columns.where(*row))).one_or_none() if request_id else None
        if found is None:
            return None
        if found.payload_hash != _payload_hash(request):
            raise RequestIdReused(request_id)
        return response_type.FromString(found.response)


def _payload_hash(request: Message) -> bytes:
    name = request.DESCRIPTOR.full_name.encode()
    return hashlib.sha256(name + b"\0" + request.SerializeToString(deterministic=True)).digest()
