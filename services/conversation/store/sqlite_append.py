"""Appends on SQLite: one transaction for a whole group, as one synchronous function."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from mesh.database.engine import SQLITE_PRAGMAS
from services.conversation.model.changes import Changes, speech_row
from services.conversation.model.drafts import id_bytes

_CLAIM = "UPDATE feeds SET version = version + 1, last_position = ? WHERE customer_id = ? AND version = ?"
_HEAD = "UPDATE conversations SET last_number = ?, update_time = ?, title = ? WHERE key = ?"
_PAGE = """
INSERT INTO log_pages (conversation_key, first_number, call_key, commit_time, packing, content) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (conversation_key, first_number) DO UPDATE SET packing = excluded.packing, content = excluded.content
"""
_RUN = """
INSERT INTO feed_runs (customer_id, first_position, conversation_id, first_number, length, kind) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (customer_id, first_position) DO UPDATE SET length = excluded.length
"""
_CLOSE = "DELETE FROM open_utterances WHERE conversation_key = ? AND utterance_id = ?"
_SPEAK = """
INSERT INTO open_utterances (conversation_key, utterance_id, call_key, speaker, revision, start_time, revise_time, content)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (conversation_key, utterance_id) DO UPDATE SET call_key = excluded.call_key, speaker = excluded.speaker,
    revision = excluded.revision, start_time = excluded.start_time, revise_time = excluded.revise_time, content = excluded.content
"""


def open_connection(path: str) -> sqlite3.Connection:
    """A connection for one thread, as durable as those of `mesh.database.engine`."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=5, check_same_thread=False)
    for pragma in SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def append(connection: sqlite3.Connection, group: Sequence[Changes]) -> set[str]:
    """Writes a group in one transaction; the customers whose changes are durable, the others' logs having changed meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        written = {changes.customer_id for changes in group if write(connection.cursor(), changes)}
        connection.execute("COMMIT")
    except BaseException:
        if (
            connection.in_transaction
        ):  # a full disk or a failing one has rolled it back already; ROLLBACK would fail and hide why
            connection.execute("ROLLBACK")
        raise
    return written


def write(cursor: Any, changes: Changes) -> bool:
    """Writes one customer's changes, inside a transaction; says whether their logs were as expected. `cursor` is a DB-API cursor."""
    customer = id_bytes(changes.customer_id)
    cursor.execute(_CLAIM, (changes.last_position, customer, changes.version))
    if cursor.rowcount != 1:
        return False
    for head in changes.heads:
        cursor.execute(_HEAD, (head.last_number, head.update_time, head.title, head.key))
    for page in changes.pages:
        where = (page.conversation_key, page.first_number)
        cursor.execute(_PAGE, (*where, page.call_key, page.commit_time, int(page.packing), page.content))
    for run in changes.runs:
        what = (id_bytes(run.conversation_id), run.first_number, run.length, int(run.kind))
        cursor.execute(_RUN, (customer, run.first_position, *what))
    for closed in changes.closed:
        cursor.execute(_CLOSE, closed)
    for speech in changes.spoken:
        cursor.execute(_SPEAK, speech_row(speech))
    return True
