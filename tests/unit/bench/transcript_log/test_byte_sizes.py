"""Tables of the log are separated from tables of the search."""

from __future__ import annotations

import pytest

from bench.transcript_log.measurements.byte_sizes import is_log, is_search

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "name",
    ["log_pages/log_pages", "log_pages/log_pages_pkey", "log_pages/pg_toast_16423", "feed_runs/feed_runs"],
)
def test_tables_of_the_log_count_with_their_indexes(name: str) -> None:
    assert is_log(name)


@pytest.mark.parametrize(
    "name",
    [
        "spoken_entries/spoken_entries_words",
        "spoken_words_data/spoken_words_data",
        "entry_search/entry_search_words",
        "entries_fts/entries_fts_data",
        "log_search/log_search_pkey",
    ],
)
def test_search_tables_are_listed_separately(name: str) -> None:
    assert is_search(name)
    assert not is_log(name)


@pytest.mark.parametrize(
    "name",
    [
        "conversations/conversations_pkey",
        "calls/calls",
        "requests/requests",
        "alembic_version/alembic_version",
    ],
)
def test_other_tables_are_neither(name: str) -> None:
    assert not is_log(name)
    assert not is_search(name)
