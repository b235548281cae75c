"""Search for words in a customer's conversations. A page token contains the place of the last result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from services.conversation.model.entries import UTTERANCE, EntryFilter, LogEntry, entry_message
from services.conversation.model.times import instant, instant_of, micros_of
from services.conversation.result_pages import PAGE_BYTES
from services.conversation.search.indexing import Indexing
from services.conversation.search.snippets import snippet
from services.conversation.search.words import distinct_words, folded_words
from services.conversation.slow_work import off_the_loop
from services.conversation.store import Store, Transaction
from services.conversation.store.search import Hit, Place, SearchIndex, SearchQuery, search_index

NEIGHBOURS = 12
"""Number of entries read in one query: about one chunk of the log. The earlier ones are often hits too."""


class SearchResult(NamedTuple):
    """One search result."""

    message: pb.FoundEntry
    place: Place
    """Place in the order of results. The next page starts after the place of the last result on this page."""


class EntrySearch:
    """Search for words in utterances."""

    def __init__(self, store: Store, indexing: Indexing) -> None:
        self._store, self._indexing = store, indexing

    async def search(self, query: SearchQuery, *, after: Place | None, limit: int) -> list[SearchResult]:
        """Return the entries that contain all of the words, newest first. Without words, return none.

        Args:
            after: place of the last result on the previous page; None for the first page.
            limit: largest number of results. One more than the page size shows whether a next page exists.
        """
        if not query.words:
            return []
        if after is None:
            await self._indexing.catch_up(query.customer_id)
        async with self._store.turns.step(query.customer_id), self._store.reading() as transaction:
            index = search_index(transaction.connection)
            hits = await index.find(query, after=after, limit=limit)
            return await _with_snippets(index, await _first_read(transaction, hits), query.words)


async def _first_read(transaction: Transaction, hits: Sequence[Hit]) -> list[tuple[Hit, LogEntry]]:
    """Return the first hits with their entries: one more than fits on a page, if there are so many.

    The one more shows that there is a next page.
    """
    sought = {(hit.conversation_key, hit.number) for hit in hits}
    entries: dict[tuple[int, int], LogEntry] = {}
    read: list[tuple[Hit, LogEntry]] = []
    size = 0
    for hit in hits:
        key, number = place = hit.conversation_key, hit.number
        if place not in entries:
            near = await transaction.entries_after(key, max(0, number - NEIGHBOURS), limit=NEIGHBOURS)
            entries |= {(key, entry.number): entry for entry in near if (key, entry.number) in sought}
        if (entry := entries.get(place)) is not None:
            read.append((hit, entry))
            size += len(entry.content)
            if size > PAGE_BYTES and len(read) > 1:
                break
    return read


async def _with_snippets(
    index: SearchIndex, read: Sequence[tuple[Hit, LogEntry]], words: Sequence[str]
) -> list[SearchResult]:
    texts = [entry_pb2.Utterance.FromString(entry.content).text for _, entry in read]
    said = set[str]()
    for text in texts:
        said.update(await off_the_loop(distinct_words, text))
    matching = await index.with_stems_of(said, words)
    return [
        SearchResult(
            pb.FoundEntry(
                entry=entry_message(hit.conversation_id, entry),
                conversation_title=hit.title,
                snippet=await off_the_loop(snippet, text, matching),
            ),
            hit.place,
        )
        for (hit, entry), text in zip(read, texts, strict=True)
    ]


def query_of(customer_id: str, request: pb.SearchEntriesRequest) -> SearchQuery:
    """Return the query of a customer's request."""
    rule = EntryFilter.of(request.filter)
    has_words = not rule.kinds or UTTERANCE in rule.kinds  # only utterances have words
    return SearchQuery(
        customer_id=customer_id,
        words=folded_words(request.query) if has_words else (),
        conversation_id=request.conversation_id.lower(),
        since=instant(request.start_commit_time) if request.HasField("start_commit_time") else None,
        before=instant(request.end_commit_time) if request.HasField("end_commit_time") else None,
        speakers=rule.speakers,
    )


def page_scope(customer_id: str, request: pb.SearchEntriesRequest) -> str:
    """Return the scope of a page token: everything that must be the same in the request for the next page."""
    rules = pb.SearchEntriesRequest()
    rules.CopyFrom(request)
    rules.ClearField("page_size")
    rules.ClearField("page_token")
    return f"search of {customer_id}, {rules.SerializeToString(deterministic=True).hex()}"


def format_place(place: Place) -> str:
    """Return a place as text for a page token."""
    time, key, number = place
    return f"{micros_of(time)} {key} {number}"


def parse_place(text: str) -> Place:
    """Parse the result of `format_place`."""
    time, key, number = map(int, text.split())
    return instant_of(time), key, number
