"""Rotation of refresh tokens, without a database: honest clients continue, thieves are detected."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.errors import RefreshTokenReused
from services.identity.store.records import RefreshToken
from services.identity.tokens.refresh_tokens import refuse_reuse

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Family:
    """The tokens of one session, as in the store."""

    def __init__(self) -> None:
        self._tokens: dict[bytes, RefreshToken] = {}
        self.first = self._add(parent=None)

    def exchange(self, digest: bytes) -> bytes:
        """Presents a token; the digest of its successor."""
        token = self._tokens[digest]
        refuse_reuse(token, list(self._tokens.values()))
        self._tokens[digest] = RefreshToken(
            digest, token.session_id, token.parent, token.created_at, spent_at=NOON
        )
        return self._add(parent=digest)

    def _add(self, parent: bytes | None) -> bytes:
        digest = len(self._tokens).to_bytes(32, "big")
        self._tokens[digest] = RefreshToken(digest, "session", parent, NOON)
        return digest


def test_each_token_leads_to_the_next() -> None:
    family = Family()
    token = family.first
    for _ in range(10):
        token = family.exchange(token)


def test_the_parent_is_accepted_until_its_successor_was_used() -> None:
    family = Family()
    parent = family.exchange(family.first)
    family.exchange(parent)
    again = family.exchange(parent)
    family.exchange(again)


def test_the_parent_is_reuse_after_its_successor_was_used() -> None:
    family = Family()
    family.exchange(family.exchange(family.first))
    with pytest.raises(RefreshTokenReused):
        family.exchange(family.first)


def test_a_grandparent_is_always_reuse() -> None:
    family = Family()
    parent = family.exchange(family.first)
    family.exchange(parent)
    family.exchange(parent)
    with pytest.raises(RefreshTokenReused):
        family.exchange(family.first)


def test_the_second_used_of_two_successors_is_reuse() -> None:
    family = Family()
    one, other = family.exchange(family.first), family.exchange(family.first)
    family.exchange(other)
    with pytest.raises(RefreshTokenReused):
        family.exchange(one)


@given(answers_lost=st.lists(st.booleans(), max_size=40))
def test_a_client_may_lose_any_number_of_responses(answers_lost: list[bool]) -> None:
    family = Family()
    saved = family.first
    for lost in answers_lost:
        answer = family.exchange(saved)
        saved = saved if lost else answer


@given(before=st.integers(0, 5), turns=st.lists(st.booleans(), max_size=30))
def test_thief_and_customer_cannot_both_refresh_twice(before: int, turns: list[bool]) -> None:
    family = Family()
    copied = family.first
    for _ in range(before):
        copied = family.exchange(copied)
    holds = {"customer": copied, "thief": copied}
    refreshed = {"customer": 0, "thief": 0}
    for is_thief in turns:
        party = "thief" if is_thief else "customer"
        try:
            holds[party] = family.exchange(holds[party])
        except RefreshTokenReused:
            return  # the session has ended for both
        refreshed[party] += 1
    assert min(refreshed.values()) < 2
