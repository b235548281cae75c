"""Search on both databases: the same words find the same entries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readback.conversation.v1 import entry_pb2
from sqlalchemy import delete

from mesh.database.migrations import migrated
from services.conversation.assembly import MIGRATIONS
from services.conversation.log.writer_fence import Writer
from services.conversation.model.records import Call
from services.conversation.result_pages import PAGE_BYTES
from services.conversation.search.entry_search import EntrySearch, SearchResult
from services.conversation.search.indexing import IDLE, Indexing
from services.conversation.search.words import folded_words
from services.conversation.store import Store
from services.conversation.store.schema import conversations
from services.conversation.store.search import SearchQuery, search_index
from tests.unit.conversation.core import Core

pytestmark = pytest.mark.integration

CUSTOMER, AGENT = entry_pb2.SPEAKER_CUSTOMER, entry_pb2.SPEAKER_AGENT


class SearchCore(Core):
    """The core with search."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.indexing = Indexing(store, self.clock)
        self.search = EntrySearch(store, self.indexing)

    async def call_with(
        self, *texts: str, speaker: entry_pb2.Speaker.ValueType = CUSTOMER
    ) -> tuple[Call, Writer]:
        """Start a call with these utterances, one second apart."""
        call, writer = await self.held_call()
        await self.say(writer, *texts, speaker=speaker)
        return call, writer

    async def say(self, writer: Writer, *texts: str, speaker: entry_pb2.Speaker.ValueType = CUSTOMER) -> None:
        for text in texts:
            self.clock.advance(1)
            await self.append(writer, [self.said(text, speaker=speaker)])

    async def find(self, query: str, **rules: Any) -> list[SearchResult]:
        wanted = replace(SearchQuery(self.customer_id, folded_words(query)), **rules)
        return await self.search.search(wanted, after=None, limit=100)

    async def texts(self, query: str, **rules: Any) -> list[str]:
        return [result.message.entry.utterance.text for result in await self.find(query, **rules)]


@pytest.fixture(params=["sqlite", "postgresql"])
async def library(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SearchCore]:
    """Core on an empty database of each kind."""
    on_postgresql = request.param == "postgresql"
    url = (
        request.getfixturevalue("postgres").new_database()
        if on_postgresql
        else f"sqlite+aiosqlite:///{tmp_path / 'log.sqlite3'}"
    )
    engine = await migrated(url, MIGRATIONS)
    try:
        yield SearchCore(Store(engine))
    finally:
        await engine.dispose()


async def test_all_words_must_occur_in_any_order_case_and_ending(library: SearchCore) -> None:
    await library.call_with("Show flights to Delhi", "Flying to Delhi tomorrow", "A flight to Mumbai")
    assert await library.texts("DELHI flight") == ["Show flights to Delhi"]
    assert await library.texts("flight") == ["A flight to Mumbai", "Show flights to Delhi"]
    assert await library.texts("delhi to") == ["Flying to Delhi tomorrow", "Show flights to Delhi"]
    assert await library.texts("hotel") == []


async def test_only_one_result_more_than_fits_on_a_page_is_processed(library: SearchCore) -> None:
    said = [f"flight {number} " + "🛫" * 19_900 for number in range(20)]
    await library.call_with(*said)
    found = await library.texts("flight")
    assert found == said[::-1][: len(found)]
    sizes = [len(text.encode()) for text in found]
    assert sum(sizes[:-1]) <= PAGE_BYTES < sum(sizes)
    assert len(await library.find("19")) == 1


async def test_stop_words_count(library: SearchCore) -> None:
    await library.call_with("to Delhi", "from Delhi")
    assert await library.texts("to delhi") == ["to Delhi"]
    assert await library.texts("from") == ["from Delhi"]


