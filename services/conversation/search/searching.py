"""Looking for something that was said, in all of a customer's conversations or in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from readback.conversation.v1 import entry_pb2

from services.conversation.model.records import StoredEntry
from services.conversation.result_pages import fitting
from services.conversation.search.indexing import Indexing
from services.conversation.search.snippets import Part, snippet
from services.conversation.search.words import folded_words
from services.conversation.store import Store, Transaction
from services.conversation.store.search import Hit, Place, SearchIndex, Wanted, search_index

NEIGHBOURS = 12
"""Entries read at a time: about a page's."""


@dataclass(frozen=True, slots=True)
class Found:
    """An entry in whose words something was found."""

    entry: StoredEntry
    conversation_id: str
    title: str
    snippet: Sequence[Part]
    place: Place
    """Where it stands among the results, to go on from."""


class Searching:
    """Searches what was said."""

    def __init__(self, store: Store, indexing: Indexing) -> None:
        self._store, self._indexing = store, indexing

    async def search(self, wanted: Wanted, *, after: Place | None, limit: int) -> list[Found]:
        """Entries with all of the words, the newest first, from a place on. A query without words finds nothing.

        Args:
            limit: how many at most; fewer where one more would be more than goes into one answer.
        """
        if not wanted.words:
            return []
        if after is None:
            await self._indexing.catch_up(wanted.customer_id)
        async with self._store.reading() as transaction:
            index = search_index(transaction.connection)
            hits = await index.find(wanted, after=after, limit=limit)
            entries = await _entries(transaction, hits)
            read = [
                (hit, entry)
                for hit in hits
                if (entry := entries.get((hit.conversation_key, hit.number))) is not None
            ]
            # One more than fits, so that it is known whether there is more; a snippet takes going through the whole text.
            shown = read[: fitting((len(entry.content) for _, entry in read), limit) + 1]
            return await _with_snippets(index, shown, wanted.words)


async def _entries(transaction: Transaction, hits: Sequence[Hit]) -> dict[tuple[int, int], StoredEntry]:
    """The entries that were hit, by key and number. Neighbours come with them, a page at a time, and may have been hit too."""
    found: dict[tuple[int, int], StoredEntry] = {}
    sought = {(hit.conversation_key, hit.number) for hit in hits}
    for key, number in sorted(sought):
        if (key, number) not in found:
            entries = await transaction.entries_after(key, number - 1, limit=NEIGHBOURS)
            found |= {(key, entry.number): entry for entry in entries if (key, entry.number) in sought}
    return found


async def _with_snippets(
    index: SearchIndex, read: Sequence[tuple[Hit, StoredEntry]], words: Sequence[str]
) -> list[Found]:
    texts = [entry_pb2.Utterance.FromString(entry.content).text for _, entry in read]
    meant = await index.meant({word for text in texts for word in folded_words(text)}, words)
    return [
        Found(entry, hit.conversation_id, hit.title, snippet(text, meant), hit.place)
        for (hit, entry), text in zip(read, texts, strict=True)
    ]
