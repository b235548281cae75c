"""Add the source of a session, deleted customers, and revoked access tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.String(36)
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the column and the tables."""
    op.add_column("sessions", sa.Column("source", sa.LargeBinary(32)))
    op.create_table(
        "deleted_customers",
        sa.Column("customer_id", ID, primary_key=True),
        sa.Column("delete_time", INSTANT, nullable=False),
        sa.Column("due_time", INSTANT, nullable=False, index=True),
    )
    op.create_table(
        "revocations",
        sa.Column("subject", ID, primary_key=True),
        sa.Column("expires_at", INSTANT, nullable=False, index=True),
    )


def downgrade() -> None:
    """Drop the column and the tables."""
    op.drop_table("revocations")
    op.drop_table("deleted_customers")
    op.drop_column("sessions", "source")
