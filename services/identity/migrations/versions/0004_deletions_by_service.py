"""Keep a deleted customer for each service that must delete the customer's data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ID = sa.String(36)
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Replace the table; the conversation service was the only one that was listed."""
    op.create_table(
        "customer_deletions",
        sa.Column("service", sa.String(32), primary_key=True),
        sa.Column("customer_id", ID, primary_key=True),
        sa.Column("delete_time", INSTANT, nullable=False),
        sa.Column("due_time", INSTANT, nullable=False, index=True),
    )
    op.execute(
        "INSERT INTO customer_deletions (service, customer_id, delete_time, due_time) "
        "SELECT 'conversation', customer_id, delete_time, due_time FROM deleted_customers"
    )
    op.drop_table("deleted_customers")


def downgrade() -> None:
    """Put the old table back."""
    op.create_table(
        "deleted_customers",
        sa.Column("customer_id", ID, primary_key=True),
        sa.Column("delete_time", INSTANT, nullable=False),
        sa.Column("due_time", INSTANT, nullable=False, index=True),
    )
    op.execute(
        "INSERT INTO deleted_customers (customer_id, delete_time, due_time) SELECT customer_id, delete_time, "
        "due_time FROM customer_deletions WHERE service = 'conversation'"
    )
    op.drop_table("customer_deletions")
