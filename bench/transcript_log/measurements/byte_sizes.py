"""Bytes on the wire and on disk, divided by the bytes of text, and the bytes of live text.

`wire_vs_text`, `live_text_kb`, `stored_vs_text_pg` and `stored_vs_text_sqlite`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from itertools import islice
from typing import LiteralString

import psycopg

from bench.transcript_log.figures import Figure
from bench.transcript_log.interleaved_rounds import Spread
from bench.transcript_log.load.sample_turns import TURNS, sample_turns
from bench.transcript_log.load.watchers import catch_up, entries_of, next_of, watch
from bench.transcript_log.load.writers import writers
from bench.transcript_log.testbed.tcp_servers import relay
from bench.transcript_log.testbed.testbed import Testbed, own_connection
from mesh.ids import uuid7

WIRE_CONVERSATIONS = 10
STORED_CONVERSATIONS = 200
PARALLEL = 16
"""Conversations written in parallel. A customer's conversations are written one after another."""
SPOKEN = (
    "Show me flights from Chennai to Delhi tomorrow morning.",
    "There are nine flights tomorrow morning; the cheapest one leaves at ten past six.",
    "It is with Air India, takes two hours and fifty minutes, and costs six thousand rupees.",
)
REVISIONS = 100
"""Revisions of the three sentences together: what a recorder sends in ten seconds of speech."""
DATABASES = 3
"""Databases filled in PostgreSQL, because a long transaction can leave more free space in one of them."""
LOG_PREFIXES = ("entries", "log_", "feed")
"""Prefixes of the names of tables that contain the log."""
SEARCH_PARTS = ("search", "spoken", "indexed_", "fts")
"""Parts of the names of tables and indexes that are only for search."""
_POSTGRES_SIZES = """
SELECT owner.relname || '/' || relation.relname, pg_relation_size(relation.oid, 'main')
       + pg_relation_size(relation.oid, 'fsm') + pg_relation_size(relation.oid, 'vm')
FROM pg_class relation
LEFT JOIN pg_index ON indexrelid = relation.oid
LEFT JOIN pg_class toast ON toast.reltoastrelid = COALESCE(indrelid, relation.oid)
JOIN pg_class owner ON owner.oid = COALESCE(toast.oid, indrelid, relation.oid)
JOIN pg_namespace space ON space.oid = owner.relnamespace
WHERE space.nspname = 'public' AND relation.relkind IN ('r', 'i', 't', 'm')
"""
"""Tables, their indexes and their TOAST tables, each under the table's name."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Growth of a database divided by the bytes of text, by relation."""

    vacuumed: Mapping[str, float]
    """After VACUUM."""
    packed: Mapping[str, float]
    """After a full VACUUM."""
    bytes_per_turn: float

    @property
    def log(self) -> float:
        """Growth of the log itself."""
        return _log_size(self.vacuumed)


async def measure_wire(bed: Testbed) -> list[Figure]:
    """Measure the bytes that a watch receives until it is caught up, on an open TCP connection."""
    ratios, in_messages, count = [], [], bed.effort.scaled(WIRE_CONVERSATIONS)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(bed.conversation_service(await bed.new_database("pg")))
        fleet = await stack.enter_async_context(writers(bed, server, count))
        counted = await stack.enter_async_context(relay(server.port))
        channel = await stack.enter_async_context(own_connection(counted.address))
        await fleet[0].customer.start_conversation(channel)  # opens the connection
        for seed, writer in enumerate(fleet):
            bed.progress("bytes on the wire")
            await writer.write(TURNS, window=1, batch=1)
            text = text_bytes(seed + 1) - text_bytes(seed)
            before, messages = counted.returned, 0
            async with watch(channel, writer.customer.metadata, writer.conversation_id) as stream:
                while not (response := await next_of(stream)).HasField("caught_up"):
                    messages += response.ByteSize() * bool(entries_of(response))
            ratios.append((counted.returned - before) / text)
            in_messages.append(messages / text)
    details = {"uncompressed_vs_text": Spread.of(in_messages).median}
    return [Figure("wire_vs_text", Spread.of(ratios), details)]


async def measure_live(bed: Testbed) -> list[Figure]:
    """Measure the live text of three spoken sentences, for a watcher that gets every revision."""
    sizes, messages = [], 0
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(bed.conversation_service(await bed.new_database("sqlite")))
        (writer,) = await stack.enter_async_context(writers(bed, server, 1))
        channel = await stack.enter_async_context(own_connection(server.address))
        metadata, conversation_id = writer.customer.metadata, writer.conversation_id
        watching = watch(channel, metadata, conversation_id, include_live=True)
        stream = await stack.enter_async_context(watching)
        await catch_up(stream)
        for text in _revisions():
            bed.progress("live text")
            await writer.revise(*text)
            await writer.wait_for_ack()
            while not (response := await next_of(stream)).HasField("live"):
                pass
            sizes.append(response.ByteSize())
            messages += 1
    return [Figure("live_text_kb", Spread.of([sum(sizes) / 1000]), {"messages": messages})]


