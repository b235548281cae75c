"""Looking for what was said, on both databases: the same words find the same entries."""

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
from services.conversation.search.entry_search import EntrySearch, Found
from services.conversation.search.indexing import IDLE, Indexing
from services.conversation.search.words import folded_words
from services.conversation.store import Store
from services.conversation.store.schema import conversations
from services.conversation.store.search import Wanted, search_index
from tests.unit.conversation.core import Core

pytestmark = pytest.mark.integration

CUSTOMER, AGENT = entry_pb2.SPEAKER_CUSTOMER, entry_pb2.SPEAKER_AGENT


class Library(Core):
    """The core with its search."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.indexing = Indexing(store, self.clock)
        self.searching = EntrySearch(store, self.indexing)

    async def told(self, *texts: str, speaker: entry_pb2.Speaker.ValueType = CUSTOMER) -> tuple[Call, Writer]:
        """A call of its own in which these were said, a second apart."""
        call, writer = await self.held_call()
        await self.say(writer, *texts, speaker=speaker)
        return call, writer

    async def say(self, writer: Writer, *texts: str, speaker: entry_pb2.Speaker.ValueType = CUSTOMER) -> None:
        for text in texts:
            self.clock.advance(1)
            await self.log.append(writer, [self.said(text, speaker=speaker)])

    async def find(self, query: str, **rules: Any) -> list[Found]:
        wanted = replace(Wanted(self.customer_id, folded_words(query)), **rules)
        return await self.searching.search(wanted, after=None, limit=100)

    async def texts(self, query: str, **rules: Any) -> list[str]:
        return [
            entry_pb2.Utterance.FromString(found.entry.content).text
            for found in await self.find(query, **rules)
        ]


@pytest.fixture(params=["sqlite", "postgresql"])
async def library(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Library]:
    """Conversations in an empty database of either kind."""
    on_postgresql = request.param == "postgresql"
    url = (
        request.getfixturevalue("postgres").new_database()
        if on_postgresql
        else f"sqlite+aiosqlite:///{tmp_path / 'log.sqlite3'}"
    )
    engine = await migrated(url, MIGRATIONS)
    try:
        yield Library(Store(engine))
    finally:
        await engine.dispose()


async def test_all_words_must_occur_in_any_order_case_and_ending(library: Library) -> None:
    await library.told("Show flights to Delhi", "Flying to Delhi tomorrow", "A flight to Mumbai")
    assert await library.texts("DELHI flight") == ["Show flights to Delhi"]
    assert await library.texts("flight") == ["A flight to Mumbai", "Show flights to Delhi"]
    assert await library.texts("delhi to") == ["Flying to Delhi tomorrow", "Show flights to Delhi"]
    assert await library.texts("hotel") == []


async def test_no_more_is_gone_through_than_goes_into_one_answer_and_one(library: Library) -> None:
    said = [f"flight {number} " + "🛫" * 19_900 for number in range(20)]
    await library.told(*said)
    found = await library.texts("flight")
    assert found == said[::-1][: len(found)]
    sizes = [len(text.encode()) for text in found]
    assert sum(sizes[:-1]) <= PAGE_BYTES < sum(sizes)
    assert len(await library.find("19")) == 1


async def test_little_words_count_too(library: Library) -> None:
    await library.told("to Delhi", "from Delhi")
    assert await library.texts("to delhi") == ["to Delhi"]
    assert await library.texts("from") == ["from Delhi"]


async def test_accents_numbers_and_other_scripts_are_found(library: Library) -> None:
    await library.told("Von Zürich nach Köln", "AI 542 at 6:05", "दिल्ली की उड़ान", "東京へ")
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
async def test_no_operator_of_a_query_language_does_anything(library: Library, query: str) -> None:
    await library.told("A flight to Mumbai")
    assert set(await library.texts(query)) <= {"A flight to Mumbai"}


async def test_whatever_is_looked_for_is_answered(library: Library) -> None:
    await library.told("A flight to Mumbai")

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.text(max_size=60))
    def every_query_means_its_words(query: str) -> None:
        queries.append(query)

    queries: list[str] = []
    every_query_means_its_words()
    for query in queries:
        assert len(await library.find(query)) <= 1


async def test_words_with_a_nul_are_stored_titled_and_found_like_any_others(library: Library) -> None:
    call, writer = await library.told("book\0 a flight", "from Chen\0nai")
    async with library.store.reading() as transaction:
        conversation = await transaction.conversation(call.conversation_id)
    assert conversation is not None
    assert conversation.title == "Book a flight"
    assert await library.texts("flight") == ["book\0 a flight"]
    assert await library.texts("nai") == ["from Chen\0nai"]
    await library.say(writer, "to Delhi")
    assert await library.texts("delhi") == ["to Delhi"]


async def test_whatever_is_said_is_stored(library: Library) -> None:
    """Each text is the first of its conversation, from which the title is made, and all of them are indexed."""

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.text(st.just("\0") | st.characters(exclude_categories=["Cs"]), max_size=60))
    def every_text_is_said(text: str) -> None:
        said.append(text)

    said: list[str] = []
    every_text_is_said()
    for text in said:
        call, _ = await library.told(text)
        assert await library.utterances(call.conversation_id) == [(text, "FINAL")]
    await library.indexing.catch_up(library.customer_id)


async def test_a_query_without_words_finds_nothing(library: Library) -> None:
    await library.told("…")
    assert await library.texts("…") == []


async def test_the_newest_comes_first_and_pages_join_without_gap_or_double(library: Library) -> None:
    _, first = await library.told(*(f"Delhi {number}" for number in range(7)))
    _, second = await library.told(*(f"Delhi {number}" for number in range(7, 14)))
    await library.say(first, "Delhi again")
    library.clock.advance(1)
    await library.log.append(second, [library.said(f"Delhi at once {number}") for number in range(4)])
    everything = await library.find("delhi")
    assert [found.place for found in everything] == sorted(
        (found.place for found in everything), reverse=True
    )
    assert len(everything) == 19
    paged: list[Found] = []
    while page := await library.searching.search(
        Wanted(library.customer_id, ["delhi"]), after=paged[-1].place if paged else None, limit=3
    ):
        paged += page
    assert paged == everything


async def test_speaker_time_and_conversation_narrow_it(library: Library) -> None:
    call, writer = await library.told("Delhi one")
    await library.say(writer, "Delhi two", speaker=AGENT)
    between = library.clock.now()
    await library.told("Delhi three")
    assert await library.texts("delhi", speaker=AGENT) == ["Delhi two"]
    assert await library.texts("delhi", conversation_id=call.conversation_id) == ["Delhi two", "Delhi one"]
    assert await library.texts("delhi", since=between) == ["Delhi three", "Delhi two"]
    assert await library.texts("delhi", before=between) == ["Delhi one"]


async def test_only_ones_own_words_are_found(library: Library) -> None:
    await library.told("a secret meeting in Delhi")
    hers, library.customer_id = library.customer_id, str(uuid4())
    assert await library.texts("delhi") == []
    await library.told("nothing about that city, Delhi")
    assert await library.texts("delhi") == ["nothing about that city, Delhi"]
    assert await library.texts(f"o{hers.replace('-', '')}0") == []


async def test_what_was_said_late_or_cut_short_is_found_and_what_nobody_said_is_not(library: Library) -> None:
    call, writer = await library.held_call()
    await library.log.append(
        writer, [library.saying("cut in the middle of Mumb", 1, entry_id=library.said("").entry_id)]
    )
    await library.end(call)
    late = library.said("late to Mumbai")
    await library.log.append_all(writer, [late])
    assert await library.texts("mumbai") == ["late to Mumbai"]
    assert await library.texts("middle") == ["cut in the middle of Mumb"]
    assert await library.texts("caller hung up") == []


async def test_the_words_that_were_meant_are_marked(library: Library) -> None:
    await library.told("Booking two flights, one flight back")
    (found,) = await library.find("flights book")
    assert [(part.text, part.matched) for part in found.snippet] == [
        ("Booking", True),
        (" two ", False),
        ("flights", True),
        (", one ", False),
        ("flight", True),
        (" back", False),
    ]


async def test_what_was_just_committed_is_found(library: Library) -> None:
    _, writer = await library.told("first")
    for number in range(5):
        await library.say(writer, f"number{number}")
        assert await library.texts(f"number{number}") == [f"number{number}"]


async def test_a_log_longer_than_a_batch_is_indexed_whole(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.conversation.search.indexing.BATCH", 7)
    await library.told(*(f"Delhi {number}" for number in range(30)))
    assert len(await library.find("delhi")) == 30


async def test_logs_that_rest_are_indexed_unasked_and_those_that_grow_are_left_alone(
    library: Library,
) -> None:
    async def behind() -> int:
        async with library.store.reading() as transaction:
            return len(await search_index(transaction.connection).behind(None, limit=10))

    await library.told("Delhi")
    await library.indexing.sweep()
    assert await behind() == 1
    library.clock.advance(IDLE.total_seconds() + 1)
    await library.indexing.sweep()
    assert await behind() == 0
    assert await library.texts("delhi") == ["Delhi"]


async def test_indexing_unasked_leaves_others_time_between_its_batches(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.conversation.search.indexing.BATCH", 10)
    await library.told(*(f"Delhi {number}" for number in range(25)))
    library.clock.advance(IDLE.total_seconds() + 1)
    pauses: list[float] = []

    async def noted(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(library.clock, "sleep", noted)
    await library.indexing.sweep(pause=0.5)
    assert pauses == [0.5] * 3


async def test_searches_at_once_while_more_is_said_index_each_entry_once(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.conversation.search.indexing.BATCH", 3)
    _, writer = await library.told("Delhi 0")

    async def goes_on() -> None:
        for number in range(1, 30):
            await library.say(writer, f"Delhi {number}")

    async def looks() -> None:
        for _ in range(5):
            found = await library.texts("delhi")
            assert len(found) == len(set(found))

    await asyncio.gather(goes_on(), *(looks() for _ in range(6)))
    assert sorted(await library.texts("delhi")) == sorted(f"Delhi {number}" for number in range(30))


async def test_a_log_deleted_while_it_is_to_be_indexed_is_passed_over(library: Library) -> None:
    await library.told("Delhi")
    async with library.store.reading() as transaction:
        behind = await search_index(transaction.connection).behind(None, limit=10)
    async with library.store.writing() as transaction:
        await transaction.connection.execute(delete(conversations))
    for log in behind:
        async with library.store.writing() as transaction:
            assert await search_index(transaction.connection).hold(log.key) is None
    await library.indexing.catch_up(library.customer_id)
