"""Chunks return their entries in bounded rows; feeds number everything once, in few runs."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readback.internal.conversation.storage.v1 import page_pb2

from services.conversation.model.chunks import (
    CHUNK_BYTES,
    ITEM_BYTES,
    Chunk,
    ChunkBuilder,
    Packing,
)
from services.conversation.model.entries import LogEntry
from services.conversation.model.feeds import FeedBuilder, FeedEnd, FeedRun, RunKind

pytestmark = pytest.mark.unit

NOW = 1_790_000_000_000_000
MOMENTS = st.integers(-(10**9), 10**9)
ENTRIES = st.builds(
    LogEntry,
    entry_id=st.binary(min_size=16, max_size=16),
    kind=st.sampled_from([9, 10, 11, 12]),
    speaker=st.integers(0, 2),
    start_micros=MOMENTS.map(lambda moment: NOW + moment),
    end_micros=st.just(0),
    content=st.one_of(st.binary(max_size=200), st.binary(min_size=3000, max_size=5000)),
    call_epoch=st.integers(0, 40),
)
CALLS = st.sampled_from([None, 1, 1, 1, 2])


def numbered(entry: LogEntry, number: int, time: int, *, late: bool = False) -> LogEntry:
    return replace(entry, number=number, commit_micros=time, late=late)


def put(entries: list[tuple[LogEntry, int | None, bool]], commits: list[int]) -> dict[int, Chunk]:
    """The rows of a log after entries were added in several commits."""
    rows: dict[int, Chunk] = {}
    open_chunk: Chunk | None = None
    number, time, waiting = 0, NOW, list(entries)
    for size in [*commits, len(entries)]:
        chunks = ChunkBuilder(7, open_chunk)
        for entry, call_key, late in waiting[:size]:
            number, time = number + 1, time + 1000
            chunks.add(numbered(entry, number, time, late=late), call_key)
        waiting = waiting[size:]
        rows |= {row.first_number: row for row in chunks.changed()}
        open_chunk = chunks.open_chunk
    return rows


@settings(deadline=None)
@given(
    st.lists(st.tuples(ENTRIES, CALLS, st.booleans()), max_size=60), st.lists(st.integers(1, 9), max_size=12)
)
def test_every_entry_comes_back_from_its_chunk_however_many_commits_it_took(
    entries: list[tuple[LogEntry, int | None, bool]], commits: list[int]
) -> None:
    for entry, _, _ in entries:
        entry.end_micros = entry.start_micros + 12_345
    rows = put(entries, commits)
    found: list[LogEntry] = []
    for first_number, row in sorted(rows.items()):
        assert first_number == len(found) + 1
        found += row.entries(None if row.call_key is None else f"call {row.call_key}")
    assert [entry.number for entry in found] == list(range(1, len(entries) + 1))
    for stored, (entry, call_key, late), time in zip(
        found, entries, range(NOW + 1000, NOW + 1000 * (len(entries) + 1), 1000), strict=True
    ):
        call_id = None if call_key is None else f"call {call_key}"
        assert stored == replace(numbered(entry, stored.number, time, late=late), call_id=call_id)


@settings(deadline=None)
@given(st.lists(st.tuples(ENTRIES, CALLS, st.booleans()), min_size=1, max_size=60))
def test_chunk_holds_one_call_and_stays_small_except_for_a_larger_entry(
    entries: list[tuple[LogEntry, int | None, bool]],
) -> None:
    rows = sorted(put(entries, []).items())
    for index, (first_number, row) in enumerate(rows):
        end = rows[index + 1][0] if index + 1 < len(rows) else len(entries) + 1
        held = entries[first_number - 1 : end - 1]
        assert {call_key for _, call_key, _ in held} == {row.call_key}
        content = page_pb2.Page(items=row.items()).SerializeToString()
        assert len(held) == 1 or len(content) <= CHUNK_BYTES
        assert len(content) <= sum(len(entry.content) + ITEM_BYTES for entry, _, _ in held)
        assert len(row.content) <= len(content)


def test_full_chunk_is_deflated_and_never_written_again() -> None:
    words = b"There are three flights from Chennai to Delhi tomorrow morning. "
    entries = [LogEntry(uuid4().bytes, 9, 1, NOW, NOW, words) for _ in range(40)]  # type: ignore[arg-type]
    chunks = ChunkBuilder(7, None)
    for number, entry in enumerate(entries, 1):
        chunks.add(numbered(entry, number, NOW), 1)
    *full, last = chunks.changed()
    assert full
    assert {chunk.packing for chunk in full} == {Packing.DEFLATED}
    assert last == chunks.open_chunk
    assert last.packing is Packing.PLAIN
    again = ChunkBuilder(7, last)
    again.add(numbered(entries[0], 41, NOW), 1)
    assert {chunk.first_number for chunk in again.changed()}.isdisjoint(chunk.first_number for chunk in full)


def test_feed_gives_consecutive_positions_and_extends_the_last_run() -> None:
    one, other = str(uuid4()), str(uuid4())
    feed = FeedBuilder(FeedEnd(4, 10), FeedRun(9, one, 1, 2, RunKind.ENTRIES))
    assert feed.add(one, 3, 5) == 11
    assert feed.add(other, 1, 1) == 16
    assert feed.add(other, 2, 2) == 17
    assert feed.add(one, 8, 1) == 19
    assert feed.add_deletion(other) == 20
    assert feed.add(one, 9, 1) == 21
    assert feed.changed() == [
        FeedRun(9, one, 1, 7, RunKind.ENTRIES),
        FeedRun(16, other, 1, 3, RunKind.ENTRIES),
        FeedRun(19, one, 8, 1, RunKind.ENTRIES),
        FeedRun(20, other, 0, 1, RunKind.DELETED),
        FeedRun(21, one, 9, 1, RunKind.ENTRIES),
    ]
    assert feed.end == FeedEnd(5, 21)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=40))
def test_runs_of_a_feed_hold_every_entry_once_in_order(
    added: list[tuple[int, int]],
) -> None:
    feed, heads, expected = FeedBuilder(FeedEnd(0, 0), None), [0] * 4, list[tuple[str, int]]()
    for conversation, count in added:
        feed.add(str(conversation), heads[conversation] + 1, count)
        expected += [(str(conversation), heads[conversation] + step) for step in range(1, count + 1)]
        heads[conversation] += count
    found = [
        (run.conversation_id, run.first_number + step) for run in feed.changed() for step in range(run.length)
    ]
    assert found == expected
    assert feed.last_position == len(expected)
    positions = [run.first_position for run in feed.changed()]
    assert positions == sorted(positions)
    turns = [
        conversation
        for index, (conversation, _) in enumerate(added)
        if index == 0 or added[index - 1][0] != conversation
    ]
    assert len(feed.changed()) == len(turns)
