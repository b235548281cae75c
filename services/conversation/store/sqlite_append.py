"""Appends on SQLite. A whole group is written in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from mesh.database.engine import SQLITE_PRAGMAS
from services.conversation.model.entries import id_bytes
from services.conversation.model.log_state import Changes

_CLAIM = "UPDATE feeds SET version = version + 1, last_position = ? WHERE customer_id = ? AND version = ?"
_HEAD = """
UPDATE conversations SET last_number = ?1, update_time = ?2, last_entry_time = ?2, title = ?3 WHERE key = ?4
"""
_CHUNK = """
INSERT INTO log_pages (conversation_key, first_number, call_key, commit_time, packing, content)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (conversation_key, first_number)
DO UPDATE SET packing = excluded.packing, content = excluded.content
"""
_RUN = """
INSERT INTO feed_runs (customer_id, first_position, conversation_id, first_number, length, kind)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (customer_id, first_position) DO UPDATE SET length = excluded.length
"""
_CLOSE = "DELETE FROM open_utterances WHERE conversation_key = ? AND utterance_id = ?"
_REVISE = """
INSERT INTO open_utterances
    (conversation_key, utterance_id, call_key, speaker, revision, start_time, revise_time, content)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (conversation_key, utterance_id) DO UPDATE SET
    call_key = excluded.call_key, speaker = excluded.speaker, revision = excluded.revision,
    start_time = excluded.start_time, revise_time = excluded.revise_time, content = excluded.content
"""


def open_connection(path: str) -> sqlite3.Connection:
    """Open a connection for one thread. Its commits are as durable as those of `mesh.database`."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=5, check_same_thread=False)
    for pragma in SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def append(connection: sqlite3.Connection, group: Sequence[Changes]) -> set[str]:
    """Write, in one transaction, the changes of a group whose feeds have the expected version.

    Return the ids of the customers of those feeds.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        written = {changes.customer_id for changes in group if write(connection.cursor(), changes)}
        connection.execute("COMMIT")
    except BaseException:
        # After a disk error, SQLite has already rolled back. A ROLLBACK would then fail and hide that error.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return written


def write(cursor: Any, changes: Changes) -> bool:
    """Write one customer's changes inside a transaction, if their feed has the expected version.

    `cursor` is a DB-API cursor. Return whether the changes were written.
    """
    customer = id_bytes(changes.customer_id)
    cursor.execute(_CLAIM, (changes.last_position, customer, changes.version))
    if cursor.rowcount != 1:
        return False
    for head in changes.heads:
        cursor.execute(_HEAD, (head.last_number, head.update_time, head.title, head.key))
    for chunk in changes.chunks:
        cursor.execute(_CHUNK, (*chunk[:4], int(chunk.packing), chunk.content))
    for run in changes.runs:
        what = (id_bytes(run.conversation_id), run.first_number, run.length, int(run.kind))
        cursor.execute(_RUN, (customer, run.first_position, *what))
    for closed in changes.closed:
        cursor.execute(_CLOSE, closed)
    for revision in changes.revisions:
        cursor.execute(_REVISE, revision.row())
    return True
