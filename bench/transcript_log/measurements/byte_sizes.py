"""Bytes over text, on the wire and on disk: `wire_vs_text`, `stored_vs_text_pg`, `stored_vs_text_sqlite`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice

from bench.transcript_log.figures import Figure
from bench.transcript_log.interleaved_rounds import Spread
from bench.transcript_log.load import writers
from bench.transcript_log.load.sample_turns import TURNS, turns
from bench.transcript_log.load.watchers import entries_of, next_of, watch
from bench.transcript_log.relay import relay
from bench.transcript_log.table_sizes import vacuumed
from bench.transcript_log.testbed.customers import own_connection
from bench.transcript_log.testbed.testbed import Stage

WIRE_TALKS = 10
STORED_TALKS = 200
AT_ONCE = 16
"""Talks that go on side by side, each with a customer of its own who later has another."""
DATABASES = 3
"""Databases filled in PostgreSQL: one long transaction leaves room behind that none leaves in another. SQLite's file is packed."""
LOG = ("entries", "log_", "feed")
"""How the names of the tables begin that grow with what is said."""
SEARCH = ("search", "spoken", "indexed_", "fts")
"""What is in the names of the tables and indexes that only the search needs."""


def text_bytes(talks: int) -> int:
    """UTF-8 bytes of the first talks' words."""
    return sum(len(turn.text.encode()) for seed in range(talks) for turn in islice(turns(seed), TURNS))


async def measure_wire(stage: Stage) -> list[Figure]:
    """What comes back over TCP on a connection that stands, from asking for a talk until caught up with it."""
    ratios, in_messages, count = [], [], stage.effort.few(WIRE_TALKS)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(stage.conversation(await stage.database("pg")))
        fleet = await stack.enter_async_context(writers.writers(stage, server, count))
        counted = await stack.enter_async_context(relay(server.port))
        channel = await stack.enter_async_context(own_connection(counted.address))
        await fleet[0].customer.conversation(channel)  # so that the connection stands
        for seed, writer in enumerate(fleet):
            stage.say("bytes on the wire")
            await writer.write(TURNS, window=1, batch=1)
            text = text_bytes(seed + 1) - text_bytes(seed)
            before, messages = counted.returned, 0
            async with watch(channel, writer.customer.metadata, writer.conversation_id) as stream:
                while not (response := await next_of(stream)).HasField("caught_up"):
                    messages += response.ByteSize() * bool(entries_of(response))
            ratios.append((counted.returned - before) / text)
            in_messages.append(messages / text)
    return [
        Figure("wire_vs_text", Spread.of(ratios), {"uncompressed_vs_text": Spread.of(in_messages).median})
    ]


async def measure_pg(stage: Stage) -> list[Figure]:
    """`stored_vs_text_pg`."""
    return [_figure("stored_vs_text_pg", [await _stored(stage, "pg") for _ in range(DATABASES)])]


async def measure_sqlite(stage: Stage) -> list[Figure]:
    """`stored_vs_text_sqlite`."""
    return [_figure("stored_vs_text_sqlite", [await _stored(stage, "sqlite")])]


@dataclass(frozen=True, slots=True)
class Stored:
    """What the relations of a database grew by, over the bytes of text: after VACUUM, and after a full one."""

    vacuumed: Mapping[str, float]
    packed: Mapping[str, float]
    bytes_a_turn: float

    @property
    def log(self) -> float:
        """What the log itself grew by."""
        return _log(self.vacuumed)


async def _stored(stage: Stage, kind: str) -> Stored:
    """Talks are written turn by turn, as they are spoken.

    PostgreSQL is vacuumed after every few talks, as autovacuum does over the hours that so many talks would take.
    """
    database, talks = await stage.database(kind), stage.effort.few(STORED_TALKS)
    async with stage.conversation(database):
        pass
    empty = await asyncio.to_thread(vacuumed, database)
    async with stage.conversation(database) as server:
        customers = [await stage.customer() for _ in range(AT_ONCE)]
        for first in range(0, talks, AT_ONCE):
            stage.say("bytes on disk")
            together = min(AT_ONCE, talks - first)
            async with writers.writers(
                stage, server, together, customers=customers, first_seed=first
            ) as fleet:
                await asyncio.gather(*(writer.write(TURNS, window=1, batch=1) for writer in fleet))
            if kind == "pg":
                await asyncio.to_thread(vacuumed, database)
    text = text_bytes(talks)
    grown = _over(text, empty, await asyncio.to_thread(vacuumed, database))
    packed = _over(text, empty, await asyncio.to_thread(vacuumed, database, full=True))
    return Stored(grown, packed, text / talks / TURNS)


def _figure(key: str, filled: Sequence[Stored]) -> Figure:
    """The figure, and beside it what the median of the databases consists of."""
    typical = sorted(filled, key=lambda stored: stored.log)[len(filled) // 2]
    beside = {"vacuum_full": _log(typical.packed), "bytes_a_turn_of_text": typical.bytes_a_turn}
    return Figure(key, Spread.of(stored.log for stored in filled), beside | _beside(typical.vacuumed))


def _over(text: int, before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, float]:
    return {name: (size - before.get(name, 0)) / text for name, size in after.items()}


def _log(grown: Mapping[str, float]) -> float:
    return sum(size for name, size in grown.items() if is_log(name))


def is_log(name: str) -> bool:
    """Whether a table or index holds the log itself."""
    return name.startswith(LOG) and not is_search(name)


def is_search(name: str) -> bool:
    """Whether a table or index is only there for the search."""
    return any(word in name for word in SEARCH)


def _beside(grown: Mapping[str, float]) -> dict[str, float]:
    search = sum(size for name, size in grown.items() if is_search(name))
    largest: Sequence[tuple[str, float]] = sorted(grown.items(), key=lambda item: -item[1])[:4]
    return {"search_index": search, "everything": sum(grown.values())} | dict(largest)