def _revisions() -> Iterator[tuple[str, str]]:
    """Yield the id and the text of each revision. Every sentence grows in equal steps."""
    for index, sentence in enumerate(SPOKEN):
        utterance_id = uuid7()
        count = REVISIONS // len(SPOKEN) + (index < REVISIONS % len(SPOKEN))
        for revision in range(1, count + 1):
            yield utterance_id, sentence[: len(sentence) * revision // count]


async def measure_pg(bed: Testbed) -> list[Figure]:
    """Measure `stored_vs_text_pg`."""
    return [_figure("stored_vs_text_pg", [await _fill(bed, "pg") for _ in range(DATABASES)])]


async def measure_sqlite(bed: Testbed) -> list[Figure]:
    """Measure `stored_vs_text_sqlite`."""
    return [_figure("stored_vs_text_sqlite", [await _fill(bed, "sqlite")])]


async def _fill(bed: Testbed, kind: str) -> Stored:
    """Write conversations turn by turn, as they are spoken.

    PostgreSQL is vacuumed after every few conversations, as autovacuum would do during hours of real calls.
    """
    database, conversations = await bed.new_database(kind), bed.effort.scaled(STORED_CONVERSATIONS)
    async with bed.conversation_service(database):
        pass
    empty = await asyncio.to_thread(vacuumed, database)
    async with bed.conversation_service(database) as server:
        customers = [await bed.new_customer() for _ in range(PARALLEL)]
        for first in range(0, conversations, PARALLEL):
            bed.progress("bytes on disk")
            count = min(PARALLEL, conversations - first)
            async with writers(bed, server, count, customers=customers, first_seed=first) as fleet:
                await asyncio.gather(*(writer.write(TURNS, window=1, batch=1) for writer in fleet))
            if kind == "pg":
                await asyncio.to_thread(vacuumed, database)
    text = text_bytes(conversations)
    grown = _growth(text, empty, await asyncio.to_thread(vacuumed, database))
    packed = _growth(text, empty, await asyncio.to_thread(vacuumed, database, full=True))
    return Stored(grown, packed, text / conversations / TURNS)


def text_bytes(conversations: int) -> int:
    """Return the number of UTF-8 bytes of text in the first conversations."""
    seeds = range(conversations)
    return sum(len(turn.text.encode()) for seed in seeds for turn in islice(sample_turns(seed), TURNS))


def vacuumed(url: str, *, full: bool = False) -> dict[str, int]:
    """Run VACUUM on a database and return the bytes of each `table/relation`.

    In PostgreSQL a plain VACUUM leaves the freed space in the tables, for new rows; a full VACUUM packs and
    locks the tables. SQLite's VACUUM is always full, and the database must not be in use.

    Args:
        url: the database's SQLAlchemy URL.
    """
    if url.startswith("sqlite"):
        return _vacuum_sqlite(url.partition(":///")[2])
    return _vacuum_postgres(url.replace("+psycopg", ""), "VACUUM (FULL)" if full else "VACUUM")


def _vacuum_postgres(conninfo: str, vacuum: LiteralString) -> dict[str, int]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(vacuum)
        return {str(name): int(size) for name, size in connection.execute(_POSTGRES_SIZES)}


def _vacuum_sqlite(path: str) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        owners = dict(connection.execute("SELECT name, tbl_name FROM sqlite_schema"))
        sizes = connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")
        return {f"{owners.get(name, name)}/{name}": int(size) for name, size in sizes}


def _figure(key: str, filled: Sequence[Stored]) -> Figure:
    """Return the benchmark result. Its details are the sizes of the tables and indexes in one database."""
    typical = sorted(filled, key=lambda stored: stored.log)[len(filled) // 2]
    details = {
        "vacuum_full": _log_size(typical.packed),
        "bytes_a_turn_of_text": typical.bytes_per_turn,
        "search_index": sum(size for name, size in typical.vacuumed.items() if is_search(name)),
        "everything": sum(typical.vacuumed.values()),
    }
    largest = sorted(typical.vacuumed.items(), key=lambda item: -item[1])[:4]
    return Figure(key, Spread.of(stored.log for stored in filled), details | dict(largest))


def _growth(text: int, before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, float]:
    return {name: (size - before.get(name, 0)) / text for name, size in after.items()}


def _log_size(sizes: Mapping[str, float]) -> float:
    return sum(size for name, size in sizes.items() if is_log(name))


def is_log(name: str) -> bool:
    """Return whether a table or index belongs to the log itself."""
    return name.startswith(LOG_PREFIXES) and not is_search(name)


def is_search(name: str) -> bool:
    """Return whether a table or index is only for search."""
    return any(word in name for word in SEARCH_PARTS)
