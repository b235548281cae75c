"""A page token is valid for the listing that it was made for, and for no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.contracts.page_tokens import PageTokens
from mesh.errors import InvalidPageToken

pytestmark = pytest.mark.unit


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_page_token_is_valid_for_its_own_listing(position: str, bound_to: str) -> None:
    tokens = PageTokens(b"k" * 32)
    assert tokens.open(tokens.seal(position, bound_to), bound_to) == position


@given(st.text(max_size=80))
def test_forged_page_tokens_are_refused(token: str) -> None:
    with pytest.raises(InvalidPageToken):
        PageTokens(b"k" * 32).open(token, "list")


def test_a_page_token_of_another_customer_or_installation_is_refused() -> None:
    token = PageTokens(b"k" * 32).seal("17", "ada")
    with pytest.raises(InvalidPageToken):
        PageTokens(b"k" * 32).open(token, "bob")
    with pytest.raises(InvalidPageToken):
        PageTokens(b"other" * 8).open(token, "ada")
