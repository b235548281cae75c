"""The tables of the search index. What they hold can be made anew from the log at any time.

What holds the words is the migration's alone, since it differs by database: a column `words` of `spoken_entries` on PostgreSQL, an
FTS5 table `spoken_words` on SQLite.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, SmallInteger, Table

from services.conversation.store.schema import Instant, RowKey, metadata

indexed_logs = Table(
    "indexed_logs",
    metadata,
    Column(
        "conversation_key",
        RowKey,
        ForeignKey("conversations.key", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("through_number", BigInteger, nullable=False, doc="Everything up to this entry is indexed."),
    sqlite_with_rowid=False,
)

spoken_entries = Table(
    "spoken_entries",
    metadata,
    Column(
        "conversation_key",
        RowKey,
        ForeignKey("conversations.key", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("speaker", SmallInteger, nullable=False),
    Column("commit_time", Instant, nullable=False),
    sqlite_with_rowid=False,
)
