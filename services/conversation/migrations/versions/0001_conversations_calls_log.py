"""Conversations, their calls, the log with its open utterances, and answered requests."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
ID = sa.LargeBinary(16)
INSTANT = sa.BigInteger
RUNNING = sa.text("state != 3")
WITH_GRANT = sa.text("sealed_grant IS NOT NULL")


def upgrade() -> None:
    """Create the tables, and the incarnation of the database."""
    _log_identity()
    _conversations()
    _calls()
    _entries()
    _open_utterances()
    _requests()


def _log_identity() -> None:
    table = op.create_table("log_identity", sa.Column("incarnation", ID, primary_key=True))
    op.bulk_insert(table, [{"incarnation": secrets.token_bytes(16)}])


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("key", KEY, primary_key=True, autoincrement=True),
        sa.Column("conversation_id", ID, nullable=False, unique=True),
        sa.Column("customer_id", ID, nullable=False),
        sa.Column("title", sa.String(80), nullable=False),
        sa.Column("locale", sa.String(35), nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
        sa.Column("last_entry_time", INSTANT),
        sa.Column("end_time", INSTANT),
        sa.Column("last_number", sa.BigInteger, nullable=False),
    )
    op.create_index("conversations_of_customer", "conversations", ["customer_id", "key"])


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("key", KEY, primary_key=True, autoincrement=True),
        sa.Column("call_id", ID, nullable=False, unique=True),
        _conversation_key(),
        sa.Column("room", sa.String(64), nullable=False, unique=True),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("writer_id", ID),
        sa.Column("dispatches", sa.Integer, nullable=False),
        sa.Column("dispatch_time", INSTANT, nullable=False),
        sa.Column("caller_joined_time", INSTANT),
        sa.Column("access_expire_time", INSTANT, nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("sealed_grant", sa.LargeBinary),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("answer_time", INSTANT),
        sa.Column("end_time", INSTANT),
        sa.Column("end_reason", sa.SmallInteger, nullable=False),
    )
    op.create_index(
        "one_running_call",
        "calls",
        ["conversation_key"],
        unique=True,
        sqlite_where=RUNNING,
        postgresql_where=RUNNING,
    )
    op.create_index(
        "calls_with_grant", "calls", ["key"], sqlite_where=WITH_GRANT, postgresql_where=WITH_GRANT
    )


def _entries() -> None:
    op.create_table(
        "entries",
        _conversation_key(primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("entry_id", ID, nullable=False),
        sa.Column("call_key", KEY, sa.ForeignKey("calls.key", ondelete="CASCADE")),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("speaker", sa.SmallInteger, nullable=False),
        sa.Column("start_time", INSTANT, nullable=False),
        sa.Column("end_time", INSTANT, nullable=False),
        sa.Column("commit_time", INSTANT, nullable=False),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("digest", sa.LargeBinary(8), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("entries_by_id", "entries", ["conversation_key", "entry_id"], unique=True)


def _open_utterances() -> None:
    op.create_table(
        "open_utterances",
        _conversation_key(primary_key=True),
        sa.Column("utterance_id", ID, primary_key=True),
        sa.Column("call_key", KEY, sa.ForeignKey("calls.key", ondelete="CASCADE"), nullable=False),
        sa.Column("speaker", sa.SmallInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("start_time", INSTANT, nullable=False),
        sa.Column("revise_time", INSTANT, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )


def _requests() -> None:
    op.create_table(
        "requests",
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("request_id", sa.String(36), primary_key=True),
        sa.Column("payload_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("response", sa.LargeBinary, nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    )


def _conversation_key(*, primary_key: bool = False) -> sa.Column[int]:
    reference = sa.ForeignKey("conversations.key", ondelete="CASCADE")
    return sa.Column(
        "conversation_key", KEY, reference, nullable=False, primary_key=primary_key, autoincrement=False
    )
