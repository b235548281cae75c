"""Store of booking: all its SQL, but the sandbox supplier's.

Every access is in a transaction, `reading` or `writing`. Rows that a writing transaction has read don't
change until it ends: SQLite allows one writer at a time, PostgreSQL locks the rows.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from google.protobuf.message import Message
from readback.booking.v1.quotes_pb2 import QuoteTerms
from readback.booking.v1.travellers_pb2 import Traveller
from sqlalchemy import ColumnElement, Table, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mesh.database import transactions
from mesh.database.idempotency import IdempotencyStore
from services.booking.errors import AlreadyBooked
from services.booking.model.records import Attempt, Booking, Quote, SavedTraveller
from services.booking.model.states import BookingState, Failure, PaymentState, QuoteKind, QuoteState
from services.booking.store.schema import attempts, bookings, claims, quotes, requests, travellers

REQUESTS_KEPT = timedelta(days=1)
"""Retention of the response to a request id."""
QUOTES_KEPT = timedelta(days=1)
"""Retention of an expired quote that was never confirmed."""
AFTER_ALL_IDS = "g"
"""Sorts after every id, which is a UUID in lower case."""
M = TypeVar("M", bound=Message)
_ANSWERED = IdempotencyStore(requests)


class Transaction:
    """A transaction; only a writing one may change rows."""

    def __init__(self, connection: AsyncConnection, *, writes: bool) -> None:
        self.connection = connection
        """Used by `Store.once`."""
        self._writes = writes

    # Travellers

    async def add_traveller(self, saved: SavedTraveller) -> None:
        """Add a traveller."""
        await self._add(travellers, _values(saved))

    async def traveller(self, customer_id: str, traveller_id: str) -> SavedTraveller | None:
        """Return a customer's traveller."""
        named = (travellers.c.customer_id == customer_id) & (travellers.c.traveller_id == traveller_id)
        row = await self._one(travellers, named)
        return _traveller(row) if row else None

    async def travellers(self, customer_id: str, *, after: str = "", limit: int) -> list[SavedTraveller]:
        """Return travellers of a customer in the order of their creation, after an id."""
        listed = (travellers.c.customer_id == customer_id) & (travellers.c.traveller_id > after)
        query = select(travellers).where(listed).order_by(travellers.c.traveller_id).limit(limit)
        return [_traveller(dict(row)) for row in (await self.connection.execute(query)).mappings()]

    async def put_traveller(self, saved: SavedTraveller) -> None:
        """Replace a traveller."""
        named = travellers.c.traveller_id == saved.traveller_id
        await self._update(travellers, named, traveller=saved.traveller.SerializeToString())

    async def delete_traveller(self, traveller_id: str) -> None:
        """Delete a traveller."""
        await self.connection.execute(delete(travellers).where(travellers.c.traveller_id == traveller_id))

    # Quotes

    async def add_quote(self, quote: Quote) -> None:
        """Add a quote."""
        await self._add(quotes, _values(quote))

    async def quote(self, customer_id: str, quote_id: str) -> Quote | None:
        """Return a customer's quote."""
        named = (quotes.c.customer_id == customer_id) & (quotes.c.quote_id == quote_id)
        row = await self._one(quotes, named)
        return _quote(row) if row else None

    async def set_quote(self, quote_id: str, state: QuoteState, booking_id: str | None) -> None:
        """Set the state and the booking of a quote. Its terms have no such method."""
        await self._update(quotes, quotes.c.quote_id == quote_id, state=state, booking_id=booking_id)

    # Bookings

    async def add_booking(self, booking: Booking) -> None:
        """Add a booking."""
        await self._add(bookings, _values(booking))

    async def booking(self, customer_id: str, booking_id: str) -> Booking | None:
        """Return a customer's booking."""
        named = (bookings.c.customer_id == customer_id) & (bookings.c.booking_id == booking_id)
        row = await self._one(bookings, named)
        return _booking(row) if row else None

    async def bookings(
        self,
        customer_id: str,
        states: Iterable[BookingState] = (),
        *,
        before: str = AFTER_ALL_IDS,
        limit: int | None = None,
    ) -> list[Booking]:
        """Return a customer's bookings, newest first: those in some states, and older than an id."""
        listed = (bookings.c.customer_id == customer_id) & (bookings.c.booking_id < before)
        if chosen := list(states):
            listed &= bookings.c.state.in_(chosen)
        # UUIDv7 ids sort by time.
        query = select(bookings).where(listed).order_by(bookings.c.booking_id.desc()).limit(limit)
        return [_booking(dict(row)) for row in (await self.connection.execute(query)).mappings()]

    async def put_booking(self, booking: Booking) -> None:
        """Replace a booking."""
        await self._update(bookings, bookings.c.booking_id == booking.booking_id, **_values(booking))

    async def is_code_used(self, code: str) -> bool:
        """Return whether a booking has this code."""
        return (
            await self.connection.scalar(select(bookings.c.code).where(bookings.c.code == code)) is not None
        )

    async def lapsed_holds(self, now: datetime, limit: int) -> list[Booking]:
        """Return held bookings whose hold is over."""
        lapsed = (bookings.c.state == BookingState.HELD) & (bookings.c.hold_expires_at <= now)
        rows = await self.connection.execute(select(bookings).where(lapsed).limit(limit))
        return [_booking(dict(row)) for row in rows.mappings()]

    # Claims

    async def claim(
        self, customer_id: str, booking_id: str, travellers_and_flights: Iterable[tuple[str, str]]
    ) -> None:
        """Reserve travellers on flights for a booking. Claims that the booking has already stay.

        Raises:
            AlreadyBooked: another booking has one of them.
        """
        # In one order, so that two transactions can't wait for each other.
        for traveller_id, flight in sorted(travellers_and_flights):
            values = {"customer_id": customer_id, "traveller_id": traveller_id, "flight": flight}
            adding = self._insert(claims).values(**values, booking_id=booking_id).on_conflict_do_nothing()
            await self.connection.execute(adding)
            named = [claims.c[name] == value for name, value in values.items()]
            holder = await self.connection.scalar(select(claims.c.booking_id).where(*named))
            if holder != booking_id:
                raise AlreadyBooked(str(holder))

    async def release(self, customer_id: str, booking_id: str, kept: Iterable[tuple[str, str]] = ()) -> None:
        """Delete the claims of a booking, except those of some travellers on some flights."""
        await self.connection.execute(delete(claims).where(claims.c.booking_id == booking_id))
        await self.claim(customer_id, booking_id, kept)

    # Attempts

    async def add_attempt(self, attempt: Attempt) -> None:
        """Add the attempt of a quote."""
        await self._add(attempts, _values(attempt))

    async def attempt(self, quote_id: str) -> Attempt | None:
        """Return the attempt of a quote."""
        row = await self._one(attempts, attempts.c.quote_id == quote_id)
        return _attempt(row) if row else None

    async def due_attempts(self, now: datetime, limit: int) -> list[Attempt]:
        """Return unfinished attempts that are due, the longest due first."""
        due = attempts.c.done_at.is_(None) & (attempts.c.due_at <= now)
        query = select(attempts).where(due).order_by(attempts.c.due_at).limit(limit)
        return [_attempt(dict(row)) for row in (await self.connection.execute(query)).mappings()]

    async def mark_sent(self, quote_id: str, now: datetime, due_at: datetime) -> bool:
        """Store that the request of a quote leaves now; return False if it left before, or was stopped."""
        unsent = (
            (attempts.c.quote_id == quote_id) & attempts.c.sent_at.is_(None) & attempts.c.done_at.is_(None)
        )
        marking = update(attempts).where(unsent).values(sent_at=now, due_at=due_at)
        return (await self.connection.execute(marking.returning(attempts.c.quote_id))).first() is not None

    async def set_attempt(self, quote_id: str, **values: datetime | int) -> None:
        """Set columns of an attempt."""
        await self._update(attempts, attempts.c.quote_id == quote_id, **values)

    # All

    async def has_unfinished_attempts(self, customer_id: str) -> bool:
        """Return whether an outcome of a customer's requests to suppliers is missing."""
        unfinished = (attempts.c.customer_id == customer_id) & attempts.c.done_at.is_(None)
        return (
            await self.connection.scalar(select(attempts.c.quote_id).where(unfinished).limit(1)) is not None
        )

    async def delete_customer(self, customer_id: str) -> None:
        """Delete everything of a customer. Bookings take their quotes, attempts and claims along."""
        for table in (bookings, quotes, travellers):
            await self.connection.execute(delete(table).where(table.c.customer_id == customer_id))
        await self.connection.execute(delete(requests).where(requests.c.owner == customer_id))

    async def purge(self, now: datetime) -> None:
        """Delete old responses, and old quotes that were never confirmed."""
        old = requests.c.create_time <= now - REQUESTS_KEPT
        await self.connection.execute(delete(requests).where(old))
        unused = (quotes.c.state != QuoteState.USED) & (quotes.c.expires_at <= now - QUOTES_KEPT)
        await self.connection.execute(delete(quotes).where(unused))

    async def _one(self, table: Table, condition: ColumnElement[bool]) -> dict[str, Any] | None:
        query = select(table).where(condition)
        if self._writes:
            # FOR NO KEY UPDATE, the lock of an update that doesn't change the key. SQLite ignores it.
            query = query.with_for_update(key_share=True)
        row = (await self.connection.execute(query)).mappings().one_or_none()
        return None if row is None else dict(row)

    async def _add(self, table: Table, values: Mapping[str, Any]) -> None:
        await self.connection.execute(insert(table).values(**values))

    async def _update(self, table: Table, condition: ColumnElement[bool], **values: Any) -> None:
        await self.connection.execute(update(table).where(condition).values(**values))

    def _insert(self, table: Table) -> Any:
        return (sqlite if self.connection.dialect.name == "sqlite" else postgresql).insert(table)


