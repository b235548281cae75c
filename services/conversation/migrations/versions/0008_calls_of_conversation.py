"""An index for the list of a conversation's calls."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the index."""
    op.create_index("calls_of_conversation", "calls", ["conversation_key", "key"])
