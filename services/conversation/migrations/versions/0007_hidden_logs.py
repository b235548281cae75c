"""Deleted conversations that are not yet erased; large logs are erased in steps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the table."""
    key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    owner = sa.ForeignKey("conversations.key", ondelete="CASCADE")
    op.create_table(
        "hidden_logs",
        sa.Column("conversation_key", key, owner, primary_key=True, autoincrement=False),
        sa.Column("customer_id", sa.LargeBinary(16), nullable=False),
        sa.Column("reached", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