def _values(record: SavedTraveller | Quote | Booking | Attempt) -> dict[str, Any]:
    return {name: _column(getattr(record, name)) for name in record.__slots__}


def _column(value: Any) -> Any:
    if isinstance(value, Message):
        return value.SerializeToString()
    return json.dumps(value) if isinstance(value, tuple) else value


def _traveller(row: Mapping[str, Any]) -> SavedTraveller:
    return SavedTraveller(**{**row, "traveller": Traveller.FromString(row["traveller"])})


def _quote(row: Mapping[str, Any]) -> Quote:
    state, kind = QuoteState(row["state"]), QuoteKind(row["kind"])
    return Quote(**{**row, "state": state, "kind": kind, "terms": QuoteTerms.FromString(row["terms"])})


def _booking(row: Mapping[str, Any]) -> Booking:
    values = {
        "state": BookingState(row["state"]),
        "payment_state": PaymentState(row["payment_state"]),
        "failure": Failure(row["failure"]) if row["failure"] else None,
        "terms": QuoteTerms.FromString(row["terms"]),
        "tickets": tuple(json.loads(row["tickets"])),
    }
    return Booking(**{**row, **values})


def _attempt(row: Mapping[str, Any]) -> Attempt:
    restore = BookingState(row["restore"]) if row["restore"] else None
    return Attempt(**{**row, "kind": QuoteKind(row["kind"]), "restore": restore})


