"""Tables of the database. They equal the result of all migrations, as a test checks."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

from mesh.database.columns import Instant
from mesh.database.idempotency import requests_table

metadata = MetaData()


def _customer_id() -> Column[str]:
    return Column(
        "customer_id",
        String(36),
        ForeignKey("customers.customer_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    )


def _session_id() -> Column[str]:
    return Column(
        "session_id",
        String(36),
        ForeignKey("sessions.session_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    )


customers = Table(
    "customers",
    metadata,
    Column("customer_id", String(36), primary_key=True),
    Column("canonical_email", String(254), nullable=False, unique=True),
    Column("email", String(254), nullable=False),
    Column("display_name", String(100), nullable=False),
    Column("locale", String(35), nullable=False),
    Column("password_hash", String(128), nullable=False),
    Column("created_at", Instant, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", String(36), primary_key=True),
    _customer_id(),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("ended_at", Instant),
    Column("source", LargeBinary(32)),
    Column("client", String(100), nullable=False, server_default=""),
    Column("refreshed_at", Instant),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    _session_id(),
    Column("parent", LargeBinary(32), index=True),
    Column("created_at", Instant, nullable=False),
    Column("spent_at", Instant),
)

grants = Table(
    "grants",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    _customer_id(),
    _session_id(),
    Column("conversation_id", String(36), nullable=False),
    Column("call_id", String(36), nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Index("ix_grants_call_id_customer_id", "call_id", "customer_id", unique=True),
)

failed_attempts = Table(
    "failed_attempts",
    metadata,
    # A keyed digest of the account, or of the account and the source; see `sign_in_throttling`.
    Column("account", LargeBinary(32), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last_at", Instant, nullable=False, index=True),
)

seen_assertions = Table(
    "seen_assertions",
    metadata,
    Column("actor", String(64), primary_key=True),
    Column("jti", String(128), primary_key=True),
    Column("expires_at", Instant, nullable=False, index=True),
)

customer_deletions = Table(
    "customer_deletions",
    metadata,
    # The service that must delete the customer's data.
    Column("service", String(32), primary_key=True),
    Column("customer_id", String(36), primary_key=True),
    Column("delete_time", Instant, nullable=False),
    Column("due_time", Instant, nullable=False, index=True),
)

revocations = Table(
    "revocations",
    metadata,
    # Id of a customer or a session.
    Column("subject", String(36), primary_key=True),
    Column("expires_at", Instant, nullable=False, index=True),
)

requests = requests_table(metadata)
