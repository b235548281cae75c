"""Baseline REST service in the usual style: FastAPI, pydantic and SQLAlchemy, one row and commit per request.

It follows FastAPI's own tutorial on SQL databases: a session per request, plain `def` handlers in the thread
pool, `add`, `commit`, `refresh`, UUID text as IDs. Some choices make it faster: uvloop and httptools; a pool
as large as the thread pool; sessions that end in their handler (as FastAPI dependencies they outlive it, and
under load threads and connections wait for each other); WAL and synchronous=FULL on SQLite, as for the log;
token checks reduced to a comparison. It guarantees less: numbers may have gaps, there is no writer fence, and
a retried turn is an error.

    DATABASE_URL=postgresql+psycopg://… uvicorn bench.baselines.rest_naive:app
"""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import DateTime, ForeignKey, String, Text, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

TOKEN = "Bearer bench"

engine = create_engine(os.environ["DATABASE_URL"], pool_size=40, max_overflow=0)
SessionLocal = sessionmaker(engine)


@event.listens_for(engine, "connect")
def _durable(connection: Any, _record: Any) -> None:
    if engine.dialect.name == "sqlite":
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")


class Base(DeclarativeBase):
    """Base of the tables."""


class Conversation(Base):
    """A conversation."""

    __tablename__ = "conversations"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid.uuid4()))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))


class Transcript(Base):
    """One turn of a conversation."""

    __tablename__ = "transcripts"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    turn_id: Mapped[str] = mapped_column(String(36), unique=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    speaker: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))


class NewTurn(BaseModel):
    """A turn in a request."""

    turn_id: uuid.UUID
    speaker: str = Field(pattern="^(customer|agent)$")
    text: str = Field(max_length=20_000)
    started_at: datetime
    ended_at: datetime


class TurnRead(BaseModel):
    """A stored turn in a response."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    turn_id: str
    conversation_id: str
    speaker: str
    text: str
    created_at: datetime


class ConversationRead(BaseModel):
    """A new conversation in a response."""

    model_config = ConfigDict(from_attributes=True)
    id: str


def require_token(authorization: Annotated[str, Header()]) -> None:
    """Reject requests without the token."""
    if authorization != TOKEN:
        raise HTTPException(401)


Base.metadata.create_all(engine)
app = FastAPI(dependencies=[Depends(require_token)])


@app.post("/conversations", response_model=ConversationRead, status_code=201)
def start() -> ConversationRead:
    """Start a conversation."""
    with SessionLocal() as db:
        conversation = Conversation()
        db.add(conversation)
        db.commit()
        db.refresh(conversation)
        return ConversationRead.model_validate(conversation)


@app.post("/conversations/{conversation_id}/turns", response_model=TurnRead, status_code=201)
def append(conversation_id: uuid.UUID, turn: NewTurn) -> TurnRead:
    """Store one turn."""
    values = turn.model_dump() | {"turn_id": str(turn.turn_id), "conversation_id": str(conversation_id)}
    with SessionLocal() as db:
        row = Transcript(**values)
        db.add(row)
        db.commit()
        db.refresh(row)
        return TurnRead.model_validate(row)