async def test_accents_numbers_and_other_scripts_are_found(library: SearchCore) -> None:
    await library.call_with("Von Zürich nach Köln", "AI 542 at 6:05", "दिल्ली की उड़ान", "東京へ")
    assert await library.texts("zurich KÖLN") == ["Von Zürich nach Köln"]
    assert await library.texts("542 ai") == ["AI 542 at 6:05"]
    assert await library.texts("दिल्ली") == ["दिल्ली की उड़ान"]
    assert await library.texts("東京へ") == ["東京へ"]


@pytest.mark.parametrize(
    "query",
    [
        "'",
        '"',
        "*",
        "flight*",
        '"flight to',
        "NOT flight",
        "flight AND",
        "a NEAR b",
        "col:flight",
        "flight & !x",
        "(",
        "%",
        "\\",
        "\0",
        "^flight",
    ],
)
async def test_query_operators_have_no_effect(library: SearchCore, query: str) -> None:
    await library.call_with("A flight to Mumbai")
    assert set(await library.texts(query)) <= {"A flight to Mumbai"}


async def test_every_query_is_answered(library: SearchCore) -> None:
    await library.call_with("A flight to Mumbai")

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.text(max_size=60))
    def every_query_means_its_words(query: str) -> None:
        queries.append(query)

    queries: list[str] = []
    every_query_means_its_words()
    for query in queries:
        assert len(await library.find(query)) <= 1


async def test_words_with_a_nul_are_stored_and_found(library: SearchCore) -> None:
    call, writer = await library.call_with("book\0 a flight", "from Chen\0nai")
    async with library.store.reading() as transaction:
        conversation = await transaction.conversation(call.conversation_id)
    assert conversation is not None
    assert conversation.title == "Book a flight"
    assert await library.texts("flight") == ["book\0 a flight"]
    assert await library.texts("nai") == ["from Chen\0nai"]
    await library.say(writer, "to Delhi")
    assert await library.texts("delhi") == ["to Delhi"]


async def test_every_text_is_stored(library: SearchCore) -> None:
    """Each text is the first of its conversation, so it becomes the title, and all are indexed."""

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.text(st.just("\0") | st.characters(exclude_categories=["Cs"]), max_size=60))
    def every_text_is_said(text: str) -> None:
        said.append(text)

    said: list[str] = []
    every_text_is_said()
    for text in said:
        call, _ = await library.call_with(text)
        assert await library.utterances(call.conversation_id) == [(text, "FINAL")]
    await library.indexing.catch_up(library.customer_id)


async def test_a_query_without_words_finds_nothing(library: SearchCore) -> None:
    await library.call_with("…")
    assert await library.texts("…") == []


async def test_newest_comes_first_and_pages_have_no_gap_or_duplicate(library: SearchCore) -> None:
    _, first = await library.call_with(*(f"Delhi {number}" for number in range(7)))
    _, second = await library.call_with(*(f"Delhi {number}" for number in range(7, 14)))
    await library.say(first, "Delhi again")
    library.clock.advance(1)
    await library.append(second, [library.said(f"Delhi at once {number}") for number in range(4)])
    everything = await library.find("delhi")
    assert [found.place for found in everything] == sorted(
        (found.place for found in everything), reverse=True
    )
    assert len(everything) == 19
    paged: list[SearchResult] = []
    while page := await library.search.search(
        SearchQuery(library.customer_id, ["delhi"]), after=paged[-1].place if paged else None, limit=3
    ):
        paged += page
    assert paged == everything


async def test_search_is_limited_by_speaker_time_and_conversation(library: SearchCore) -> None:
    call, writer = await library.call_with("Delhi one")
    await library.say(writer, "Delhi two", speaker=AGENT)
    between = library.clock.now()
    await library.call_with("Delhi three")
    assert await library.texts("delhi", speakers=[AGENT]) == ["Delhi two"]
    assert await library.texts("delhi", conversation_id=call.conversation_id) == ["Delhi two", "Delhi one"]
    assert await library.texts("delhi", since=between) == ["Delhi three", "Delhi two"]
    assert await library.texts("delhi", before=between) == ["Delhi one"]


