"""Pages give back what was put on them, in rows of bounded size; feeds number everything once, in as few runs as can be."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.ids import uuid_text
from services.conversation.log.feeds import GrowingFeed
from services.conversation.model.chunks import (
    ITEM_BYTES,
    PAGE_BYTES,
    GrowingPages,
    Packing,
    PageRow,
    entries_of,
)
from services.conversation.model.drafts import NewEntry
from services.conversation.model.records import FeedEnd, FeedRun, RunKind, StoredEntry

pytestmark = pytest.mark.unit

NOW = 1_790_000_000_000_000
MOMENTS = st.integers(-(10**9), 10**9)
ENTRIES = st.builds(
    NewEntry,
    entry_id=st.binary(min_size=16, max_size=16),
    kind=st.sampled_from([9, 10, 11, 12]),
    speaker=st.integers(0, 2),
    start=MOMENTS.map(lambda moment: NOW + moment),
    end=st.just(0),
    content=st.one_of(st.binary(max_size=200), st.binary(min_size=3000, max_size=5000)),
)
CALLS = st.sampled_from([None, 1, 1, 1, 2])


def put(entries: list[tuple[NewEntry, int | None, bool]], commits: list[int]) -> dict[int, PageRow]:
    """The rows that a log has after entries were added in so many commits, each beginning where the one before left off."""
    rows: dict[int, PageRow] = {}
    open_page: PageRow | None = None
    number, time, waiting = 0, NOW, list(entries)
    for size in [*commits, len(entries)]:
        pages = GrowingPages(7, open_page)
        for entry, call_key, late in waiting[:size]:
            number, time = number + 1, time + 1000
            pages.add(number, entry, time, call_key, late=late)
        waiting = waiting[size:]
        rows |= {row.first_number: row for row in pages.written()}
        open_page = pages.open_page
    return rows


@settings(deadline=None)
@given(
    st.lists(st.tuples(ENTRIES, CALLS, st.booleans()), max_size=60), st.lists(st.integers(1, 9), max_size=12)
)
def test_every_entry_comes_back_from_its_page_however_many_commits_it_took(
    entries: list[tuple[NewEntry, int | None, bool]], commits: list[int]
) -> None:
    for entry, _, _ in entries:
        entry.end = entry.start + 12_345
    rows = put(entries, commits)
    found: list[StoredEntry] = []
    for first_number, row in sorted(rows.items()):
        assert first_number == len(found) + 1
        found += entries_of(row, None if row.call_key is None else f"call {row.call_key}")
    assert [entry.number for entry in found] == list(range(1, len(entries) + 1))
    for stored, (entry, call_key, late), time in zip(
        found, entries, range(NOW + 1000, NOW + 1000 * (len(entries) + 1), 1000), strict=True
    ):
        assert stored.entry_id == uuid_text(entry.entry_id)
        assert stored.call_id == (None if call_key is None else f"call {call_key}")
        assert (stored.kind, stored.speaker, stored.late, stored.content) == (
            entry.kind,
            entry.speaker,
            late,
            entry.content,
        )
        assert (stored.start_micros, stored.end_micros, stored.commit_micros) == (
            entry.start,
            entry.end,
            time,
        )


@settings(deadline=None)
@given(st.lists(st.tuples(ENTRIES, CALLS, st.booleans()), min_size=1, max_size=60))
def test_page_holds_one_call_and_no_more_than_it_may_but_for_an_entry_that_is_larger(
    entries: list[tuple[NewEntry, int | None, bool]],
) -> None:
    rows = sorted(put(entries, []).items())
    for index, (first_number, row) in enumerate(rows):
        end = rows[index + 1][0] if index + 1 < len(rows) else len(entries) + 1
        held = entries[first_number - 1 : end - 1]
        assert {call_key for _, call_key, _ in held} == {row.call_key}
        content = row.unpacked()
        assert len(held) == 1 or len(content) <= PAGE_BYTES
        assert len(content) <= sum(len(entry.content) + ITEM_BYTES for entry, _, _ in held)
        assert len(row.content) <= len(content)


def test_full_page_is_deflated_and_never_written_again() -> None:
    words = b"There are three flights from Chennai to Delhi tomorrow morning. "
    entries = [(NewEntry(uuid4().bytes, 9, 1, NOW, NOW, words), 1, False) for _ in range(40)]
    pages = GrowingPages(7, None)
    for number, (entry, call_key, late) in enumerate(entries, 1):
        pages.add(number, entry, NOW, call_key, late=late)
    *full, last = pages.written()
    assert full
    assert {page.packing for page in full} == {Packing.DEFLATED}
    assert last == pages.open_page
    assert last.packing is Packing.PLAIN
    again = GrowingPages(7, last)
    again.add(41, entries[0][0], NOW, 1, late=False)
    assert {page.first_number for page in again.written()}.isdisjoint(page.first_number for page in full)


def test_feed_gives_consecutive_positions_and_extends_the_last_run() -> None:
    one, other = str(uuid4()), str(uuid4())
    feed = GrowingFeed(FeedEnd(4, 10), FeedRun(9, one, 1, 2, RunKind.ENTRIES))
    assert feed.add(one, 3, 5) == 11
    assert feed.add(other, 1, 1) == 16
    assert feed.add(other, 2, 2) == 17
    assert feed.add(one, 8, 1) == 19
    assert feed.add_deletion(other) == 20
    assert feed.add(one, 9, 1) == 21
    assert list(feed.runs.values()) == [
        FeedRun(9, one, 1, 7, RunKind.ENTRIES),
        FeedRun(16, other, 1, 3, RunKind.ENTRIES),
        FeedRun(19, one, 8, 1, RunKind.ENTRIES),
        FeedRun(20, other, 0, 1, RunKind.DELETED),
        FeedRun(21, one, 9, 1, RunKind.ENTRIES),
    ]
    assert feed.end == FeedEnd(5, 21)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=40))
def test_feed_s_runs_hold_every_entry_once_in_the_order_in_which_they_were_added(
    added: list[tuple[int, int]],
) -> None:
    feed, heads, expected = GrowingFeed(FeedEnd(0, 0), None), [0] * 4, list[tuple[str, int]]()
    for conversation, count in added:
        feed.add(str(conversation), heads[conversation] + 1, count)
        expected += [(str(conversation), heads[conversation] + step) for step in range(1, count + 1)]
        heads[conversation] += count
    found = [
        (run.conversation_id, run.first_number + step)
        for run in feed.runs.values()
        for step in range(run.length)
    ]
    assert found == expected
    assert feed.last_position == len(expected)
    positions = [run.first_position for run in feed.runs.values()]
    assert positions == sorted(positions)
    turns = [
        conversation
        for index, (conversation, _) in enumerate(added)
        if index == 0 or added[index - 1][0] != conversation
    ]
    assert len(feed.runs) == len(turns)
