"""The backend as it is usually written: FastAPI, pydantic and SQLAlchemy's ORM, one row and one commit a request.

It follows FastAPI's own tutorial on SQL databases: a session a request, plain `def` handlers in FastAPI's thread pool, `add`, `commit`,
`refresh`, ids as UUID text. What is done for it: uvloop and httptools, a pool as large as the thread pool, sessions that end in their
handler (as a dependency they outlive it, and under load threads and connections wait for each other), WAL and synchronous=FULL on SQLite
(as for the log), checks of tokens reduced to looking one up. It promises less: no numbers without gaps, no fence, no recognition of a
retried turn beyond an error for its id.

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
    """The tables."""


class Conversation(Base):
    """A talk."""

    __tablename__ = "conversations"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid.uuid4()))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))


class Transcript(Base):
    """One turn of a talk."""

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
    """What a caller hands in."""

    turn_id: uuid.UUID
    speaker: str = Field(pattern="^(customer|agent)$")
    text: str = Field(max_length=20_000)
    started_at: datetime
    ended_at: datetime


class TurnRead(BaseModel):
    """What a caller is given back."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    turn_id: str
    conversation_id: str
    speaker: str
    text: str
    created_at: datetime


class ConversationRead(BaseModel):
    """A new talk."""

    model_config = ConfigDict(from_attributes=True)
    id: str


def signed_in(authorization: Annotated[str, Header()]) -> None:
    """Refuses strangers."""
    if authorization != TOKEN:
        raise HTTPException(401)


Base.metadata.create_all(engine)
app = FastAPI(dependencies=[Depends(signed_in)])


@app.post("/conversations", response_model=ConversationRead, status_code=201)
def start() -> ConversationRead:
    """Starts a talk."""
    with SessionLocal() as db:
        conversation = Conversation()
        db.add(conversation)
        db.commit()
        db.refresh(conversation)
        return ConversationRead.model_validate(conversation)


@app.post("/conversations/{conversation_id}/turns", response_model=TurnRead, status_code=201)
def append(conversation_id: uuid.UUID, turn: NewTurn) -> TurnRead:
    """Stores one turn."""
    values = turn.model_dump() | {"turn_id": str(turn.turn_id), "conversation_id": str(conversation_id)}
    with SessionLocal() as db:
        row = Transcript(**values)
        db.add(row)
        db.commit()
        db.refresh(row)
        return TurnRead.model_validate(row)
