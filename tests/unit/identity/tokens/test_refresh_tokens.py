"""Rotation of refresh tokens, without a database: honest clients continue, thieves are detected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.keyed_digests import KeyedDigests
from services.identity.store.records import RefreshToken
from services.identity.tokens.refresh_tokens import digest_of, may_repeat, new_token, successor_of

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
WINDOW = timedelta(seconds=20)
DIGESTS = KeyedDigests(b"pepper of at least 32 characters")


class Reused(Exception):
    """The session was ended."""


class Family:
    """The tokens of one session, as in the store."""

    def __init__(self) -> None:
        self._tokens: dict[bytes, RefreshToken] = {}
        self.now = NOON
        self.first = new_token("rbr").text
        self._add(digest_of(self.first))

    def exchange(self, text: str) -> str:
        """Present a token; return its successor."""
        token = self._tokens[digest_of(text)]
        successor = successor_of(text, DIGESTS)
        if token.spent_at is None:
            self._tokens[token.digest] = RefreshToken(
                token.digest, token.session_id, token.parent, token.created_at, spent_at=self.now
            )
            self._add(successor.digest)
        elif not may_repeat(token, self._tokens.get(successor.digest), self.now, WINDOW):
            raise Reused
        return successor.text

    def _add(self, digest: bytes) -> None:
        self._tokens[digest] = RefreshToken(digest, "session", None, self.now)


def test_each_token_leads_to_the_next_and_no_two_are_equal() -> None:
    family = Family()
    tokens = [family.first]
    for _ in range(10):
        tokens.append(family.exchange(tokens[-1]))
    assert len(set(tokens)) == 11
    assert all(token.startswith("rbr_") and len(token) == len(family.first) for token in tokens)


def test_a_successor_can_only_be_computed_with_the_key() -> None:
    token = new_token("rbr").text
    assert successor_of(token, DIGESTS).text == successor_of(token, DIGESTS).text
    assert successor_of(token, KeyedDigests(b"another")).text != successor_of(token, DIGESTS).text


def test_a_spent_token_gets_the_same_successor_within_seconds() -> None:
    family = Family()
    successor = family.exchange(family.first)
    family.now += WINDOW - timedelta(microseconds=1)
    assert family.exchange(family.first) == successor


def test_a_spent_token_is_reuse_after_the_window() -> None:
    family = Family()
    family.exchange(family.first)
    family.now += WINDOW
    with pytest.raises(Reused):
        family.exchange(family.first)


def test_a_spent_token_is_reuse_after_its_successor_was_used() -> None:
    family = Family()
    family.exchange(family.exchange(family.first))
    with pytest.raises(Reused):
        family.exchange(family.first)


def test_a_grandparent_is_always_reuse() -> None:
    family = Family()
    parent = family.exchange(family.first)
    family.exchange(parent)
    family.exchange(parent)
    with pytest.raises(Reused):
        family.exchange(family.first)


@given(answers_lost=st.lists(st.booleans(), max_size=40))
def test_a_client_that_retries_at_once_may_lose_any_number_of_responses(answers_lost: list[bool]) -> None:
    family = Family()
    saved = family.first
    for lost in answers_lost:
        answer = family.exchange(saved)
        if not lost:
            saved = answer
            family.now += timedelta(minutes=9)


@given(before=st.integers(0, 5), turns=st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=30))
def test_thief_and_customer_cannot_both_refresh_twice_with_a_window_between(
    before: int, turns: list[tuple[bool, int]]
) -> None:
    family = Family()
    copied = family.first
    for _ in range(before):
        copied = family.exchange(copied)
    holds = {"customer": copied, "thief": copied}
    refreshed = {"customer": 0, "thief": 0}
    for is_thief, seconds in turns:
        family.now += WINDOW + timedelta(seconds=seconds)
        party = "thief" if is_thief else "customer"
        try:
            holds[party] = family.exchange(holds[party])
        except Reused:
            return  # the session has ended for both
        refreshed[party] += 1
    assert min(refreshed.values()) == 0
