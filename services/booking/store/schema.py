"""Tables of the database. They equal the result of all migrations, as a test checks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from mesh.database.columns import Instant
from mesh.database.idempotency import requests_table

metadata = MetaData()


def _customer() -> Column[str]:
    return Column("customer_id", String(36), nullable=False, index=True)


def _booking(**options: Any) -> Column[str]:
    return Column("booking_id", String(36), ForeignKey("bookings.booking_id", ondelete="CASCADE"), **options)


travellers = Table(
    "travellers",
    metadata,
    Column("traveller_id", String(36), primary_key=True),
    _customer(),
    Column("traveller", LargeBinary, nullable=False),
)

bookings = Table(
    "bookings",
    metadata,
    Column("booking_id", String(36), primary_key=True),
    _customer(),
    Column("code", String(6), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("payment_state", String(16), nullable=False),
    Column("failure", String(20)),
    Column("quote_id", String(36), nullable=False),
    Column("supplier", String(32), nullable=False),
    Column("terms", LargeBinary, nullable=False),
    Column("order_id", String(64), nullable=False),
    Column("airline_reference", String(16), nullable=False),
    Column("tickets", Text, nullable=False),
    Column("hold_expires_at", Instant, index=True),
    Column("version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
)

quotes = Table(
    "quotes",
    metadata,
    Column("quote_id", String(36), primary_key=True),
    _customer(),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("supplier", String(32), nullable=False),
    Column("terms", LargeBinary, nullable=False),
    Column("digest", String(64), nullable=False),
    _booking(nullable=True, index=True),
    Column("expires_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_quotes_state_expires_at", "state", "expires_at"),
)

attempts = Table(
    "attempts",
    metadata,
    # The primary key is the promise: a quote has at most one attempt.
    Column("quote_id", String(36), ForeignKey("quotes.quote_id", ondelete="CASCADE"), primary_key=True),
    _booking(nullable=False, index=True),
    _customer(),
    Column("kind", String(16), nullable=False),
    Column("restore", String(16)),
    Column("call_id", String(36)),
    Column("consent", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("sent_at", Instant),
    Column("done_at", Instant),
    Column("look_ups", Integer, nullable=False),
    Index("ix_attempts_done_at_due_at", "done_at", "due_at"),
)

claims = Table(
    "claims",
    metadata,
    # The primary key keeps two bookings from taking the same traveller on the same flight.
    Column("customer_id", String(36), primary_key=True),
    Column("traveller_id", String(36), primary_key=True),
    Column("flight", String(32), primary_key=True),
    _booking(nullable=False, index=True),
)

sandbox_orders = Table(
    "sandbox_orders",
    metadata,
    # The quote that made, cancelled or changed the order; the key of look-ups.
    Column("quote_id", String(36), primary_key=True),
    Column("order_id", String(36), nullable=False, index=True),
    Column("outcome", Text, nullable=False),
    Column("visible_at", Instant, nullable=False),
)

sandbox_seats = Table(
    "sandbox_seats",
    metadata,
    Column("order_id", String(36), primary_key=True),
    Column("flight", String(32), primary_key=True),
    Column("cabin", String(16), primary_key=True),
    Column("seats", Integer, nullable=False),
    Column("expires_at", Instant),
    Index("ix_sandbox_seats_flight_cabin", "flight", "cabin"),
)

sandbox_allotments = Table(
    "sandbox_allotments",
    metadata,
    Column("flight", String(32), primary_key=True),
    Column("cabin", String(16), primary_key=True),
    Column("seats", Integer, nullable=False),
)

requests = requests_table(metadata)
