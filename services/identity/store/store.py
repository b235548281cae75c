"""Store of identity: all its SQL.

Every access is in a transaction, `reading` or `writing`. Rows that a writing transaction has read don't
change until it ends. SQLite allows one writer at a time. In PostgreSQL the transaction locks the rows, first
the session and then its tokens. The database stores tokens and passwords only as hashes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from google.protobuf.message import Message
from readback.identity.v1.identity_service_pb2 import (
    ChangePasswordRequest,
    DeleteCustomerRequest,
    LogoutRequest,
)
from readback.internal.identity.v1.identity_internal_service_pb2 import RevokeGrantRequest
from sqlalchemy import Column, ColumnElement, Table, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mesh.database import transactions
from mesh.database.idempotency import IdempotencyStore
from services.identity.errors import EmailTaken
from services.identity.store.records import Customer, FailedAttempts, Grant, RefreshToken, Session
from services.identity.store.schema import (
    customer_deletions,
    customers,
    failed_attempts,
    grants,
    refresh_tokens,
    requests,
    revocations,
    seen_assertions,
    sessions,
)

REQUESTS_KEPT = timedelta(days=1)
"""Retention of the response to a request id."""
M = TypeVar("M", bound=Message)
_ANSWERED = IdempotencyStore(requests)
Repeatable = ChangePasswordRequest | DeleteCustomerRequest | LogoutRequest | RevokeGrantRequest
_AFTER_ALL_IDS = "g"
"""Sorts after every id, which is a UUID in lower case."""
_PURGE_LOCK = 0x5EE9
"""Key of the PostgreSQL lock under which one replica at a time purges."""


class Transaction:
    """A transaction; only a writing one may change rows."""

    def __init__(self, connection: AsyncConnection, *, writes: bool) -> None:
        self.connection = connection
        """Used by `Store.once`."""
        self._writes = writes

    async def add_customer(self, customer: Customer, canonical_email: str) -> None:
        """Add a customer. Raises EmailTaken if another customer has the address."""
        values = {**_values(customer), "canonical_email": canonical_email}
        try:
            await self.connection.execute(insert(customers).values(**values))
        except IntegrityError:
            raise EmailTaken from None

    async def customer(self, customer_id: str) -> Customer | None:
        """Return the customer with this id."""
        return await self._customer(customers.c.customer_id == customer_id)

    async def customer_by_email(self, canonical_email: str) -> Customer | None:
        """Return the customer with this address."""
        return await self._customer(customers.c.canonical_email == canonical_email)

    async def change_customer(self, customer_id: str, **values: str) -> None:
        """Set columns of a customer."""
        await self._update(customers, customers.c.customer_id == customer_id, **values)

    async def delete_customer(self, customer_id: str) -> None:
        """Delete a customer with their sessions, refresh tokens and grants."""
        await self._delete(customers, customers.c.customer_id == customer_id)

    async def is_answered(self, owner: str, request: Repeatable, answer: type[M]) -> bool:
        """Return whether a request was answered before. One without an id never was."""
        found = await _ANSWERED.answered(self.connection, owner, request.request_id, request, answer)
        return found is not None

    async def add_deleted_customer(self, service: str, customer_id: str, now: datetime) -> None:
        """Store the id of a deleted customer for a service that must delete the customer's data."""
        values = {"service": service, "customer_id": customer_id, "delete_time": now, "due_time": now}
        await self._add_once(customer_deletions, values)

    async def deletions_due(self, service: str, now: datetime, *, limit: int) -> Sequence[str]:
        """Return ids of deleted customers whose data a service must delete, the longest due first."""
        due, named = customer_deletions.c.due_time, customer_deletions.c.service == service
        query = select(customer_deletions.c.customer_id).where(named, due <= now).order_by(due).limit(limit)
        return (await self.connection.execute(query)).scalars().all()

    async def postpone_deletions(
        self, service: str, customer_ids: Sequence[str], now: datetime, tokens_expired: timedelta
    ) -> None:
        """Make deletions due again after `tokens_expired`, or remove them if that time is over."""
        rows = customer_deletions.c
        named = (rows.service == service) & rows.customer_id.in_(customer_ids)
        over = rows.delete_time <= now - tokens_expired
        await self._delete(customer_deletions, named & over & (rows.due_time <= now))
        await self._update(customer_deletions, named & ~over, due_time=now + tokens_expired)

    async def revoke(self, subjects: Iterable[str], expires_at: datetime) -> None:
        """Revoke the access tokens of customers or sessions until all of them have expired."""
        rows = [{"subject": subject, "expires_at": expires_at} for subject in subjects]
        if rows:
            await self.connection.execute(self._insert(revocations).on_conflict_do_nothing(), rows)

    async def revoked(self, now: datetime, *, limit: int) -> Sequence[str]:
        """Return the ids of customers and sessions whose access tokens are revoked, the newest first."""
        end = revocations.c.expires_at
        query = select(revocations.c.subject).where(end > now).order_by(end.desc()).limit(limit)
        return (await self.connection.execute(query)).scalars().all()

    async def add_session(self, session: Session) -> None:
        """Add a session."""
        await self.connection.execute(insert(sessions).values(**_values(session)))

    async def session(self, session_id: str) -> Session | None:
        """Return the session with this id, even if it has ended."""
        row = await self._one(sessions, sessions.c.session_id == session_id)
        return Session(**row) if row else None

    async def has_session_from(self, customer_id: str, source: bytes, now: datetime) -> bool:
        """Return whether a source opened a session of the customer that hasn't expired by itself."""
        query = select(sessions.c.session_id).where(
            sessions.c.customer_id == customer_id, sessions.c.source == source, sessions.c.expires_at > now
        )
        return await self.connection.scalar(query.limit(1)) is not None

    async def open_sessions(
        self, customer_id: str, now: datetime, *, before: str | None, limit: int
    ) -> list[Session]:
        """Return up to `limit` open sessions of a customer, newest first; with `before`, only older ones."""
        query = select(sessions).where(
            sessions.c.customer_id == customer_id,
            sessions.c.ended_at.is_(None),
            sessions.c.expires_at > now,
            sessions.c.session_id < (before or _AFTER_ALL_IDS),
        )
        # UUIDv7 ids sort by time.
        rows = await self.connection.execute(query.order_by(sessions.c.session_id.desc()).limit(limit))
        return [Session(**row) for row in rows.mappings()]

    async def refreshed_session(self, session_id: str, now: datetime) -> None:
        """Store the time of a session's refresh."""
        await self._update(sessions, sessions.c.session_id == session_id, refreshed_at=now)

    async def end_session(self, session_id: str, now: datetime) -> Sequence[str]:
        """Mark a session as ended; return its id if it was open."""
        return await self._end_sessions(sessions.c.session_id == session_id, now)

    async def end_other_sessions(self, customer_id: str, session_id: str, now: datetime) -> Sequence[str]:
        """Mark all sessions of a customer but one as ended; return the ids of those that were open."""
        others = (sessions.c.customer_id == customer_id) & (sessions.c.session_id != session_id)
        return await self._end_sessions(others, now)

    async def add_refresh_token(self, token: RefreshToken) -> None:
        """Add a refresh token."""
        await self.connection.execute(insert(refresh_tokens).values(**_values(token)))

    async def refresh_token(self, digest: bytes) -> tuple[RefreshToken, Session] | None:
        """Return a refresh token and its session, even if the token is spent or the session has ended.

        Locks the session's other tokens too.
        """
        here = refresh_tokens.c.digest == digest
        session_id = await self.connection.scalar(select(refresh_tokens.c.session_id).where(here))
        session = await self.session(session_id) if session_id is not None else None
        row = await self._one(refresh_tokens, here)
        return (RefreshToken(**row), session) if row and session else None

    async def spend_refresh_token(self, digest: bytes, now: datetime) -> None:
        """Mark a refresh token as spent, unless it is already spent."""
        unspent = (refresh_tokens.c.digest == digest) & refresh_tokens.c.spent_at.is_(None)
        await self._update(refresh_tokens, unspent, spent_at=now)

    async def put_grant(self, grant: Grant) -> None:
        """Add a grant, or replace the previous one of the customer's call."""
        await self._put(grants, _values(grant), grants.c.call_id, grants.c.customer_id)

    async def grant(self, digest: bytes) -> Grant | None:
        """Return the grant with this digest, even if it has expired."""
        row = await self._one(grants, grants.c.digest == digest)
        return Grant(**row) if row else None

    async def delete_grants_of_call(self, call_id: str, customer_id: str | None) -> None:
        """Delete a customer's grant for a call; with None, the call's grants of all customers."""
        condition = grants.c.call_id == call_id
        if customer_id is not None:
            condition &= grants.c.customer_id == customer_id
        await self._delete(grants, condition)

    async def delete_grants_of_session(self, session_id: str) -> None:
        """Delete the grants issued in a session."""
        await self._delete(grants, grants.c.session_id == session_id)

    async def delete_grants_of_other_sessions(self, customer_id: str, session_id: str) -> None:
        """Delete the grants issued in all sessions of a customer but one."""
        await self._delete(
            grants, (grants.c.customer_id == customer_id) & (grants.c.session_id != session_id)
        )

    async def attempts(self, account: bytes) -> FailedAttempts | None:
        """Return the failed attempts of a key (see `sign_in_throttling`)."""
        row = await self._one(failed_attempts, failed_attempts.c.account == account)
        return FailedAttempts(row["count"], row["last_at"]) if row else None

    async def begin_attempts(self, account: bytes, now: datetime) -> None:
        """Add a row of zero failed attempts unless the key has one, so that there is a row to lock."""
        await self._add_once(failed_attempts, {"account": account, "count": 0, "last_at": now})

    async def put_attempts(self, account: bytes, attempts: FailedAttempts) -> None:
        """Store the failed attempts of a key."""
        await self._put(failed_attempts, {"account": account, **_values(attempts)}, failed_attempts.c.account)

    async def delete_attempts(self, account: bytes) -> None:
        """Delete the failed attempts of a key."""
        await self._delete(failed_attempts, failed_attempts.c.account == account)

    async def remember_assertion(self, actor: str, jti: str, expires_at: datetime) -> bool:
        """Store an assertion's `jti`; return False if it was already stored."""
        return await self._add_once(seen_assertions, {"actor": actor, "jti": jti, "expires_at": expires_at})

    async def purge(self, now: datetime, attempts_before: datetime) -> None:
        """Delete expired sessions with tokens, expired grants and assertions, and old attempts and responses.

        Does nothing while another replica purges.
        """
        if self.connection.dialect.name == "postgresql":
            locked = await self.connection.scalar(select(func.pg_try_advisory_xact_lock(_PURGE_LOCK)))
            if not locked:
                return
        for table in (sessions, grants, seen_assertions, revocations):
            await self._delete(table, table.c.expires_at <= now)
        await self._delete(failed_attempts, failed_attempts.c.last_at <= attempts_before)
        await self._delete(requests, requests.c.create_time <= now - REQUESTS_KEPT)

    async def _end_sessions(self, condition: ColumnElement[bool], now: datetime) -> Sequence[str]:
        still_open = condition & sessions.c.ended_at.is_(None)
        ending = update(sessions).where(still_open).values(ended_at=now).returning(sessions.c.session_id)
        return list((await self.connection.execute(ending)).scalars())

    async def _customer(self, condition: ColumnElement[bool]) -> Customer | None:
        row = await self._one(customers, condition)
        if row is None:
            return None
        del row["canonical_email"]
        return Customer(**row)

    async def _one(self, table: Table, condition: ColumnElement[bool]) -> dict[str, Any] | None:
        query = select(table).where(condition)
        if self._writes:
            # FOR NO KEY UPDATE, the lock of an update that doesn't change the key. SQLite ignores it.
            query = query.with_for_update(key_share=True)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        return None if row is None else dict(row)

    async def _add_once(self, table: Table, values: dict[str, Any]) -> bool:
        """Add a row unless it exists; return whether it was added."""
        adding = self._insert(table).values(values).on_conflict_do_nothing().returning(*table.primary_key)
        return (await self.connection.execute(adding)).one_or_none() is not None

    async def _put(self, table: Table, values: dict[str, Any], *unique: Column[Any]) -> None:
        """Add a row, or replace the one with the same unique columns."""
        await self.connection.execute(
            self._insert(table).values(values).on_conflict_do_update(index_elements=unique, set_=values)
        )

    def _insert(self, table: Table) -> Any:
        return (sqlite if self.connection.dialect.name == "sqlite" else postgresql).insert(table)

    async def _update(self, table: Table, condition: ColumnElement[bool], **values: Any) -> None:
        await self.connection.execute(update(table).where(condition).values(**values))

    async def _delete(self, table: Table, condition: ColumnElement[bool]) -> None:
        await self.connection.execute(delete(table).where(condition))


def _values(record: Customer | Session | RefreshToken | Grant | FailedAttempts) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


class Store:
    """Opens transactions on identity's database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writers = transactions.WriterQueue(engine)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Transaction]:
        """Open a writing transaction. It commits when the block ends, and rolls back if the block raises."""
        async with self._writers.writing() as connection:
            yield Transaction(connection, writes=True)

    async def once(
        self,
        owner: str,
        request: Repeatable,
        answer: M,
        do: Callable[[Transaction], Awaitable[None]],
    ) -> M:
        """Run `do` in a transaction the first time that a request id is used; return `answer` every time.

        Raises:
            RequestIdReused: the id was used for another request.
        """
        async with self.writing() as tx:

            async def first_time() -> M:
                await do(tx)
                return answer

            request_id, response = request.request_id, type(answer)
            return await _ANSWERED.once(tx.connection, owner, request_id, request, response, first_time)

    async def scrub(self) -> None:
        """Erase deleted data from SQLite's write-ahead log, unless another connection is reading it."""
        await self._writers.scrub()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Open a read-only transaction."""
        async with transactions.reading(self._engine) as connection:
            yield Transaction(connection, writes=False)
