"""Appends on PostgreSQL: a whole group in one statement, which is its own transaction: one round trip, one flush."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg

from services.conversation.model.changes import Changes, speech_row
from services.conversation.model.drafts import id_bytes
from services.conversation.store.postgres_arrays import bigints, byteas, texts

_APPEND = """
WITH claim AS (
    SELECT * FROM unnest(%b, %b, %b) AS t (customer_id, version, last_position)
), held AS MATERIALIZED (
    SELECT feeds.customer_id, feeds.version FROM feeds WHERE feeds.customer_id = ANY (%b)
    ORDER BY feeds.customer_id FOR UPDATE
), won AS (
    UPDATE feeds SET version = feeds.version + 1, last_position = claim.last_position
    FROM claim JOIN held USING (customer_id, version)
    WHERE feeds.customer_id = claim.customer_id
    RETURNING feeds.customer_id
), heads AS (
    UPDATE conversations SET last_number = t.last_number, update_time = t.update_time, title = t.title
    FROM unnest(%b, %b, %b, %b, %b) AS t (customer_id, key, last_number, update_time, title) JOIN won USING (customer_id)
    WHERE conversations.key = t.key
), pages AS (
    INSERT INTO log_pages (conversation_key, first_number, call_key, commit_time, packing, content)
    SELECT t.conversation_key, t.first_number, nullif(t.call_key, 0), t.commit_time, t.packing::smallint, t.content
    FROM unnest(%b, %b, %b, %b, %b, %b, %b)
        AS t (customer_id, conversation_key, first_number, call_key, commit_time, packing, content) JOIN won USING (customer_id)
    ON CONFLICT (conversation_key, first_number) DO UPDATE SET packing = excluded.packing, content = excluded.content
), runs AS (
    INSERT INTO feed_runs (customer_id, first_position, conversation_id, first_number, length, kind)
    SELECT t.customer_id, t.first_position, t.conversation_id, t.first_number, t.length, t.kind::smallint
    FROM unnest(%b, %b, %b, %b, %b, %b)
        AS t (customer_id, first_position, conversation_id, first_number, length, kind) JOIN won USING (customer_id)
    ON CONFLICT (customer_id, first_position) DO UPDATE SET length = excluded.length
){speech}
SELECT customer_id FROM won
"""
_SPEECH = """, closed AS (
    DELETE FROM open_utterances USING unnest(%b, %b, %b) AS t (customer_id, conversation_key, utterance_id) JOIN won USING (customer_id)
    WHERE open_utterances.conversation_key = t.conversation_key AND open_utterances.utterance_id = t.utterance_id
), spoken AS (
    INSERT INTO open_utterances (conversation_key, utterance_id, call_key, speaker, revision, start_time, revise_time, content)
    SELECT t.conversation_key, t.utterance_id, t.call_key, t.speaker::smallint, t.revision, t.start_time, t.revise_time, t.content
    FROM unnest(%b, %b, %b, %b, %b, %b, %b, %b, %b)
        AS t (customer_id, conversation_key, utterance_id, call_key, speaker, revision, start_time, revise_time, content)
        JOIN won USING (customer_id)
    ON CONFLICT (conversation_key, utterance_id) DO UPDATE SET call_key = excluded.call_key, speaker = excluded.speaker,
        revision = excluded.revision, start_time = excluded.start_time, revise_time = excluded.revise_time, content = excluded.content
)"""
_ENTRIES_ONLY = _APPEND.replace("{speech}", "")
_WITH_SPEECH = _APPEND.replace("{speech}", _SPEECH)


def open_connection(conninfo: Mapping[str, Any]) -> psycopg.Connection:
    """A connection for one thread, on which every statement is a transaction."""
    return psycopg.connect(**conninfo, autocommit=True, prepare_threshold=0)


def append(connection: psycopg.Connection, group: Sequence[Changes]) -> set[str]:
    """Writes a group in one transaction; the customers whose changes are durable, the others' logs having changed meanwhile."""
    return write(connection.cursor(binary=True), group)


def write(cursor: Any, group: Sequence[Changes]) -> set[str]:
    """Writes each customer's changes if their logs are as expected; says whose were."""
    customers = {id_bytes(changes.customer_id): changes for changes in group}
    claims = [(customer, changes.version, changes.last_position) for customer, changes in customers.items()]
    heads, pages, runs, closed, spoken = _rows(customers)
    parameters = [
        *_columns(claims, (byteas, bigints, bigints)),
        byteas(customers),
        *_columns(heads, (byteas, bigints, bigints, bigints, texts)),
        *_columns(pages, (byteas, bigints, bigints, bigints, bigints, bigints, byteas)),
        *_columns(runs, (byteas, bigints, byteas, bigints, bigints, bigints)),
    ]
    if closed or spoken:
        parameters += _columns(closed, (byteas, bigints, byteas))
        parameters += _columns(
            spoken, (byteas, bigints, byteas, bigints, bigints, bigints, bigints, bigints, byteas)
        )
    cursor.execute(_WITH_SPEECH if closed or spoken else _ENTRIES_ONLY, parameters)
    return {customers[bytes(customer)].customer_id for (customer,) in cursor.fetchall()}


def _rows(customers: dict[bytes, Changes]) -> tuple[list[tuple[Any, ...]], ...]:
    heads: list[tuple[Any, ...]] = []
    pages: list[tuple[Any, ...]] = []
    runs: list[tuple[Any, ...]] = []
    closed: list[tuple[Any, ...]] = []
    spoken: list[tuple[Any, ...]] = []
    for customer, changes in customers.items():
        heads += [
            (customer, head.key, head.last_number, head.update_time, head.title) for head in changes.heads
        ]
        for page in changes.pages:
            where = (customer, page.conversation_key, page.first_number, page.call_key or 0)
            pages.append((*where, page.commit_time, page.packing, page.content))
        runs += [
            (
                customer,
                run.first_position,
                id_bytes(run.conversation_id),
                run.first_number,
                run.length,
                run.kind,
            )
            for run in changes.runs
        ]
        closed += [(customer, *utterance) for utterance in changes.closed]
        spoken += [(customer, *speech_row(speech)) for speech in changes.spoken]
    return heads, pages, runs, closed, spoken


def _columns(rows: Sequence[tuple[Any, ...]], kinds: Sequence[Any]) -> Iterable[Any]:
    columns = zip(*rows, strict=True) if rows else [()] * len(kinds)
    return [kind(column) for kind, column in zip(kinds, columns, strict=True)]
