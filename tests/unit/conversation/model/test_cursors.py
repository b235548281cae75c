"""Cursors hold a position in one log and are invalid for any other."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.conversation.errors import CursorExpired, InvalidCursor
from services.conversation.model.cursors import START, Cursors, LogId, Position

pytestmark = pytest.mark.unit

CONVERSATION = LogId.conversation(str(uuid4()))
FEED = LogId.feed(str(uuid4()))
CURSORS = Cursors(b"key", b"0123456789abcdef")


@given(log=st.sampled_from([CONVERSATION, FEED]), number=st.integers(1, 2**63), entry_id=st.uuids())
def test_cursor_opens_to_the_position_it_was_sealed_for(log: LogId, number: int, entry_id: object) -> None:
    position = Position.at(number, str(entry_id))
    assert CURSORS.open(log, CURSORS.seal(log, position)) == position


def test_cursor_before_the_first_entry_opens_to_the_start() -> None:
    assert CURSORS.open(CONVERSATION, CURSORS.seal(CONVERSATION, START)) == START


@pytest.mark.parametrize("other", [LogId.conversation(str(uuid4())), FEED, LogId.feed(CONVERSATION.id)])
def test_cursor_of_another_log_is_invalid(other: LogId) -> None:
    for mine, theirs in ((CONVERSATION, other), (other, CONVERSATION)):
        with pytest.raises(InvalidCursor):
            CURSORS.open(mine, CURSORS.seal(theirs, START))


def test_cursor_of_another_installation_is_invalid() -> None:
    with pytest.raises(InvalidCursor):
        CURSORS.open(CONVERSATION, Cursors(b"other key", b"0123456789abcdef").seal(CONVERSATION, START))


def test_cursor_of_a_database_that_was_replaced_has_expired_and_the_earliest_one_works() -> None:
    replaced = Cursors(b"key", b"fedcba9876543210")
    with pytest.raises(CursorExpired) as caught:
        CURSORS.open(CONVERSATION, replaced.seal(CONVERSATION, Position.at(7, CONVERSATION.id)))
    assert CURSORS.open(CONVERSATION, caught.value.metadata["earliest_cursor"]) == START


@given(st.text(max_size=80))
def test_malformed_cursor_is_invalid(text: str) -> None:
    with pytest.raises(InvalidCursor):
        CURSORS.open(CONVERSATION, text)


@given(place=st.integers(0, 40), bit=st.integers(0, 5))
def test_changed_cursor_is_invalid(place: int, bit: int) -> None:
    cursor = CURSORS.seal(CONVERSATION, Position.at(7, CONVERSATION.id))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    changed = alphabet[alphabet.index(cursor[place]) ^ (1 << bit)]
    with pytest.raises(InvalidCursor):
        CURSORS.open(CONVERSATION, cursor[:place] + changed + cursor[place + 1 :])


def test_cursor_is_short() -> None:
    assert len(CURSORS.seal(CONVERSATION, Position.at(2**40, CONVERSATION.id))) < 64
