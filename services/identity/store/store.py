"""The database: the only place that knows SQL.

Everything happens in a transaction, `reading` or `writing`. What a writing one has read is still so when it writes: on SQLite because
writers come one after another, on PostgreSQL because it locks the rows it reads, a session before the tokens of its family. Digests, never
tokens; hashes, never passwords.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mesh.database import transactions
from services.identity.errors import EmailTaken
from services.identity.store.records import Customer, FailedAttempts, Grant, RefreshToken, Session
from services.identity.store.schema import (
    customers,
    failed_attempts,
    grants,
    refresh_tokens,
    requests,
    seen_assertions,
    sessions,
)

REQUESTS_KEPT = timedelta(days=1)
"""How long the same request id gets the same answer."""
_SWEEP = 0x5EE9
"""Key of PostgreSQL's advisory lock under which one replica sweeps."""


class Transaction:
    """What can be read and, in a writing transaction, written."""

    def __init__(self, connection: AsyncConnection, *, writes: bool) -> None:
        self.connection = connection
        """For `mesh.database.idempotency`, which stores answers in the transaction that made them."""
        self._writes = writes

    async def add_customer(self, customer: Customer, canonical_email: str) -> None:
        """Raises EmailTaken when another customer has the address."""
        try:
            await self.connection.execute(
                insert(customers).values(**_values(customer), canonical_email=canonical_email)
            )
        except IntegrityError:
            raise EmailTaken from None

    async def customer(self, customer_id: str) -> Customer | None:
        """The customer with the id."""
        return await self._customer(customers.c.customer_id == customer_id)

    async def customer_by_email(self, canonical_email: str) -> Customer | None:
        """The customer with the address."""
        return await self._customer(customers.c.canonical_email == canonical_email)

    async def set_password_hash(self, customer_id: str, password_hash: str) -> None:
        """Replaces the hash."""
        await self.connection.execute(
            update(customers)
            .where(customers.c.customer_id == customer_id)
            .values(password_hash=password_hash)
        )

    async def delete_customer(self, customer_id: str) -> None:
        """Deletes the customer, and with them their sessions, refresh tokens and grants."""
        await self._delete(customers, customers.c.customer_id == customer_id)

    async def add_session(self, session: Session) -> None:
        """Stores a new session."""
        await self.connection.execute(insert(sessions).values(**_values(session)))

    async def session(self, session_id: str) -> Session | None:
        """The session with the id, ended or not."""
        row = await self._one(sessions, sessions.c.session_id == session_id)
        return Session(**row) if row else None

    async def end_session(self, session_id: str, now: datetime) -> None:
        """Marks the session ended, unless it is."""
        still_open = (sessions.c.session_id == session_id) & sessions.c.ended_at.is_(None)
        await self.connection.execute(update(sessions).where(still_open).values(ended_at=now))

    async def add_refresh_token(self, token: RefreshToken) -> None:
        """Stores a new refresh token."""
        await self.connection.execute(insert(refresh_tokens).values(**_values(token)))

    async def refresh_token(self, digest: bytes) -> tuple[RefreshToken, Session] | None:
        """The refresh token with the digest, spent or not, and its session, ended or not; no other of the family is used meanwhile."""
        here = refresh_tokens.c.digest == digest
        family = (
            await self.connection.execute(select(refresh_tokens.c.session_id).where(here))
        ).scalar_one_or_none()
        session = await self.session(family) if family is not None else None
        row = await self._one(refresh_tokens, here)
        return (RefreshToken(**row), session) if row and session else None

    async def relatives(self, token: RefreshToken) -> Sequence[RefreshToken]:
        """The children and siblings of a refresh token."""
        column = refresh_tokens.c.parent
        close = (
            or_(column == token.digest, column == token.parent) if token.parent else column == token.digest
        )
        rows = (await self.connection.execute(select(refresh_tokens).where(close))).mappings()
        return [RefreshToken(**row) for row in rows]

    async def spend_refresh_token(self, digest: bytes, now: datetime) -> None:
        """Marks the token used, if this is the first time."""
        unspent = (refresh_tokens.c.digest == digest) & refresh_tokens.c.spent_at.is_(None)
        await self.connection.execute(update(refresh_tokens).where(unspent).values(spent_at=now))

    async def put_grant(self, grant: Grant) -> None:
        """Stores a grant in place of the one its customer's call had."""
        await self._put(grants, _values(grant), grants.c.call_id, grants.c.customer_id)

    async def grant(self, digest: bytes) -> Grant | None:
        """The grant with the digest, expired or not."""
        row = await self._one(grants, grants.c.digest == digest)
        return Grant(**row) if row else None

    async def drop_grants_of_call(self, call_id: str, customer_id: str | None) -> None:
        """Deletes the call's grant of one customer, or of any for None."""
        whose = (
            (grants.c.customer_id == customer_id)
            if customer_id is not None
            else grants.c.customer_id.is_not(None)
        )
        await self._delete(grants, (grants.c.call_id == call_id) & whose)

    async def drop_grants_of_session(self, session_id: str) -> None:
        """Deletes the grants made in a session."""
        await self._delete(grants, grants.c.session_id == session_id)

    async def attempts(self, account: bytes) -> FailedAttempts | None:
        """The run of failures of an account, by the digest of its address."""
        row = await self._one(failed_attempts, failed_attempts.c.account == account)
        return FailedAttempts(row["count"], row["last_at"]) if row else None

    async def begin_attempts(self, account: bytes, now: datetime) -> None:
        """Makes the run of failures of an account, with none so far, unless there is one: what isn't there can't be locked."""
        await self._add_once(failed_attempts, {"account": account, "count": 0, "last_at": now})

    async def put_attempts(self, account: bytes, attempts: FailedAttempts) -> None:
        """Stores the run of failures of an account."""
        await self._put(failed_attempts, {"account": account, **_values(attempts)}, failed_attempts.c.account)

    async def forget_attempts(self, account: bytes) -> None:
        """Ends the run of failures of an account."""
        await self._delete(failed_attempts, failed_attempts.c.account == account)

    async def remember_assertion(self, actor: str, jti: str, expires_at: datetime) -> bool:
        """Remembers an assertion; False when it was seen before."""
        return await self._add_once(seen_assertions, {"actor": actor, "jti": jti, "expires_at": expires_at})

    async def sweep(self, now: datetime, attempts_before: datetime) -> None:
        """Deletes what has lost its meaning: expired sessions with their tokens, expired grants and assertions, old runs of failures.

        Does nothing while another replica sweeps.
        """
        if self.connection.dialect.name == "postgresql" and not await self._alone(_SWEEP):
            return
        for table in (sessions, grants, seen_assertions):
            await self._delete(table, table.c.expires_at <= now)
        await self._delete(failed_attempts, failed_attempts.c.last_at <= attempts_before)
        await self._delete(requests, requests.c.create_time <= now - REQUESTS_KEPT)

    async def _customer(self, condition: ColumnElement[bool]) -> Customer | None:
        row = await self._one(customers, condition)
        return (
            Customer(**{name: value for name, value in row.items() if name != "canonical_email"})
            if row
            else None
        )

    async def _one(self, table: Table, condition: ColumnElement[bool]) -> dict[str, Any] | None:
        query = select(table).where(condition)
        if self._writes:
            query = query.with_for_update(
                key_share=True
            )  # as an update that leaves the key takes it; SQLite has no row locks
        row = (await self.connection.execute(query)).mappings().one_or_none()
        return None if row is None else dict(row)

    async def _add_once(self, table: Table, values: dict[str, Any]) -> bool:
        """Adds a row unless it is there; says whether it did."""
        adding = self._insert(table).values(values).on_conflict_do_nothing().returning(*table.primary_key)
        return (await self.connection.execute(adding)).one_or_none() is not None

    async def _put(self, table: Table, values: dict[str, Any], *unique: Column[Any]) -> None:
        """Adds a row in place of the one with the same unique columns."""
        await self.connection.execute(
            self._insert(table).values(values).on_conflict_do_update(index_elements=unique, set_=values)
        )

    def _insert(self, table: Table) -> Any:
        return (sqlite if self.connection.dialect.name == "sqlite" else postgresql).insert(table)

    async def _alone(self, key: int) -> bool:
        return bool((await self.connection.execute(select(func.pg_try_advisory_xact_lock(key)))).scalar_one())

    async def _delete(self, table: Table, condition: ColumnElement[bool]) -> None:
        await self.connection.execute(delete(table).where(condition))


def _values(record: Customer | Session | RefreshToken | Grant | FailedAttempts) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


class Store:
    """Opens transactions."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # SQLite lets waiting writers poll, and some for seconds while others overtake; here they stand in line.
        self._line: AbstractAsyncContextManager[object] = (
            asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()
        )

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Transaction]:
        """A transaction that writes: committed when the block ends, rolled back when it raises."""
        async with self._line, transactions.writing(self._engine) as connection:
            yield Transaction(connection, writes=True)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """A transaction that only reads."""
        async with transactions.reading(self._engine) as connection:
            yield Transaction(connection, writes=False)
