"""The full-text index. After the migration, the service indexes the existing entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
WORDS = (
    "asciiword, word, numword, asciihword, hword, numhword, "
    "hword_asciipart, hword_part, hword_numpart, int, uint, float, sfloat, version"
)
"""Token types of PostgreSQL's parser. It finds no other types, because words are already split and folded."""


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "indexed_logs",
        _owner(),
        sa.Column("through_number", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "spoken_entries",
        _owner(),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("speaker", sa.SmallInteger, nullable=False),
        sa.Column("commit_time", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "sqlite":
        _words_on_sqlite()
    else:
        _words_on_postgresql()


def _owner() -> sa.Column[int]:
    conversation = sa.ForeignKey("conversations.key", ondelete="CASCADE")
    return sa.Column("conversation_key", KEY, conversation, primary_key=True, autoincrement=False)


def _words_on_sqlite() -> None:
    tokenizer = "porter unicode61 remove_diacritics 0 categories 'L* N* M* Co So Sk'"
    op.execute(
        "CREATE VIRTUAL TABLE spoken_words "
        f"USING fts5(words, content='', detail=none, columnsize=0, tokenize=\"{tokenizer}\")"
    )


def _words_on_postgresql() -> None:
    # Snowball's stemmer without stop words, because a search for "to Delhi" must match both words.
    op.execute("CREATE TEXT SEARCH DICTIONARY readback_stem (TEMPLATE = snowball, Language = english)")
    op.execute("CREATE TEXT SEARCH CONFIGURATION readback_words (PARSER = default)")
    op.execute(f"ALTER TEXT SEARCH CONFIGURATION readback_words ADD MAPPING FOR {WORDS} WITH readback_stem")
    op.execute("ALTER TABLE spoken_entries ADD COLUMN words tsvector NOT NULL")
    op.execute("CREATE INDEX spoken_entries_words ON spoken_entries USING gin (words)")
