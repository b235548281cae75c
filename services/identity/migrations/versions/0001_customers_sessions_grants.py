"""Create the tables of customers, sessions, grants, failed sign-ins, seen assertions and requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.String(36)
DIGEST = sa.LargeBinary(32)
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "customers",
        sa.Column("customer_id", ID, primary_key=True),
        sa.Column("canonical_email", sa.String(254), nullable=False, unique=True),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("display_name", sa.String(100), nullable=False),
        sa.Column("locale", sa.String(35), nullable=False),
        sa.Column("password_hash", sa.String(128), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("session_id", ID, primary_key=True),
        _owner("customers", "customer_id"),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False, index=True),
        sa.Column("ended_at", INSTANT),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", DIGEST, primary_key=True),
        _owner("sessions", "session_id"),
        sa.Column("parent", DIGEST, index=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("spent_at", INSTANT),
    )
    op.create_table(
        "grants",
        sa.Column("digest", DIGEST, primary_key=True),
        _owner("customers", "customer_id"),
        _owner("sessions", "session_id"),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("call_id", ID, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False, index=True),
    )
    op.create_index("ix_grants_call_id_customer_id", "grants", ["call_id", "customer_id"], unique=True)
    op.create_table(
        "failed_attempts",
        sa.Column("account", DIGEST, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("last_at", INSTANT, nullable=False, index=True),
    )
    op.create_table(
        "seen_assertions",
        sa.Column("actor", sa.String(64), primary_key=True),
        sa.Column("jti", sa.String(128), primary_key=True),
        sa.Column("expires_at", INSTANT, nullable=False, index=True),
    )
    op.create_table(
        "requests",
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("request_id", ID, primary_key=True),
        sa.Column("payload_hash", DIGEST, nullable=False),
        sa.Column("response", sa.LargeBinary, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
    )


def _owner(table: str, column: str) -> sa.Column[str]:
    return sa.Column(
        column, ID, sa.ForeignKey(f"{table}.{column}", ondelete="CASCADE"), nullable=False, index=True
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in (
        "requests",
        "seen_assertions",
        "failed_attempts",
        "grants",
        "refresh_tokens",
        "sessions",
        "customers",
    ):
        op.drop_table(table)
