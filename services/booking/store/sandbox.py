"""Orders and seats of the sandbox supplier.

They are in booking's database, but in transactions of their own: a crash can come between the two, as with a
real supplier.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from services.booking.model.states import Failure
from services.booking.store.schema import sandbox_allotments, sandbox_orders, sandbox_seats
from services.booking.store.store import Transaction
from services.booking.suppliers.protocol import Outcome, Result


@dataclass(frozen=True, slots=True)
class Seats:
    """Seats on one flight in one cabin."""

    flight: str
    cabin: str
    count: int


class SandboxTables:
    """Statements of the sandbox in one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._connection = tx.connection

    async def outcome(self, quote_id: str, now: datetime) -> Outcome | None:
        """Return the outcome of the request for a quote, if it is visible at `now`."""
        named = (sandbox_orders.c.quote_id == quote_id) & (sandbox_orders.c.visible_at <= now)
        stored = await self._connection.scalar(select(sandbox_orders.c.outcome).where(named))
        return _outcome(json.loads(stored)) if stored else None

    async def add_outcome(self, quote_id: str, outcome: Outcome, visible_at: datetime) -> None:
        """Store the outcome of the request for a quote. A second one for the same quote is an error."""
        values = {"quote_id": quote_id, "order_id": outcome.order_id, "outcome": json.dumps(_fields(outcome))}
        await self._connection.execute(insert(sandbox_orders).values(**values, visible_at=visible_at))

    async def left(self, flight: str, cabin: str, now: datetime, *, without: str = "") -> int:
        """Return the seats left on a flight, without counting those of the order `without`."""
        named = (sandbox_allotments.c.flight == flight) & (sandbox_allotments.c.cabin == cabin)
        # The lock makes two orders for the last seats wait for each other on PostgreSQL.
        query = select(sandbox_allotments.c.seats).where(named).with_for_update()
        allotted = await self._connection.scalar(query)
        seats = sandbox_seats.c
        sold = (seats.flight == flight) & (seats.cabin == cabin) & (seats.order_id != without)
        kept = or_(seats.expires_at.is_(None), seats.expires_at > now)
        taken = await self._connection.scalar(
            select(func.coalesce(func.sum(seats.seats), 0)).where(sold, kept)
        )
        return int(allotted or 0) - int(taken or 0)

    async def allot(self, seats: Seats) -> None:
        """Store how many seats of a flight the sandbox may sell altogether."""
        postgres = self._connection.dialect.name == "postgresql"
        adding: Any = (postgresql if postgres else sqlite).insert(sandbox_allotments)
        values = {"flight": seats.flight, "cabin": seats.cabin, "seats": seats.count}
        await self._connection.execute(
            adding.values(**values).on_conflict_do_nothing(index_elements=["flight", "cabin"])
        )

    async def take(self, order_id: str, seats: Sequence[Seats], expires_at: datetime | None) -> None:
        """Replace the seats of an order; with no seats, give them back."""
        await self._connection.execute(delete(sandbox_seats).where(sandbox_seats.c.order_id == order_id))
        for each in seats:
            values = {"flight": each.flight, "cabin": each.cabin, "seats": each.count}
            adding = insert(sandbox_seats).values(order_id=order_id, **values, expires_at=expires_at)
            await self._connection.execute(adding)


def _fields(outcome: Outcome) -> dict[str, Any]:
    hold = outcome.hold_expires_at
    return {
        "result": outcome.result.name,
        "order_id": outcome.order_id,
        "airline_reference": outcome.airline_reference,
        "tickets": outcome.tickets,
        "hold_expires_at": hold.isoformat() if hold else None,
        "failure": outcome.failure,
    }


def _outcome(fields: dict[str, Any]) -> Outcome:
    hold, failure = fields["hold_expires_at"], fields["failure"]
    return Outcome(
        result=Result[fields["result"]],
        order_id=fields["order_id"],
        airline_reference=fields["airline_reference"],
        tickets=tuple(fields["tickets"]),
        hold_expires_at=datetime.fromisoformat(hold) if hold else None,
        failure=Failure(failure) if failure else None,
    )
