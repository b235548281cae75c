"""Leases: the replica that holds each call's stream, and the last renewal of each replica."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.LargeBinary(16)


def upgrade() -> None:
    """Create the table and the column."""
    op.create_table(
        "replicas",
        sa.Column("replica_id", ID, primary_key=True),
        sa.Column("renew_time", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.add_column("calls", sa.Column("holder", ID))
