"""The full-text index: a `tsvector` with a GIN index on PostgreSQL, an FTS5 table on SQLite.

Neither stores a copy of the text. Both index the words that `search.words` returns for a text, and one more
word that identifies the customer, so that a search doesn't read other customers' entries. A row of
`spoken_entries` holds an entry's number, speaker and commit time. It is deleted with its conversation.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from readback.conversation.v1 import entry_pb2
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    column,
    func,
    insert,
    literal_column,
    select,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.conversation.slow_work import off_the_loop
from services.conversation.store.schema import NOBODY, conversations, indexed_logs, spoken_entries

Place = tuple[datetime, int, int]
"""Place of a result in the order of results: commit time, conversation key, entry number."""
MAX_ENTRIES = 1 << 24
"""Limit of entry numbers in SQLite's index. Entries with this number or a higher one are not indexed."""
MERGED_PAGES = 32
"""Most pages of SQLite's index merged in one step."""
MERGE_CHANGES = 2
"""A merge with fewer changes had nothing to do."""
TOKENIZER = "porter unicode61 remove_diacritics 0 categories 'L* N* M* Co So Sk'"
"""FTS5's tokenizer. The words are already folded, so it only stems them."""


@dataclass(frozen=True, slots=True)
class UnindexedLog:
    """A log with entries that are not yet indexed."""

    key: int
    customer_id: str
    head: int
    """Number of the log's last entry."""


@dataclass(frozen=True, slots=True)
class IndexedUtterance:
    """An utterance as it is stored in the index."""

    number: int
    speaker: entry_pb2.Speaker.ValueType
    commit_time: datetime
    words: Sequence[str]
    """Folded by `search.words`."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A search in one customer's conversations."""

    customer_id: str
    words: Sequence[str]
    """One or more words, folded by `search.words`. A found entry contains all of them."""
    conversation_id: str = ""
    """The conversation to search; if empty, all of the customer's conversations."""
    since: datetime | None = None
    before: datetime | None = None
    speakers: Collection[int] = ()
    """Only words of these speakers; of all if empty."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A found entry."""

    conversation_key: int
    number: int
    commit_time: datetime
    conversation_id: str
    title: str

    @property
    def place(self) -> Place:
        """Place of the entry in the order of results."""
        return self.commit_time, self.conversation_key, self.number


def search_index(connection: AsyncConnection) -> SearchIndex:
    """Return the index for the database of this connection."""
    return SqliteIndex(connection) if connection.dialect.name == "sqlite" else PostgresIndex(connection)