class Store:
    """Opens transactions on booking's database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writers = transactions.WriterQueue(engine)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Transaction]:
        """Open a writing transaction. It commits when the block ends, and rolls back if the block raises."""
        async with self._writers.writing() as connection:
            yield Transaction(connection, writes=True)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Open a read-only transaction."""
        async with transactions.reading(self._engine) as connection:
            yield Transaction(connection, writes=False)

    async def scrub(self) -> None:
        """Erase deleted data from SQLite's write-ahead log, unless another connection is reading it."""
        await self._writers.scrub()

    async def answered(self, owner: str, request: Any, response: type[M]) -> M | None:
        """Return the stored response of a request; None if it is new or has no id.

        Raises:
            RequestIdReused: the id was used for another request.
        """
        async with self.reading() as tx:
            return await _ANSWERED.answered(tx.connection, owner, request.request_id, request, response)

    async def once(
        self, owner: str, request: Any, response: type[M], do: Callable[[Transaction], Awaitable[M]]
    ) -> M:
        """Run `do` in a transaction the first time that a request id is used; return its answer every time.

        Raises:
            RequestIdReused: the id was used for another request.
        """
        async with self.writing() as tx:
            return await _ANSWERED.once(
                tx.connection, owner, request.request_id, request, response, lambda: do(tx)
            )
