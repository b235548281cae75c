"""Calls of deleted conversations; kept until their rooms are closed and their grants are revoked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "deleted_calls",
        sa.Column("call_id", sa.LargeBinary(16), primary_key=True),
        sa.Column("room", sa.String(64), nullable=False),
        sa.Column("delete_time", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
