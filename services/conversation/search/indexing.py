"""Keeping the search index: behind the commits, never in them, so that appending costs nothing more for being found later.

What is searchable is what was said: the words of utterances as they were spoken or recognised, those handed in late and those cut short
included. Tool calls, their results and changes of state are not, nor are words that were meant to be said and never were.

How far each log is indexed is stored with the index. Logs that have come to rest are indexed in the background; before a customer's
search, whatever is left of their own. So a search misses nothing that was committed before it, and an index that was lost grows again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from readback.conversation.v1 import entry_pb2

from mesh.clock import Clock
from services.conversation.model.entry_filter import UTTERANCE
from services.conversation.model.records import StoredEntry
from services.conversation.search.words import folded_words
from services.conversation.store import Store
from services.conversation.store.search import Behind, Spoken, search_index

BATCH = 500
"""Entries indexed in one transaction: others wait for it some milliseconds."""
LOGS_AT_ONCE = 50
"""Logs asked for at a time."""
REST = timedelta(seconds=10)
"""How long nothing was added to a log before it is indexed unasked."""
PAUSE_SECONDS = 0.5
"""Pause after a batch that nobody waits for. A thousand entries a second is what four thousand calls say."""
SWEEP_SECONDS = 30.0
"""Pause between looks for logs that rest. Two replicas that look at once index each entry once."""


class Indexing:
    """Brings the search index up to the log."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def run(self) -> None:
        """Indexes what has come to rest, for ever."""
        while True:
            await self.sweep(pause=PAUSE_SECONDS)
            await self._clock.sleep(SWEEP_SECONDS)

    async def sweep(self, *, pause: float = 0) -> None:
        """Indexes what has come to rest; `pause` are the seconds between two batches that are left to others."""
        while logs := await self._behind(None):
            for log in logs:
                await self._index(log, pause)

    async def catch_up(self, customer_id: str) -> None:
        """Indexes everything of a customer's that was committed before."""
        while logs := await self._behind(customer_id):
            for log in logs:
                await self._index(log)

    async def _behind(self, customer_id: str | None) -> Sequence[Behind]:
        async with self._store.reading() as transaction:
            quiet_since = self._clock.now() - REST if customer_id is None else None
            return await search_index(transaction.connection).behind(
                customer_id, limit=LOGS_AT_ONCE, quiet_since=quiet_since
            )

    async def _index(self, log: Behind, pause: float = 0) -> None:
        """Indexes a log up to the end that it had. One that grows faster than that is come back to."""
        reached = 0
        while reached < log.head:
            async with self._store.writing() as transaction:
                index = search_index(transaction.connection)
                through = await index.hold(log.key)
                if through is None:
                    return  # deleted meanwhile
                entries = await transaction.entries_after(log.key, through, limit=BATCH)
                if not entries:
                    return  # somebody else was here
                reached = entries[-1].number
                await index.add(log.key, log.customer_id, spoken_in(entries), through=reached)
            if pause:
                await self._clock.sleep(pause)


def spoken_in(entries: Sequence[StoredEntry]) -> list[Spoken]:
    """What of these entries is searchable, as the index keeps it."""
    said = [
        (entry, folded_words(entry_pb2.Utterance.FromString(entry.content).text))
        for entry in entries
        if entry.kind == UTTERANCE
    ]
    return [Spoken(entry.number, entry.speaker, entry.commit_time, words) for entry, words in said if words]
