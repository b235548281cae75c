"""The index of what was said: PostgreSQL's `tsvector` under GIN, SQLite's FTS5; no copy of the text in either.

Both index the words that `words` makes of a text, and one more that stands for the customer, so that looking for a word of one customer's
never walks over everybody's. Rows say which entry, who spoke and when; deleting a conversation takes them along.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

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
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.conversation.store.schema import conversations, indexed_logs, spoken_entries

Place = tuple[datetime, int, int]
"""Where a result stands: its time, and what tells those of one moment apart."""
MOST_ENTRIES = 1 << 24
"""Entries of one conversation that SQLite's index can tell apart; later ones are not found."""


@dataclass(frozen=True, slots=True)
class Behind:
    """A log that the index has not wholly seen."""

    key: int
    customer_id: str
    head: int
    """Number of its last entry."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One utterance for the index."""

    number: int
    speaker: entry_pb2.Speaker.ValueType
    commit_time: datetime
    words: Sequence[str]
    """As `words` folds them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody looks for."""

    customer_id: str
    words: Sequence[str]
    """As `words` folds them; all of them must occur. At least one."""
    conversation_id: str = ""
    """All of the customer's when empty."""
    since: datetime | None = None
    before: datetime | None = None
    speaker: entry_pb2.Speaker.ValueType = entry_pb2.SPEAKER_UNSPECIFIED


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was found."""

    conversation_key: int
    number: int
    commit_time: datetime
    conversation_id: str
    title: str

    @property
    def place(self) -> Place:
        """Its place in the order of results."""
        return self.commit_time, self.conversation_key, self.number


class SearchIndex(Protocol):
    """The index inside a transaction."""

    async def behind(
        self, customer_id: str | None, *, limit: int, quiet_since: datetime | None = None
    ) -> list[Behind]:
        """Logs of a customer (None: of anybody) with entries that are not indexed; only those quiet since a time if one is given."""
        ...

    async def hold(self, conversation_key: int) -> int | None:
        """Keeps others from indexing a log until the transaction ends; the last number indexed, None when the log is gone."""
        ...

    async def add(
        self, conversation_key: int, customer_id: str, spoken: Sequence[Spoken], *, through: int
    ) -> None:
        """Indexes utterances of a held log; everything up to `through` is indexed then."""
        ...

    async def remove(self, conversation_key: int, customer_id: str, spoken: Iterable[Spoken]) -> None:
        """Takes utterances, the same as they were added, of a log that is being deleted out of the index."""
        ...

    async def scrub(self) -> None:
        """Makes sure that nothing is left of what was taken out. To be called once, after the last `remove`."""
        ...

    async def find(self, wanted: Wanted, *, after: Place | None, limit: int) -> list[Hit]:
        """What is found, the newest first, after a place in that order."""
        ...

    async def meant(self, words: AbstractSet[str], wanted: Sequence[str]) -> set[str]:
        """Those of the words that have the stem of one that is wanted."""
        ...


def search_index(connection: AsyncConnection) -> SearchIndex:
    """The index in the database that a transaction is in."""
    return SqliteIndex(connection) if connection.dialect.name == "sqlite" else PostgresIndex(connection)


class _Index:
    """What is the same on both."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def behind(
        self, customer_id: str | None, *, limit: int, quiet_since: datetime | None = None
    ) -> list[Behind]:
        """Logs with entries that are not indexed."""
        query = (
            select(conversations.c.key, conversations.c.customer_id, conversations.c.last_number)
            .outerjoin(indexed_logs, indexed_logs.c.conversation_key == conversations.c.key)
            .where(conversations.c.last_number > func.coalesce(indexed_logs.c.through_number, 0))
        )
        if customer_id is not None:
            query = query.where(conversations.c.customer_id == customer_id)
        if quiet_since is not None:
            query = query.where(conversations.c.update_time < quiet_since)
        return [
            Behind(row.key, row.customer_id, row.last_number)
            for row in await self._connection.execute(query.limit(limit))
        ]

    async def hold(self, conversation_key: int) -> int | None:
        """The last number indexed."""
        # In the order in which a deletion takes them; shared, so that appends go on.
        alive = (
            select(conversations.c.key)
            .where(conversations.c.key == conversation_key)
            .with_for_update(read=True, key_share=True)
        )
        if (await self._connection.execute(alive)).one_or_none() is None:
            return None
        insert_any = sqlite_insert if self._connection.dialect.name == "sqlite" else postgres_insert
        begun = insert_any(indexed_logs).values(conversation_key=conversation_key, through_number=0)
        await self._connection.execute(begun.on_conflict_do_nothing())
        reached = select(indexed_logs.c.through_number).where(
            indexed_logs.c.conversation_key == conversation_key
        )
        return int((await self._connection.execute(reached.with_for_update())).scalar_one())

    async def _reach(self, conversation_key: int, through: int) -> None:
        here = indexed_logs.c.conversation_key == conversation_key
        await self._connection.execute(update(indexed_logs).where(here).values(through_number=through))

    def _matches(self, words: str) -> tuple[FromClause, ColumnElement[bool]]:
        """What to select from so that only entries with all of these words, separated by blanks, come; and on which condition."""
        raise NotImplementedError

    async def find(self, wanted: Wanted, *, after: Place | None, limit: int) -> list[Hit]:
        """What is found, the newest first."""
        source, matching = self._matches(" ".join([_owner(wanted.customer_id), *wanted.words]))
        place = (spoken_entries.c.commit_time, spoken_entries.c.conversation_key, spoken_entries.c.number)
        query: Select[Any] = (
            select(*place, conversations.c.conversation_id, conversations.c.title)
            .select_from(source.join(conversations, conversations.c.key == spoken_entries.c.conversation_key))
            .where(matching, conversations.c.customer_id == wanted.customer_id, *_rules(wanted))
        )
        if after is not None:
            query = query.where(_beyond(place, after))
        rows = await self._connection.execute(query.order_by(*(part.desc() for part in place)).limit(limit))
        return [
            Hit(row.conversation_key, row.number, row.commit_time, row.conversation_id, row.title)
            for row in rows
        ]


