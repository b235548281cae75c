"""The tables. Ids are 16 bytes, instants microseconds since 1970, so that rows stay small on SQLite and PostgreSQL alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """A UTC datetime as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """To the database."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """From the database."""
        return None if value is None else _EPOCH + value * _MICROSECOND


class Id(TypeDecorator[str]):
    """A UUID in text form as its 16 bytes."""

    impl = LargeBinary(16)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """To the database."""
        return None if value is None else UUID(value).bytes

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """From the database."""
        return None if value is None else uuid_text(value)


metadata = MetaData()

RowKey = BigInteger().with_variant(Integer, "sqlite")
"""Counted up by the database, and never given out twice: who holds the key of a conversation that was deleted meanwhile must not find
another's behind it. SQLite counts only plain INTEGER, and takes up the keys of deleted rows again without AUTOINCREMENT."""

log_identity = Table(
    "log_identity",
    metadata,
    Column("incarnation", LargeBinary(16), primary_key=True, doc="Made with the database; cursors hold it."),
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
    Column("end_time", Instant),
    Column("last_number", BigInteger, nullable=False),
    Index("conversations_of_customer", "customer_id", "key"),
    sqlite_autoincrement=True,
)

RUNNING = text("state != 3")
"""Not `CallState.CALL_STATE_ENDED`: spelled out, because an index condition is part of the schema and a query is only answered from
the index when it says the same."""
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
    Column("holder", Id, doc="The replica that has the writer's stream; see `replicas`."),
    Column("dispatches", Integer, nullable=False),
    Column("dispatch_time", Instant, nullable=False),
    Column("caller_joined_time", Instant),
    Column("access_expire_time", Instant, nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("sealed_grant", LargeBinary),
    Column("start_time", Instant, nullable=False),
    Column("end_time", Instant),
    Column("end_reason", SmallInteger, nullable=False),
    Index(
        "one_running_call", "conversation_key", unique=True, sqlite_where=RUNNING, postgresql_where=RUNNING
    ),
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
        doc="By the replica's own clock; only that it changes says anything to the others.",
    ),
    sqlite_with_rowid=False,
)
"""One row a replica that holds calls, or did: its lease on all of them."""

log_pages = Table(
    "log_pages",
    metadata,
    Column(
        "conversation_key",
        RowKey,
        ForeignKey("conversations.key", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("first_number", BigInteger, primary_key=True, autoincrement=False),
    Column(
        "call_key",
        RowKey,
        ForeignKey("calls.key", ondelete="CASCADE"),
        doc="The call of all its entries; none outside calls.",
    ),
    Column("commit_time", Instant, nullable=False, doc="Of its first entry."),
    Column("packing", SmallInteger, nullable=False, doc="See `pages.Packing`."),
    Column("content", LargeBinary, nullable=False, doc="`readback.conversation.storage.v1.Page`."),
)
"""Consecutive entries of one conversation and call, a page a row: an index and a row's overhead are shared by some eight entries."""

feeds = Table(
    "feeds",
    metadata,
    Column("customer_id", Id, primary_key=True),
    Column(
        "version", BigInteger, nullable=False, doc="Counted up by whatever changes a log or who may write it."
    ),
    Column("last_position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row a customer: the feed's end, and the lock under which everything that a writer relies on is changed."""

feed_runs = Table(
    "feed_runs",
    metadata,
    Column("customer_id", Id, primary_key=True),
    Column("first_position", BigInteger, primary_key=True, autoincrement=False),
    Column("conversation_id", Id, nullable=False),
    Column("first_number", BigInteger, nullable=False, doc="0 of a deletion."),
    Column("length", BigInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False, doc="See `records.RunKind`."),
    sqlite_with_rowid=False,
)
"""The order of a customer's entries over all conversations, by runs: consecutive entries of one conversation are one row."""

open_utterances = Table(
    "open_utterances",
    metadata,
    Column(
        "conversation_key",
        RowKey,
        ForeignKey("conversations.key", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
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
"""Calls whose conversation was deleted, until their rooms are closed and their grants revoked."""

requests = requests_table(metadata)
