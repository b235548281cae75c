"""Appends on PostgreSQL. A whole group is written by one statement, in its own transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg

from services.conversation.model.entries import id_bytes
from services.conversation.model.log_state import Changes
from services.conversation.store.postgres_arrays import WireArray, bigints, byteas, texts

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
    UPDATE conversations SET last_number = t.last_number, update_time = t.update_time,
        last_entry_time = t.update_time, title = t.title
    FROM unnest(%b, %b, %b, %b, %b) AS t (customer_id, key, last_number, update_time, title)
        JOIN won USING (customer_id)
    WHERE conversations.key = t.key
), chunks AS (
    INSERT INTO log_pages (conversation_key, first_number, call_key, commit_time, packing, content)
    SELECT t.conversation_key, t.first_number, nullif(t.call_key, 0), t.commit_time,
        t.packing::smallint, t.content
    FROM unnest(%b, %b, %b, %b, %b, %b, %b)
        AS t (customer_id, conversation_key, first_number, call_key, commit_time, packing, content)
        JOIN won USING (customer_id)
    ON CONFLICT (conversation_key, first_number) DO UPDATE
        SET packing = excluded.packing, content = excluded.content
), runs AS (
    INSERT INTO feed_runs (customer_id, first_position, conversation_id, first_number, length, kind)
    SELECT t.customer_id, t.first_position, t.conversation_id, t.first_number, t.length, t.kind::smallint
    FROM unnest(%b, %b, %b, %b, %b, %b)
        AS t (customer_id, first_position, conversation_id, first_number, length, kind)
        JOIN won USING (customer_id)
    ON CONFLICT (customer_id, first_position) DO UPDATE SET length = excluded.length
){open_utterances}
SELECT customer_id FROM won
"""
_OPEN_UTTERANCES = """, closed AS (
    DELETE FROM open_utterances
    USING unnest(%b, %b, %b) AS t (customer_id, conversation_key, utterance_id) JOIN won USING (customer_id)
    WHERE open_utterances.conversation_key = t.conversation_key
        AND open_utterances.utterance_id = t.utterance_id
), revised AS (
    INSERT INTO open_utterances
        (conversation_key, utterance_id, call_key, speaker, revision, start_time, revise_time, content)
    SELECT t.conversation_key, t.utterance_id, t.call_key, t.speaker::smallint, t.revision,
        t.start_time, t.revise_time, t.content
    FROM unnest(%b, %b, %b, %b, %b, %b, %b, %b, %b)
        AS t (customer_id, conversation_key, utterance_id, call_key, speaker, revision,
            start_time, revise_time, content)
        JOIN won USING (customer_id)
    ON CONFLICT (conversation_key, utterance_id) DO UPDATE SET
        call_key = excluded.call_key, speaker = excluded.speaker, revision = excluded.revision,
        start_time = excluded.start_time, revise_time = excluded.revise_time, content = excluded.content
)"""
_ENTRIES_ONLY = _APPEND.replace("{open_utterances}", "")
_WITH_OPEN_UTTERANCES = _APPEND.replace("{open_utterances}", _OPEN_UTTERANCES)

_ByColumn = tuple[Callable[[Any], WireArray], ...]
_CLAIM: _ByColumn = (byteas, bigints, bigints)
_HEAD: _ByColumn = (byteas, bigints, bigints, bigints, texts)
_CHUNK: _ByColumn = (byteas, bigints, bigints, bigints, bigints, bigints, byteas)
_RUN: _ByColumn = (byteas, bigints, byteas, bigints, bigints, bigints)
_CLOSED: _ByColumn = (byteas, bigints, byteas)
_REVISED: _ByColumn = (byteas, bigints, byteas, bigints, bigints, bigints, bigints, bigints, byteas)


def open_connection(conninfo: Mapping[str, Any]) -> psycopg.Connection:
    """Open a connection for one thread. Each statement on it is its own transaction."""
    return psycopg.connect(**conninfo, autocommit=True, prepare_threshold=0)


def append(connection: psycopg.Connection, group: Sequence[Changes]) -> set[str]:
    """Write, in one transaction, the changes of a group whose feeds have the expected version.

    Return the ids of the customers of those feeds.
    """
    return write(connection.cursor(binary=True), group)


def write(cursor: Any, group: Sequence[Changes]) -> set[str]:
    """Write the changes of a group whose feeds have the expected version.

    `cursor` is a binary psycopg cursor. Return the ids of the customers of those feeds.
    """
    owned = [(id_bytes(changes.customer_id), changes) for changes in group]
    claims = [(owner, changes.version, changes.last_position) for owner, changes in owned]
    heads = [
        (owner, head.key, head.last_number, head.update_time, head.title)
        for owner, changes in owned
        for head in changes.heads
    ]
    chunks = [
        (owner, key, number, call or 0, time, packing, content)
        for owner, changes in owned
        for key, number, call, time, packing, content in changes.chunks
    ]
    runs = [
        (owner, run.first_position, id_bytes(run.conversation_id), run.first_number, run.length, run.kind)
        for owner, changes in owned
        for run in changes.runs
    ]
    closed = [(owner, *utterance) for owner, changes in owned for utterance in changes.closed]
    revised = [(owner, *revision.row()) for owner, changes in owned for revision in changes.revisions]
    parameters = [
        *_arrays(claims, _CLAIM),
        byteas([owner for owner, _ in owned]),
        *_arrays(heads, _HEAD),
        *_arrays(chunks, _CHUNK),
        *_arrays(runs, _RUN),
    ]
    if closed or revised:
        parameters += [*_arrays(closed, _CLOSED), *_arrays(revised, _REVISED)]
    cursor.execute(_WITH_OPEN_UTTERANCES if closed or revised else _ENTRIES_ONLY, parameters)
    customer_of = {owner: changes.customer_id for owner, changes in owned}
    return {customer_of[bytes(owner)] for (owner,) in cursor.fetchall()}


def _arrays(rows: Sequence[tuple[Any, ...]], kinds: _ByColumn) -> list[WireArray]:
    columns = zip(*rows, strict=True) if rows else [()] * len(kinds)
    return [kind(column) for kind, column in zip(kinds, columns, strict=True)]
