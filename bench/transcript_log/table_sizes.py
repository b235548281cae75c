"""How many bytes each table and index of a database takes on disk, after VACUUM."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import LiteralString

import psycopg

_POSTGRES = """
SELECT owner.relname || '/' || relation.relname, pg_relation_size(relation.oid, 'main') + pg_relation_size(relation.oid, 'fsm')
       + pg_relation_size(relation.oid, 'vm')
FROM pg_class relation
LEFT JOIN pg_index ON indexrelid = relation.oid
LEFT JOIN pg_class toast ON toast.reltoastrelid = COALESCE(indrelid, relation.oid)
JOIN pg_class owner ON owner.oid = COALESCE(toast.oid, indrelid, relation.oid)
JOIN pg_namespace space ON space.oid = owner.relnamespace
WHERE space.nspname = 'public' AND relation.relkind IN ('r', 'i', 't', 'm')
"""
"""Tables, their indexes, and what PostgreSQL keeps beside a table when its rows are long, each under the table's name."""


def vacuumed(url: str, *, full: bool = False) -> dict[str, int]:
    """Bytes by `table/relation`, of a database given by its async SQLAlchemy URL.

    A plain VACUUM of PostgreSQL keeps the space it frees for rows to come; a full one, which locks tables out, packs what there is.
    SQLite's is always full, and needs a database that nobody uses.
    """
    if url.startswith("sqlite"):
        return _sqlite(url.partition(":///")[2])
    return _postgres(url.replace("+psycopg", ""), "VACUUM (FULL)" if full else "VACUUM")


def _postgres(conninfo: str, vacuum: LiteralString) -> dict[str, int]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(vacuum)
        return {str(name): int(size) for name, size in connection.execute(_POSTGRES)}


def _sqlite(path: str) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        owners = dict(connection.execute("SELECT name, tbl_name FROM sqlite_schema"))
        sizes = connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")
        return {f"{owners.get(name, name)}/{name}": int(size) for name, size in sizes}
