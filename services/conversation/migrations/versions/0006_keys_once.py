"""Keys of conversations and calls are never reused on SQLite, as on PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

RUNNING = sa.text("state != 3")
WITH_GRANT = sa.text("sealed_grant IS NOT NULL")


def upgrade() -> None:
    """Recreate the tables `conversations` and `calls` with AUTOINCREMENT, and copy their rows."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.drop_index("conversations_of_customer", "conversations")
    op.drop_index("one_running_call", "calls")
    op.drop_index("calls_with_grant", "calls")
    for table in ("conversations", "calls"):
        with op.batch_alter_table(table, recreate="always", table_kwargs={"sqlite_autoincrement": True}):
            pass
    op.create_index("conversations_of_customer", "conversations", ["customer_id", "key"])
    op.create_index("one_running_call", "calls", ["conversation_key"], unique=True, sqlite_where=RUNNING)
    op.create_index("calls_with_grant", "calls", ["key"], sqlite_where=WITH_GRANT)