async def test_only_the_customers_own_words_are_found(library: SearchCore) -> None:
    await library.call_with("a secret meeting in Delhi")
    hers, library.customer_id = library.customer_id, str(uuid4())
    assert await library.texts("delhi") == []
    await library.call_with("nothing about that city, Delhi")
    assert await library.texts("delhi") == ["nothing about that city, Delhi"]
    assert await library.texts(f"o{hers.replace('-', '')}0") == []


async def test_late_and_truncated_words_are_found_and_unspoken_ones_are_not(library: SearchCore) -> None:
    call, writer = await library.held_call()
    await library.append(
        writer, [library.saying("cut in the middle of Mumb", 1, entry_id=library.said("").entry_id)]
    )
    await library.end(call)
    late = library.said("late to Mumbai")
    await library.log.append_all(writer, [late])
    assert await library.texts("mumbai") == ["late to Mumbai"]
    assert await library.texts("middle") == ["cut in the middle of Mumb"]
    assert await library.texts("caller hung up") == []


async def test_matched_words_are_marked(library: SearchCore) -> None:
    await library.call_with("Booking two flights, one flight back")
    (found,) = await library.find("flights book")
    assert [(part.text, part.matched) for part in found.message.snippet] == [
        ("Booking", True),
        (" two ", False),
        ("flights", True),
        (", one ", False),
        ("flight", True),
        (" back", False),
    ]


async def test_entries_are_found_directly_after_their_commit(library: SearchCore) -> None:
    _, writer = await library.call_with("first")
    for number in range(5):
        await library.say(writer, f"number{number}")
        assert await library.texts(f"number{number}") == [f"number{number}"]


async def test_a_log_longer_than_a_batch_is_indexed_whole(
    library: SearchCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.conversation.search.indexing.BATCH", 7)
    await library.call_with(*(f"Delhi {number}" for number in range(30)))
    assert len(await library.find("delhi")) == 30


async def test_idle_logs_are_indexed_in_the_background_and_growing_ones_are_not(
    library: SearchCore,
) -> None:
    async def behind() -> int:
        async with library.store.reading() as transaction:
            return len(await search_index(transaction.connection).unindexed(None, limit=10))

    await library.call_with("Delhi")
    await library.indexing.sweep()
    assert await behind() == 1
    library.clock.advance(IDLE.total_seconds() + 1)
    await library.indexing.sweep()
    assert await behind() == 0
    assert await library.texts("delhi") == ["Delhi"]


async def test_background_indexing_pauses_between_batches(
    library: SearchCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.conversation.search.indexing.BATCH", 10)
    await library.call_with(*(f"Delhi {number}" for number in range(25)))
    library.clock.advance(IDLE.total_seconds() + 1)
    pauses: list[float] = []

    async def noted(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(library.clock, "sleep", noted)
    await library.indexing.sweep(pause=0.5)
    assert pauses == [0.5] * 3


async def test_concurrent_searches_index_each_entry_once(
    library: SearchCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.conversation.search.indexing.BATCH", 3)
    _, writer = await library.call_with("Delhi 0")

    async def goes_on() -> None:
        for number in range(1, 30):
            await library.say(writer, f"Delhi {number}")

    async def looks() -> None:
        for _ in range(5):
            found = await library.texts("delhi")
            assert len(found) == len(set(found))

    await asyncio.gather(goes_on(), *(looks() for _ in range(6)))
    assert sorted(await library.texts("delhi")) == sorted(f"Delhi {number}" for number in range(30))


async def test_a_log_that_is_deleted_before_indexing_is_skipped(library: SearchCore) -> None:
    await library.call_with("Delhi")
    async with library.store.reading() as transaction:
        behind = await search_index(transaction.connection).unindexed(None, limit=10)
    async with library.store.writing() as transaction:
        await transaction.connection.execute(delete(conversations))
    for log in behind:
        async with library.store.writing() as transaction:
            assert await search_index(transaction.connection).lock(log.key) is None
    await library.indexing.catch_up(library.customer_id)
