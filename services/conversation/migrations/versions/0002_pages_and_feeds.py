"""Storage of the log in pages, instead of one row for each entry; and the customers' feeds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op
from readback.internal.conversation.storage.v1 import page_pb2

revision = "0002"
down_revision = "0001"

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
ID = sa.LargeBinary(16)
INSTANT = sa.BigInteger
PLAIN = 0
ENTRIES = 1
PAGE_ENTRIES = 12


def upgrade() -> None:
    """Create the tables, move the entries into them, and drop the old table."""
    pages, feeds, runs = _log_pages(), _feeds(), _feed_runs()
    connection = op.get_bind()
    for page in _paged(connection):
        connection.execute(sa.insert(pages).values(page))
    for customer_id, found in _runs(connection).items():
        position = sum(run["length"] for run in found)
        connection.execute(
            sa.insert(feeds).values(customer_id=customer_id, version=1, last_position=position)
        )
        for run in found:
            connection.execute(sa.insert(runs).values(run))
    op.drop_table("entries")
    if connection.dialect.name == "postgresql":
        # The last page of a log is rewritten for each entry. Frequent vacuums let the dead rows be reused
        # within a minute.
        op.execute(
            "ALTER TABLE log_pages "
            "SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500)"
        )


def _log_pages() -> sa.Table:
    return op.create_table(
        "log_pages",
        sa.Column(
            "conversation_key",
            KEY,
            sa.ForeignKey("conversations.key", ondelete="CASCADE"),
            nullable=False,
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("first_number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("call_key", KEY, sa.ForeignKey("calls.key", ondelete="CASCADE")),
        sa.Column("commit_time", INSTANT, nullable=False),
        sa.Column("packing", sa.SmallInteger, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )


def _feeds() -> sa.Table:
    return op.create_table(
        "feeds",
        sa.Column("customer_id", ID, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("last_position", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _feed_runs() -> sa.Table:
    return op.create_table(
        "feed_runs",
        sa.Column("customer_id", ID, primary_key=True),
        sa.Column("first_position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("first_number", sa.BigInteger, nullable=False),
        sa.Column("length", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _paged(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    rows = connection.execute(sa.text("SELECT * FROM entries ORDER BY conversation_key, number")).all()
    for (conversation_key, call_key, _), group in groupby(
        rows, key=lambda row: (row.conversation_key, row.call_key, (row.number - 1) // PAGE_ENTRIES)
    ):
        entries = list(group)
        first = entries[0]
        page = page_pb2.Page(items=[_item(row, first.commit_time) for row in entries])
        yield {
            "conversation_key": conversation_key,
            "first_number": first.number,
            "call_key": call_key,
            "commit_time": first.commit_time,
            "packing": PLAIN,
            "content": page.SerializeToString(),
        }


def _item(row: Any, page_time: int) -> page_pb2.Item:
    return page_pb2.Item(
        entry_id=bytes(row.entry_id),
        kind=row.kind,
        speaker=row.speaker,
        commit_offset=row.commit_time - page_time,
        start_offset=row.commit_time - row.start_time,
        length=row.end_time - row.start_time,
        late=bool(row.late),
        content=bytes(row.content),
    )


def _runs(connection: sa.Connection) -> dict[bytes, list[dict[str, Any]]]:
    """Return the runs of each customer, in the order of commit; an empty list for one without entries."""
    customers = connection.execute(sa.text("SELECT DISTINCT customer_id FROM conversations")).scalars()
    runs: dict[bytes, list[dict[str, Any]]] = {bytes(customer_id): [] for customer_id in customers}
    ordered = sa.text(
        "SELECT customer_id, conversation_id, number "
        "FROM entries JOIN conversations ON conversation_key = key "
        "ORDER BY commit_time, conversation_key, number"
    )
    ends: dict[bytes, int] = {}
    for row in connection.execute(ordered):
        customer_id, conversation_id = bytes(row.customer_id), bytes(row.conversation_id)
        position = ends[customer_id] = ends.get(customer_id, 0) + 1
        found = runs[customer_id]
        if found and found[-1]["conversation_id"] == conversation_id:
            found[-1]["length"] += 1
            continue
        run = {"customer_id": customer_id, "first_position": position, "conversation_id": conversation_id}
        found.append(run | {"first_number": row.number, "length": 1, "kind": ENTRIES})
    return runs
