"""Create the tables of travellers, quotes, bookings, attempts, claims, the sandbox and requests."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.String(36)
STATE = sa.String(16)
INSTANT = sa.DateTime(timezone=True)


def _customer() -> sa.Column[str]:
    return sa.Column("customer_id", ID, nullable=False, index=True)


def _booking(**options: Any) -> sa.Column[str]:
    return sa.Column("booking_id", ID, sa.ForeignKey("bookings.booking_id", ondelete="CASCADE"), **options)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "travellers",
        sa.Column("traveller_id", ID, primary_key=True),
        _customer(),
        sa.Column("traveller", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "bookings",
        sa.Column("booking_id", ID, primary_key=True),
        _customer(),
        sa.Column("code", sa.String(6), nullable=False, unique=True),
        sa.Column("state", STATE, nullable=False),
        sa.Column("payment_state", STATE, nullable=False),
        sa.Column("failure", sa.String(20)),
        sa.Column("quote_id", ID, nullable=False),
        sa.Column("supplier", sa.String(32), nullable=False),
        sa.Column("terms", sa.LargeBinary, nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("airline_reference", STATE, nullable=False),
        sa.Column("tickets", sa.Text, nullable=False),
        sa.Column("hold_expires_at", INSTANT, index=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
    )
    op.create_table(
        "quotes",
        sa.Column("quote_id", ID, primary_key=True),
        _customer(),
        sa.Column("kind", STATE, nullable=False),
        sa.Column("state", STATE, nullable=False),
        sa.Column("supplier", sa.String(32), nullable=False),
        sa.Column("terms", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        _booking(nullable=True, index=True),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
    )
    op.create_index("ix_quotes_state_expires_at", "quotes", ["state", "expires_at"])
    op.create_table(
        "attempts",
        sa.Column("quote_id", ID, sa.ForeignKey("quotes.quote_id", ondelete="CASCADE"), primary_key=True),
        _booking(nullable=False, index=True),
        _customer(),
        sa.Column("kind", STATE, nullable=False),
        sa.Column("restore", STATE),
        sa.Column("call_id", ID),
        sa.Column("consent", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("sent_at", INSTANT),
        sa.Column("done_at", INSTANT),
        sa.Column("look_ups", sa.Integer, nullable=False),
    )
    op.create_index("ix_attempts_done_at_due_at", "attempts", ["done_at", "due_at"])
    op.create_table(
        "claims",
        sa.Column("customer_id", ID, primary_key=True),
        sa.Column("traveller_id", ID, primary_key=True),
        sa.Column("flight", sa.String(32), primary_key=True),
        _booking(nullable=False, index=True),
    )
    op.create_table(
        "sandbox_orders",
        sa.Column("quote_id", ID, primary_key=True),
        sa.Column("order_id", ID, nullable=False, index=True),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("visible_at", INSTANT, nullable=False),
    )
    op.create_table(
        "sandbox_seats",
        sa.Column("order_id", ID, primary_key=True),
        sa.Column("flight", sa.String(32), primary_key=True),
        sa.Column("cabin", STATE, primary_key=True),
        sa.Column("seats", sa.Integer, nullable=False),
        sa.Column("expires_at", INSTANT),
    )
    op.create_table(
        "sandbox_allotments",
        sa.Column("flight", sa.String(32), primary_key=True),
        sa.Column("cabin", STATE, primary_key=True),
        sa.Column("seats", sa.Integer, nullable=False),
    )
    op.create_index("ix_sandbox_seats_flight_cabin", "sandbox_seats", ["flight", "cabin"])
    op.create_table(
        "requests",
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("request_id", ID, primary_key=True),
        sa.Column("payload_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("response", sa.LargeBinary, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in (
        "requests",
        "sandbox_allotments",
        "sandbox_seats",
        "sandbox_orders",
        "claims",
        "attempts",
        "quotes",
        "bookings",
        "travellers",
    ):
        op.drop_table(table)
