"""The database: the only place that knows SQL.

Everything happens in a transaction, `reading` or `writing`; writers come one after another, so what a `Transaction` reads is still
so when it writes. Digests, never tokens; hashes, never passwords.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mesh import database
from services.identity.errors import EmailTaken
from services.identity.records import Customer, FailedAttempts, Grant, RefreshToken, Session
from services.identity.tables import customers, failed_attempts, grants, refresh_tokens, requests, seen_assertions, sessions

REQUESTS_KEPT = timedelta(days=1)
"""How long the same request id gets the same answer."""


class Transaction:
    """What can be read and, in a writing transaction, written."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        """For `mesh.requests`, which stores answers in the transaction that made them."""

    async def add_customer(self, customer: Customer, canonical_email: str) -> None:
        """Raises EmailTaken when another customer has the address."""
        try:
            await self.connection.execute(insert(customers).values(**_values(customer), canonical_email=canonical_email))
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
        await self.connection.execute(update(customers).where(customers.c.customer_id == customer_id).values(password_hash=password_hash))

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

    async def refresh_token(self, digest: bytes) -> RefreshToken | None:
        """The refresh token with the digest, spent or not."""
        row = await self._one(refresh_tokens, refresh_tokens.c.digest == digest)
        return RefreshToken(**row) if row else None

    async def relatives(self, token: RefreshToken) -> Sequence[RefreshToken]:
        """The children and siblings of a refresh token."""
        column = refresh_tokens.c.parent
        close = or_(column == token.digest, column == token.parent) if token.parent else column == token.digest
        rows = (await self.connection.execute(select(refresh_tokens).where(close))).mappings()
        return [RefreshToken(**row) for row in rows]

    async def spend_refresh_token(self, digest: bytes, now: datetime) -> None:
        """Marks the token used, if this is the first time."""
        unspent = (refresh_tokens.c.digest == digest) & refresh_tokens.c.spent_at.is_(None)
        await self.connection.execute(update(refresh_tokens).where(unspent).values(spent_at=now))

    async def put_grant(self, grant: Grant) -> None:
        """Stores a grant in place of the one its customer's call had."""
        await self.drop_grants_of_call(grant.call_id, grant.customer_id)
        await self.connection.execute(insert(grants).values(**_values(grant)))

    async def grant(self, digest: bytes) -> Grant | None:
        """The grant with the digest, expired or not."""
        row = await self._one(grants, grants.c.digest == digest)
        return Grant(**row) if row else None

    async def drop_grants_of_call(self, call_id: str, customer_id: str | None) -> None:
        """Deletes the call's grant of one customer, or of any for None."""
        whose = (grants.c.customer_id == customer_id) if customer_id is not None else grants.c.customer_id.is_not(None)
        await self._delete(grants, (grants.c.call_id == call_id) & whose)

    async def drop_grants_of_session(self, session_id: str) -> None:
        """Deletes the grants made in a session."""
        await self._delete(grants, grants.c.session_id == session_id)

    async def attempts(self, account: bytes) -> FailedAttempts | None:
        """The run of failures of an account, by the digest of its address."""
        row = await self._one(failed_attempts, failed_attempts.c.account == account)
        return FailedAttempts(row["count"], row["last_at"]) if row else None

    async def put_attempts(self, account: bytes, attempts: FailedAttempts) -> None:
        """Stores the run of failures of an account."""
        await self.forget_attempts(account)
        await self.connection.execute(insert(failed_attempts).values(account=account, **_values(attempts)))

    async def forget_attempts(self, account: bytes) -> None:
        """Ends the run of failures of an account."""
        await self._delete(failed_attempts, failed_attempts.c.account == account)

    async def remember_assertion(self, actor: str, jti: str, expires_at: datetime) -> bool:
        """Remembers an assertion; False when it was seen before."""
        if await self._one(seen_assertions, (seen_assertions.c.actor == actor) & (seen_assertions.c.jti == jti)):
            return False
        await self.connection.execute(insert(seen_assertions).values(actor=actor, jti=jti, expires_at=expires_at))
        return True

    async def sweep(self, now: datetime, attempts_before: datetime) -> None:
        """Deletes what has lost its meaning: expired sessions with their tokens, expired grants and assertions, old runs of failures."""
        for table in (sessions, grants, seen_assertions):
            await self._delete(table, table.c.expires_at <= now)
        await self._delete(failed_attempts, failed_attempts.c.last_at <= attempts_before)
        await self._delete(requests, requests.c.create_time <= now - REQUESTS_KEPT)

    async def _customer(self, condition: ColumnElement[bool]) -> Customer | None:
        row = await self._one(customers, condition)
        return Customer(**{name: value for name, value in row.items() if name != "canonical_email"}) if row else None

    async def _one(self, table: Table, condition: ColumnElement[bool]) -> dict[str, Any] | None:
        row = (await self.connection.execute(select(table).where(condition))).mappings().one_or_none()
        return None if row is None else dict(row)

    async def _delete(self, table: Table, condition: ColumnElement[bool]) -> None:
        await self.connection.execute(delete(table).where(condition))


def _values(record: Customer | Session | RefreshToken | Grant | FailedAttempts) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


class Store:
    """Opens transactions."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # SQLite lets waiting writers poll, and some for seconds while others overtake; here they stand in line.
        self._line: AbstractAsyncContextManager[object] = asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Transaction]:
        """A transaction that writes: committed when the block ends, rolled back when it raises."""
        async with self._line, database.writing(self._engine) as connection:
            yield Transaction(connection)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """A transaction that only reads."""
        async with database.reading(self._engine) as connection:
            yield Transaction(connection)
