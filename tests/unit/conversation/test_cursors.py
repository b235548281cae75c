"""Cursors say where a reader stands, to nobody but the log they are of."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.conversation.cursors import START, Cursors, Position
from services.conversation.errors import CursorInvalid

pytestmark = pytest.mark.unit

CONVERSATION = str(uuid4())
CURSORS = Cursors(b"key", b"0123456789abcdef")


@given(number=st.integers(1, 2**63), entry_id=st.uuids())
def test_cursor_opens_to_the_position_it_was_sealed_for(number: int, entry_id: object) -> None:
    position = Position.at(number, str(entry_id))
    assert CURSORS.open(CONVERSATION, CURSORS.seal(CONVERSATION, position)) == position


def test_cursor_before_the_first_entry_opens_to_the_start() -> None:
    assert CURSORS.open(CONVERSATION, CURSORS.seal(CONVERSATION, START)) == START


def test_cursor_of_another_conversation_is_invalid() -> None:
    with pytest.raises(CursorInvalid):
        CURSORS.open(str(uuid4()), CURSORS.seal(CONVERSATION, START))


@pytest.mark.parametrize("other", [Cursors(b"other key", b"0123456789abcdef"), Cursors(b"key", b"fedcba9876543210")])
def test_cursor_of_another_installation_or_database_is_invalid(other: Cursors) -> None:
    with pytest.raises(CursorInvalid):
        CURSORS.open(CONVERSATION, other.seal(CONVERSATION, START))


@given(st.text(max_size=80))
def test_anything_else_is_invalid(text: str) -> None:
    with pytest.raises(CursorInvalid):
        CURSORS.open(CONVERSATION, text)


@given(place=st.integers(0, 40), bit=st.integers(0, 5))
def test_changed_cursor_is_invalid(place: int, bit: int) -> None:
    cursor = CURSORS.seal(CONVERSATION, Position.at(7, CONVERSATION))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    changed = alphabet[alphabet.index(cursor[place]) ^ (1 << bit)]
    with pytest.raises(CursorInvalid):
        CURSORS.open(CONVERSATION, cursor[:place] + changed + cursor[place + 1 :])


def test_cursor_is_short() -> None:
    assert len(CURSORS.seal(CONVERSATION, Position.at(2**40, CONVERSATION))) < 64
