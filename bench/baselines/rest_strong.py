"""Baseline REST service written for speed: FastAPI over asyncpg, one prepared statement per request.

Rows are compact: 16-byte IDs, and one index, which also detects a retried turn. Answers contain only the row
numbers. One request can store many turns, by one `unnest`. It runs on uvloop and httptools; the token is only
compared. It guarantees less than the log: numbers count the whole table and may have gaps, and there is no
writer fence.

    DATABASE_URL=postgresql://… uvicorn bench.baselines.rest_strong:app
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from pydantic import BaseModel, Field

TOKEN = "Bearer bench"
POOL = 16
"""Number of connections. More connections cost the database more than its group commit saves."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS conversations (id uuid PRIMARY KEY DEFAULT gen_random_uuid());
CREATE TABLE IF NOT EXISTS turns (
    number bigserial PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversations,
    turn_id uuid NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    speaker smallint NOT NULL,
    text text NOT NULL,
    UNIQUE (conversation_id, turn_id)
);
"""
ONE = """
INSERT INTO turns (conversation_id, turn_id, started_at, ended_at, speaker, text)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING number
"""
MANY = """
INSERT INTO turns (conversation_id, turn_id, started_at, ended_at, speaker, text)
SELECT $1, * FROM unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::smallint[], $6::text[])
ON CONFLICT DO NOTHING RETURNING number
"""


class Turn(BaseModel):
    """A turn in a request."""

    turn_id: UUID
    speaker: Literal[1, 2]
    text: str = Field(max_length=20_000)
    started_at: datetime
    ended_at: datetime


def require_token(authorization: Annotated[str, Header()]) -> None:
    """Reject requests without the token."""
    if authorization != TOKEN:
        raise HTTPException(401)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold a connection pool while the service runs."""
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=POOL, max_size=POOL) as pool:
        await pool.execute(SCHEMA)
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan, dependencies=[Depends(require_token)])


@app.post("/conversations")
async def start(request: Request) -> Response:
    """Start a conversation."""
    made = await request.app.state.pool.fetchval("INSERT INTO conversations DEFAULT VALUES RETURNING id")
    return Response(f'{{"id":"{made}"}}', 201, media_type="application/json")


@app.post("/conversations/{conversation_id}/turns")
async def append(conversation_id: UUID, turn: Turn, request: Request) -> Response:
    """Store one turn."""
    values = (conversation_id, turn.turn_id, turn.started_at, turn.ended_at, turn.speaker, turn.text)
    number = await request.app.state.pool.fetchval(ONE, *values)
    return Response(f'{{"number":{number or 0}}}', 201, media_type="application/json")


@app.post("/conversations/{conversation_id}/turns:batch")
async def append_many(conversation_id: UUID, turns: list[Turn], request: Request) -> Response:
    """Store many turns."""
    columns = zip(
        *((turn.turn_id, turn.started_at, turn.ended_at, turn.speaker, turn.text) for turn in turns),
        strict=True,
    )
    rows = await request.app.state.pool.fetch(MANY, conversation_id, *columns)
    return Response(
        f'{{"numbers":[{",".join(str(row[0]) for row in rows)}]}}', 201, media_type="application/json"
    )