class SearchIndex(ABC):
    """The full-text index, used inside a transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def unindexed(
        self, customer_id: str | None, *, limit: int, quiet_since: datetime | None = None
    ) -> list[UnindexedLog]:
        """Return logs with entries that are not yet indexed.

        Args:
            customer_id: the owner of the logs; None for all customers.
            limit: largest number of logs.
            quiet_since: if set, leave out logs with entries added at or after this time.
        """
        query = (
            select(conversations.c.key, conversations.c.customer_id, conversations.c.last_number)
            .outerjoin(indexed_logs, indexed_logs.c.conversation_key == conversations.c.key)
            .where(conversations.c.last_number > func.coalesce(indexed_logs.c.through_number, 0))
            .where(conversations.c.customer_id != NOBODY)
        )
        if customer_id is not None:
            query = query.where(conversations.c.customer_id == customer_id)
        if quiet_since is not None:
            query = query.where(conversations.c.last_entry_time < quiet_since)
        rows = await self._connection.execute(query.limit(limit))
        return [UnindexedLog(row.key, row.customer_id, row.last_number) for row in rows]

    async def lock(self, key: int) -> int | None:
        """Lock a log against indexing by others until the transaction ends.

        Return the number of the last indexed entry; None if the conversation was deleted.
        """
        # Lock the conversation first, in the same order as a deletion, to avoid deadlocks. The lock is
        # shared, so that it doesn't block appends.
        alive = (
            select(conversations.c.key)
            .where(conversations.c.key == key, conversations.c.customer_id != NOBODY)
            .with_for_update(read=True, key_share=True)
        )
        if (await self._connection.execute(alive)).one_or_none() is None:
            return None
        insert_any = sqlite_insert if self._connection.dialect.name == "sqlite" else postgres_insert
        begun = insert_any(indexed_logs).values(conversation_key=key, through_number=0)
        await self._connection.execute(begun.on_conflict_do_nothing())
        here = indexed_logs.c.conversation_key == key
        reached = select(indexed_logs.c.through_number).where(here).with_for_update()
        return int((await self._connection.execute(reached)).scalar_one())

    async def through(self, key: int) -> int:
        """Return the number of the last indexed entry of a log."""
        query = select(indexed_logs.c.through_number).where(indexed_logs.c.conversation_key == key)
        return int((await self._connection.execute(query)).scalar() or 0)

    async def add(
        self,
        key: int,
        customer_id: str,
        utterances: Sequence[IndexedUtterance],
        *,
        through: int,
    ) -> None:
        """Index utterances of a locked log. `through` is stored as the number of the last indexed entry."""
        await self._insert(key, customer_id, utterances)
        here = indexed_logs.c.conversation_key == key
        await self._connection.execute(update(indexed_logs).where(here).values(through_number=through))

    async def find(self, query: SearchQuery, *, after: Place | None, limit: int) -> list[Hit]:
        """Return up to `limit` found entries, the newest first. With `after`, start after that place."""
        source, matches = self._matching([_owner(query.customer_id), *query.words])
        place = (spoken_entries.c.commit_time, spoken_entries.c.conversation_key, spoken_entries.c.number)
        statement: Select[Any] = (
            select(*place, conversations.c.conversation_id, conversations.c.title)
            .select_from(source.join(conversations, conversations.c.key == spoken_entries.c.conversation_key))
            .where(matches, conversations.c.customer_id == query.customer_id, *_conditions(query))
        )
        if after is not None:
            statement = statement.where(tuple_(*place) < after)
        statement = statement.order_by(*(part.desc() for part in place)).limit(limit)
        return [Hit(**row._mapping) for row in await self._connection.execute(statement)]

    @abstractmethod
    async def removed_explicitly_through(self, key: int) -> int:
        """Return the number of the last entry whose words `remove` must remove; 0 if it removes none."""

    @abstractmethod
    async def remove(self, key: int, customer_id: str, utterances: Sequence[IndexedUtterance]) -> None:
        """Remove the utterances of a log that is being deleted. They must equal the added utterances."""

    @abstractmethod
    async def scrub(self, *, first: bool) -> bool:
        """Erase some of the removed words from the index. Return False if nothing is left to do.

        Call it after the last `remove`, once with `first`, then repeatedly.
        """

    @abstractmethod
    async def with_stems_of(self, words: AbstractSet[str], wanted: Sequence[str]) -> set[str]:
        """Return the words of `words` that have the same stem as a word of `wanted`."""

    @abstractmethod
    async def _insert(self, key: int, customer_id: str, utterances: Sequence[IndexedUtterance]) -> None:
        """Insert utterances into the index."""

    @abstractmethod
    def _matching(self, words: Sequence[str]) -> tuple[FromClause, ColumnElement[bool]]:
        """Return the source and the condition of a query for entries that contain all of these words."""


class PostgresIndex(SearchIndex):
    """The column `spoken_entries.words` with a GIN index. Its dictionary has no stop words."""

    async def removed_explicitly_through(self, key: int) -> int:  # noqa: ARG002 -- see `SearchIndex`
        """Return 0, because deleting the rows deletes the words."""
        return 0

    async def remove(self, key: int, customer_id: str, utterances: Sequence[IndexedUtterance]) -> None:
        """Do nothing, because deleting the rows deletes the words."""

    async def scrub(self, *, first: bool) -> bool:  # noqa: ARG002 -- see `SearchIndex`
        """Do nothing, because the next vacuum erases the deleted rows."""
        return False

    async def with_stems_of(self, words: AbstractSet[str], wanted: Sequence[str]) -> set[str]:
        """Return the words of `words` that have the same stem as a word of `wanted`."""
        parameters = {"words": list(words), "wanted": list(wanted)}
        return set((await self._connection.execute(_SAME_STEM, parameters)).scalars())

    async def _insert(self, key: int, customer_id: str, utterances: Sequence[IndexedUtterance]) -> None:
        if utterances:
            rows = [_row(key, one) | {"document": _document(customer_id, one)} for one in utterances]
            await self._connection.execute(_ADD_ON_POSTGRESQL, rows)

    def _matching(self, words: Sequence[str]) -> tuple[FromClause, ColumnElement[bool]]:
        words_of_entry: ColumnElement[Any] = literal_column("spoken_entries.words")
        query = func.plainto_tsquery(literal_column("'readback_words'"), " ".join(words))
        return spoken_entries, words_of_entry.bool_op("@@")(query)


class SqliteIndex(SearchIndex):
    """The FTS5 table `spoken_words`, which doesn't store the texts.

    A row id combines the conversation's key and the entry's number.
    """

    async def removed_explicitly_through(self, key: int) -> int:
        """Return the number of the last indexed entry."""
        return await self.through(key)

    async def remove(self, key: int, customer_id: str, utterances: Sequence[IndexedUtterance]) -> None:
        """Remove utterances. Their words remain in the file until `scrub` is called."""
        rows = [_fts_row(key, customer_id, one) for one in utterances if one.number < MAX_ENTRIES]
        if rows:
            delete = (
                "INSERT INTO spoken_words (spoken_words, rowid, words) VALUES ('delete', :place, :document)"
            )
            await self._connection.execute(text(delete), rows)

    async def scrub(self, *, first: bool) -> bool:
        """Erase the removed words by merging a few pages of the index.

        A negative number begins to merge the whole index, see https://sqlite.org/fts5.html#the_merge_command.
        """
        pages = -MERGED_PAGES if first else MERGED_PAGES
        merge = text("INSERT INTO spoken_words (spoken_words, rank) VALUES ('merge', :pages)")
        before = await self._total_changes()
        await self._connection.execute(merge, {"pages": pages})
        return await self._total_changes() - before >= MERGE_CHANGES

    async def _total_changes(self) -> int:
        return int((await self._connection.execute(text("SELECT total_changes()"))).scalar_one())

    async def with_stems_of(self, words: AbstractSet[str], wanted: Sequence[str]) -> set[str]:
        """Return the words of `words` that have the same stem as a word of `wanted`."""
        return await off_the_loop(self._stems, words, wanted)

    @staticmethod
    def _stems(words: AbstractSet[str], wanted: Sequence[str]) -> set[str]:
        with closing(sqlite3.connect(":memory:")) as memory:
            memory.execute(f'CREATE VIRTUAL TABLE stems USING fts5(word, tokenize="{TOKENIZER}")')
            memory.executemany("INSERT INTO stems (word) VALUES (?)", [(word,) for word in words])
            match = " OR ".join(f'"{word}"' for word in wanted)
            return {
                word for (word,) in memory.execute("SELECT word FROM stems WHERE stems MATCH ?", (match,))
            }

    async def _insert(self, key: int, customer_id: str, utterances: Sequence[IndexedUtterance]) -> None:
        found = [one for one in utterances if one.number < MAX_ENTRIES]
        if found:
            rows = [_row(key, one) for one in found]
            await self._connection.execute(insert(spoken_entries), rows)
            statement = text("INSERT INTO spoken_words (rowid, words) VALUES (:place, :document)")
            rows = [_fts_row(key, customer_id, one) for one in found]
            await self._connection.execute(statement, rows)

    def _matching(self, words: Sequence[str]) -> tuple[FromClause, ColumnElement[bool]]:
        statement = text("SELECT rowid AS place FROM spoken_words WHERE spoken_words MATCH :match")
        match = " AND ".join(f'"{word}"' for word in words)
        found = statement.bindparams(match=match).columns(column("place", BigInteger)).subquery("found")
        place = found.c.place
        here = and_(
            spoken_entries.c.conversation_key == place.op("/")(MAX_ENTRIES),
            spoken_entries.c.number == place.op("%")(MAX_ENTRIES),
        )
        return found.join(spoken_entries, here), true()


_ADD_ON_POSTGRESQL = text(
    "INSERT INTO spoken_entries (conversation_key, number, speaker, commit_time, words) "
    "VALUES (:conversation_key, :number, :speaker, :commit_time, "
    "strip(to_tsvector('readback_words', :document)))"
).bindparams(bindparam("commit_time", type_=spoken_entries.c.commit_time.type))
_SAME_STEM = text(
    "SELECT word FROM unnest(CAST(:words AS text[])) AS word "
    "WHERE ts_lexize('readback_stem', word) && ("
    "SELECT array_agg(stem) FROM unnest(CAST(:wanted AS text[])) AS one, "
    "unnest(ts_lexize('readback_stem', one)) AS stem)"
)


def _owner(customer_id: str) -> str:
    """Return the word that identifies a customer. It ends with a digit, so that no stemmer shortens it."""
    return f"o{customer_id.replace('-', '')}0"


def _document(customer_id: str, utterance: IndexedUtterance) -> str:
    return " ".join([_owner(customer_id), *utterance.words])


def _fts_row(key: int, customer_id: str, utterance: IndexedUtterance) -> dict[str, object]:
    place = key * MAX_ENTRIES + utterance.number
    return {"place": place, "document": _document(customer_id, utterance)}


def _row(key: int, utterance: IndexedUtterance) -> dict[str, object]:
    return {
        "conversation_key": key,
        "number": utterance.number,
        "speaker": utterance.speaker,
        "commit_time": utterance.commit_time,
    }


def _conditions(query: SearchQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.conversation_id:
        conditions.append(conversations.c.conversation_id == query.conversation_id)
    if query.since is not None:
        conditions.append(spoken_entries.c.commit_time >= query.since)
    if query.before is not None:
        conditions.append(spoken_entries.c.commit_time < query.before)
    if query.speakers:
        conditions.append(spoken_entries.c.speaker.in_(query.speakers))
    return conditions
