"""The tables of the database.

Ids are stored as 16 bytes, and instants as microseconds since 1970, to keep rows small on SQLite and
PostgreSQL.

The index of spoken words is only defined in the migrations, because it differs between the databases. It is
a column `words` of `spoken_entries` on PostgreSQL, and an FTS5 table `spoken_words` on SQLite. It can be
rebuilt from the log at any time.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    TypeDecorator,
    text,
)

from mesh.database.idempotency import requests_table
from mesh.ids import uuid_text
from services.conversation.model.times import instant_of, micros_of


class Instant(TypeDecorator[datetime]):
    """Column type for a UTC datetime, stored as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """Convert for the database."""
        return None if value is None else micros_of(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """Convert from the database."""
        return None if value is None else instant_of(value)


class Id(TypeDecorator[str]):
    """Column type for a UUID in text form, stored as 16 bytes."""

    impl = LargeBinary(16)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """Convert for the database."""
        return None if value is None else UUID(value).bytes

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """Convert from the database."""
        return None if value is None else uuid_text(value)


metadata = MetaData()

RowKey = BigInteger().with_variant(Integer, "sqlite")
"""Type of keys that the database generates. Keys are never reused, so the key of a deleted conversation can't
refer to another one. SQLite only generates keys of the type INTEGER, and reuses keys of deleted rows unless
the table has AUTOINCREMENT."""


def _conversation_key() -> Column[int]:
    """Return a column that is the first part of the primary key. Deleting a conversation deletes its rows."""
    owner = ForeignKey("conversations.key", ondelete="CASCADE")
    return Column("conversation_key", RowKey, owner, primary_key=True, autoincrement=False)


log_identity = Table(
    "log_identity",
    metadata,
    Column(
        "incarnation",
        LargeBinary(16),
        primary_key=True,
        doc="Random id, created with the database. Part of every cursor.",
    ),
)

conversations = Table(
    "conversations",
    metadata,
    Column("key", RowKey, primary_key=True, autoincrement=True),
    Column("conversation_id", Id, nullable=False, unique=True),
    Column("customer_id", Id, nullable=False),
    Column("title", String(80), nullable=False),
    Column("locale", String(35), nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("create_time", Instant, nullable=False),
    Column("update_time", Instant, nullable=False),
    Column("last_entry_time", Instant),
    Column("end_time", Instant),
    Column("last_number", BigInteger, nullable=False),
    Index("conversations_of_customer", "customer_id", "key"),
    sqlite_autoincrement=True,
)

RUNNING = text("state != 3")
"""True for calls whose state isn't `CALL_STATE_ENDED`. A literal, because a query only uses the index if its
condition has the same text."""
WITH_GRANT = text("sealed_grant IS NOT NULL")

calls = Table(
    "calls",
    metadata,
    Column("key", RowKey, primary_key=True, autoincrement=True),
    Column("call_id", Id, nullable=False, unique=True),
    Column("conversation_key", RowKey, ForeignKey("conversations.key", ondelete="CASCADE"), nullable=False),
    Column("room", String(64), nullable=False, unique=True),
    Column("state", SmallInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("writer_id", Id),
    Column("holder", Id, doc="Replica that serves the writer's stream; see `replicas`."),
    Column("dispatches", Integer, nullable=False),
    Column("dispatch_time", Instant, nullable=False),
    Column("caller_joined_time", Instant),
    Column("access_expire_time", Instant, nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("sealed_grant", LargeBinary),
    Column("create_time", Instant, nullable=False),
    Column("answer_time", Instant),
    Column("end_time", Instant),
    Column("end_reason", SmallInteger, nullable=False),
    Index(
        "one_running_call", "conversation_key", unique=True, sqlite_where=RUNNING, postgresql_where=RUNNING
    ),
    Index("calls_of_conversation", "conversation_key", "key"),
    Index("calls_with_grant", "key", sqlite_where=WITH_GRANT, postgresql_where=WITH_GRANT),
    sqlite_autoincrement=True,
)

replicas = Table(
    "replicas",
    metadata,
    Column("replica_id", Id, primary_key=True),
    Column(
        "renew_time",
        Instant,
        nullable=False,
        doc="Time of the replica's own clock. Other replicas only check whether it changes.",
    ),
    sqlite_with_rowid=False,
)
"""The replicas that hold calls, or held some recently. A replica's row is its lease on all of its calls."""

log_pages = Table(
    "log_pages",
    metadata,
    _conversation_key(),
    Column("first_number", BigInteger, primary_key=True, autoincrement=False),
    Column(
        "call_key",
        RowKey,
        ForeignKey("calls.key", ondelete="CASCADE"),
        doc="Call to which all its entries belong; null for entries outside calls.",
    ),
    Column("commit_time", Instant, nullable=False, doc="Commit time of its first entry."),
    Column("packing", SmallInteger, nullable=False, doc="See `chunks.Packing`."),
    Column("content", LargeBinary, nullable=False, doc="`readback.internal.conversation.storage.v1.Page`."),
)
"""Chunks. A row holds consecutive entries of one conversation and call, so that about eight entries share the
overhead of a row."""

feeds = Table(
    "feeds",
    metadata,
    Column("customer_id", Id, primary_key=True),
    Column("version", BigInteger, nullable=False, doc="Incremented by each change to a log or its writers."),
    Column("last_position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The ends of the customers' feeds. A feed's row is also the lock for the customer's conversations and
calls."""

feed_runs = Table(
    "feed_runs",
    metadata,
    Column("customer_id", Id, primary_key=True),
    Column("first_position", BigInteger, primary_key=True, autoincrement=False),
    Column("conversation_id", Id, nullable=False),
    Column("first_number", BigInteger, nullable=False, doc="0 for a deletion."),
    Column("length", BigInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False, doc="See `feeds.RunKind`."),
    sqlite_with_rowid=False,
)
"""The order of a customer's entries across all conversations. Consecutive entries of one conversation share
one row."""

open_utterances = Table(
    "open_utterances",
    metadata,
    _conversation_key(),
    Column("utterance_id", Id, primary_key=True),
    Column("call_key", RowKey, ForeignKey("calls.key", ondelete="CASCADE"), nullable=False),
    Column("speaker", SmallInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("start_time", Instant, nullable=False),
    Column("revise_time", Instant, nullable=False),
    Column("content", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

deleted_calls = Table(
    "deleted_calls",
    metadata,
    Column("call_id", Id, primary_key=True),
    Column("room", String(64), nullable=False),
    Column("delete_time", Instant, nullable=False),
    sqlite_with_rowid=False,
)
"""Calls of deleted conversations; kept until their rooms are closed and their grants are revoked."""

NOBODY = "00000000-0000-0000-0000-000000000000"
"""Owner of hidden conversations. No customer has this id."""

hidden_logs = Table(
    "hidden_logs",
    metadata,
    _conversation_key(),
    Column("customer_id", Id, nullable=False, doc="The former owner."),
    Column("reached", BigInteger, nullable=False, doc="Last entry whose words are removed from the index."),
    sqlite_with_rowid=False,
)
"""Deleted conversations that are not yet erased."""

indexed_logs = Table(
    "indexed_logs",
    metadata,
    _conversation_key(),
    Column("through_number", BigInteger, nullable=False, doc="Number of the last indexed entry."),
    sqlite_with_rowid=False,
)
"""The progress of indexing in each log."""

spoken_entries = Table(
    "spoken_entries",
    metadata,
    _conversation_key(),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("speaker", SmallInteger, nullable=False),
    Column("commit_time", Instant, nullable=False),
    sqlite_with_rowid=False,
)
"""The utterances in the search index."""

requests = requests_table(metadata)
