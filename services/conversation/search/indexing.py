"""Indexing of entries for search. It happens after the commit, so that it doesn't slow down appends.

The words of utterances are indexed as they were spoken or recognised. This includes late and truncated
utterances. Tool calls, tool results, state changes, and generated text that wasn't spoken are not indexed.

For each log, the index stores the number of the last indexed entry. Idle logs are indexed in the background.
Before each search, all of the customer's logs are indexed to their ends, so a search finds everything that
was committed before. In the same way, a lost index is rebuilt.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from readback.conversation.v1 import entry_pb2

from mesh.clock import Clock
from services.conversation.model.entries import UTTERANCE, LogEntry
from services.conversation.model.times import instant_of
from services.conversation.search.words import folded_words
from services.conversation.slow_work import STEP_BYTES, off_the_loop
from services.conversation.store import Store
from services.conversation.store.search import IndexedUtterance, UnindexedLog, search_index

BATCH = 500
"""Most entries indexed in one transaction. It also has a limit of bytes, because a transaction blocks other
writes."""
LOGS_PER_QUERY = 50
"""Most logs fetched in one query."""
IDLE = timedelta(seconds=10)
"""A log is indexed in the background if it has had no new entry for this long."""
PAUSE_SECONDS = 0.5
"""Pause after each background batch. It limits indexing to 1,000 entries per second: as many as 4,000 calls
produce."""
SWEEP_SECONDS = 30.0
"""Pause between two background sweeps. Two replicas may sweep at once; each entry is indexed only once."""


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
        """Index all idle logs, with a pause of `pause` seconds after each batch."""
        while logs := await self._behind(None):
            for log in logs:
                await self._index(log, pause)

    async def catch_up(self, customer_id: str) -> None:
        """Index all committed entries of a customer."""
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
        """Index a log up to `log.head`."""
        while await self._index_some(log):
            if pause:
                await self._clock.sleep(pause)

    async def _index_some(self, log: UnindexedLog) -> bool:
        """Index the next entries of a log. Return False if there are none up to `log.head`."""
        async with self._store.turns.step(log.customer_id):
            return await self._step(log)

    async def _step(self, log: UnindexedLog) -> bool:
        async with self._store.reading() as transaction:
            through = await search_index(transaction.connection).through(log.key)
            if through >= log.head:
                return False
            entries = await transaction.entries_after(log.key, through, limit=BATCH, most_bytes=STEP_BYTES)
        if not entries:
            return False  # the conversation was deleted
        utterances = await off_the_loop(spoken_in, entries)
        async with self._store.writing() as transaction:
            index = search_index(transaction.connection)
            locked = await index.lock(log.key)
            if (
                locked == through
            ):  # otherwise another replica has indexed them, or the conversation was deleted
                await index.add(log.key, log.customer_id, utterances, through=entries[-1].number)
        return locked is not None


def spoken_in(entries: Sequence[LogEntry]) -> list[IndexedUtterance]:
    """Return the utterances among these entries, with their words as the index stores them."""
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