class PostgresIndex(_Index):
    """`spoken_entries.words` under GIN; words are stemmed by a dictionary without stop words, so that all of them count."""

    async def add(
        self, conversation_key: int, customer_id: str, spoken: Sequence[Spoken], *, through: int
    ) -> None:
        """Indexes utterances."""
        if spoken:
            rows = [_row(conversation_key, one) | {"said": _document(customer_id, one)} for one in spoken]
            await self._connection.execute(_ADD_ON_POSTGRESQL, rows)
        await self._reach(conversation_key, through)

    async def remove(self, conversation_key: int, customer_id: str, spoken: Iterable[Spoken]) -> None:
        """Nothing: the words lie in rows that go with their conversation."""

    async def scrub(self) -> None:
        """Nothing: dead rows and their words go with the next vacuum."""

    async def meant(self, words: AbstractSet[str], wanted: Sequence[str]) -> set[str]:
        """Those of the words that have the stem of one that is wanted."""
        query = text(
            "SELECT word FROM unnest(CAST(:words AS text[])) AS word WHERE ts_lexize('readback_stem', word) && "
            "(SELECT array_agg(stem) FROM unnest(CAST(:wanted AS text[])) AS one, unnest(ts_lexize('readback_stem', one)) AS stem)"
        )
        return set(
            (await self._connection.execute(query, {"words": list(words), "wanted": list(wanted)})).scalars()
        )

    def _matches(self, words: str) -> tuple[FromClause, ColumnElement[bool]]:
        words_of_entry: ColumnElement[Any] = literal_column("spoken_entries.words")
        query = func.plainto_tsquery(literal_column("'readback_words'"), words)
        return spoken_entries, words_of_entry.bool_op("@@")(query)


