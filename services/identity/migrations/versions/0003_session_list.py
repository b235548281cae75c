"""Add to each session the name of its client and the time of its last refresh."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("sessions", sa.Column("client", sa.String(100), nullable=False, server_default=""))
    op.add_column("sessions", sa.Column("refreshed_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("sessions", "refreshed_at")
    op.drop_column("sessions", "client")
