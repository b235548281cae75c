"""Indexing of entries for search, after their commit, so that it costs an append nothing.

Searchable are the words of utterances as spoken or recognised, including late and truncated ones. Tool calls,
their results, state changes and generated text that was not spoken are not searchable.

The index stores how far each log is indexed. Idle logs are indexed in the background, and the rest of a
customer's logs before each of the customer's searches. So a search finds everything that was committed before
it, and a lost index is rebuilt.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from readback.conversation.v1 import entry_pb2

from mesh.clock import Clock
from services.conversation.model.entries import UTTERANCE, LogEntry
from services.conversation.model.times import instant_of
from services.conversation.search.words import folded_words
from services.conversation.store import Store
from services.conversation.store.search import IndexedUtterance, UnindexedLog, search_index

BATCH = 500
"""Entries indexed in one transaction, which blocks other writes for some milliseconds."""
LOGS_PER_QUERY = 50
"""Logs fetched in one query."""
IDLE = timedelta(seconds=10)
"""Time without a new entry after which a log is indexed in the background."""
PAUSE_SECONDS = 0.5
"""Pause after a background batch. It allows a thousand entries per second, which is what four thousand calls
produce."""
SWEEP_SECONDS = 30.0
"""Pause between background sweeps. Two replicas that sweep at the same time index each entry once."""


class Indexing:
    """Updates of the search index."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def run(self) -> None:
        """Index idle logs periodically, until cancelled."""
        while True:
            await self.sweep(pause=PAUSE_SECONDS)
            await self._clock.sleep(SWEEP_SECONDS)

    async def sweep(self, *, pause: float = 0) -> None:
        """Index all idle logs, with `pause` seconds between two batches."""
        while logs := await self._behind(None):
            for log in logs:
                await self._index(log, pause)

    async def catch_up(self, customer_id: str) -> None:
        """Index everything of a customer that is committed."""
        while logs := await self._behind(customer_id):
            for log in logs:
                await self._index(log)

    async def _behind(self, customer_id: str | None) -> Sequence[UnindexedLog]:
        async with self._store.reading() as transaction:
            quiet_since = self._clock.now() - IDLE if customer_id is None else None
            return await search_index(transaction.connection).unindexed(
                customer_id, limit=LOGS_PER_QUERY, quiet_since=quiet_since
            )

    async def _index(self, log: UnindexedLog, pause: float = 0) -> None:
        """Index a log up to the end that it had when it was fetched."""
        reached = 0
        while reached < log.head:
            async with self._store.writing() as transaction:
                index = search_index(transaction.connection)
                through = await index.lock(log.key)
                if through is None:
                    return  # deleted meanwhile
                entries = await transaction.entries_after(log.key, through, limit=BATCH)
                if not entries:
                    return  # another replica was faster
                reached = entries[-1].number
                await index.add(log.key, log.customer_id, spoken_in(entries), through=reached)
            if pause:
                await self._clock.sleep(pause)


def spoken_in(entries: Sequence[LogEntry]) -> list[IndexedUtterance]:
    """Return the searchable words of these entries, as the index stores them."""
    utterances = [
        (entry, folded_words(entry_pb2.Utterance.FromString(entry.content).text))
        for entry in entries
        if entry.kind == UTTERANCE
    ]
    return [
        IndexedUtterance(entry.number, entry.speaker, instant_of(entry.commit_micros), words)
        for entry, words in utterances
        if words
    ]