class SqliteIndex(_Index):
    """The FTS5 table `spoken_words` without content; its rows are told by key and number of the entry in one integer."""

    async def add(
        self, conversation_key: int, customer_id: str, spoken: Sequence[Spoken], *, through: int
    ) -> None:
        """Indexes utterances."""
        found = [one for one in spoken if one.number < MOST_ENTRIES]
        if found:
            await self._connection.execute(
                insert(spoken_entries), [_row(conversation_key, one) for one in found]
            )
            statement = text("INSERT INTO spoken_words (rowid, words) VALUES (:place, :said)")
            await self._connection.execute(
                statement, [_placed(conversation_key, customer_id, one) for one in found]
            )
        await self._reach(conversation_key, through)

    async def remove(self, conversation_key: int, customer_id: str, spoken: Iterable[Spoken]) -> None:
        """Takes utterances out."""
        gone = [_placed(conversation_key, customer_id, one) for one in spoken if one.number < MOST_ENTRIES]
        if gone:
            statement = text(
                "INSERT INTO spoken_words (spoken_words, rowid, words) VALUES ('delete', :place, :said)"
            )
            await self._connection.execute(statement, gone)

    async def scrub(self) -> None:
        """Merges the index: until then, what was taken out of it is only marked so."""
        await self._connection.execute(text("INSERT INTO spoken_words (spoken_words) VALUES ('optimize')"))

    async def meant(self, words: AbstractSet[str], wanted: Sequence[str]) -> set[str]:
        """Those of the words that have the stem of one that is wanted."""
        with closing(
            sqlite3.connect(":memory:")
        ) as memory:  # a few hundred words: microseconds, and nothing touches the disk
            memory.execute(f'CREATE VIRTUAL TABLE stems USING fts5(word, tokenize="{TOKENIZER}")')
            memory.executemany("INSERT INTO stems (word) VALUES (?)", [(word,) for word in words])
            sought = " OR ".join(f'"{word}"' for word in wanted)
            return {
                word for (word,) in memory.execute("SELECT word FROM stems WHERE stems MATCH ?", (sought,))
            }

    def _matches(self, words: str) -> tuple[FromClause, ColumnElement[bool]]:
        matching = text("SELECT rowid AS place FROM spoken_words WHERE spoken_words MATCH :sought")
        sought = " AND ".join(f'"{word}"' for word in words.split())
        found = matching.bindparams(sought=sought).columns(column("place", BigInteger)).subquery("found")
        place = found.c.place
        here = and_(
            spoken_entries.c.conversation_key == place.op("/")(MOST_ENTRIES),
            spoken_entries.c.number == place.op("%")(MOST_ENTRIES),
        )
        return found.join(spoken_entries, here), true()


_ADD_ON_POSTGRESQL = text(
    "INSERT INTO spoken_entries (conversation_key, number, speaker, commit_time, words) "
    "VALUES (:conversation_key, :number, :speaker, :commit_time, strip(to_tsvector('readback_words', :said)))"
).bindparams(bindparam("commit_time", type_=spoken_entries.c.commit_time.type))
TOKENIZER = "porter unicode61 remove_diacritics 0 categories 'L* N* M* Co So Sk'"
"""What FTS5 does to words that were folded before: it only stems."""


def _owner(customer_id: str) -> str:
    """The word that stands for a customer. It ends in a digit, so that no stemmer finds an ending, and no two are alike."""
    return f"o{customer_id.replace('-', '')}0"


def _document(customer_id: str, spoken: Spoken) -> str:
    return " ".join([_owner(customer_id), *spoken.words])


def _placed(conversation_key: int, customer_id: str, spoken: Spoken) -> dict[str, object]:
    return {"place": conversation_key * MOST_ENTRIES + spoken.number, "said": _document(customer_id, spoken)}


def _row(conversation_key: int, spoken: Spoken) -> dict[str, object]:
    return {
        "conversation_key": conversation_key,
        "number": spoken.number,
        "speaker": spoken.speaker,
        "commit_time": spoken.commit_time,
    }


def _rules(wanted: Wanted) -> list[ColumnElement[bool]]:
    rules: list[ColumnElement[bool]] = []
    if wanted.conversation_id:
        rules.append(conversations.c.conversation_id == wanted.conversation_id)
    if wanted.since is not None:
        rules.append(spoken_entries.c.commit_time >= wanted.since)
    if wanted.before is not None:
        rules.append(spoken_entries.c.commit_time < wanted.before)
    if wanted.speaker:
        rules.append(spoken_entries.c.speaker == wanted.speaker)
    return rules


def _beyond(place: Sequence[Any], after: Place) -> ColumnElement[bool]:
    (time, key, number), (at, of, last) = place, after
    return or_(time < at, and_(time == at, key < of), and_(time == at, key == of, number < last))
