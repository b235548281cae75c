"""Password hashes: every character counts, and unknown accounts take as long as wrong passwords."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.identity.accounts.password_hashing import PasswordHasher
from services.identity.accounts.password_preparation import prepared

pytestmark = pytest.mark.unit

PEPPER = b"pepper of at least 32 characters"
COST = 4


@pytest.fixture
def hasher() -> PasswordHasher:
    return PasswordHasher(PEPPER, cost=COST)


def test_a_password_verifies_against_its_own_hash_only(hasher: PasswordHasher) -> None:
    stored = hasher.hash("a flock of quiet herons")
    assert hasher.verify("a flock of quiet herons", stored)
    assert not hasher.verify("a flock of quiet heron", stored)


def test_the_same_password_never_makes_the_same_hash_twice(hasher: PasswordHasher) -> None:
    assert hasher.hash("a flock of quiet herons") != hasher.hash("a flock of quiet herons")


def test_two_passwords_sharing_their_first_72_bytes_do_not_cross_verify(hasher: PasswordHasher) -> None:
    stored = hasher.hash("x" * 72 + "one")
    assert not hasher.verify("x" * 72 + "two", stored)
    assert not hasher.verify("x" * 72, stored)


def test_a_password_of_64_four_byte_emoji_verifies_and_its_last_one_counts(
    hasher: PasswordHasher,
) -> None:
    password = "\U0001f6e9" * 64
    assert len(password.encode()) == 256
    stored = hasher.hash(password)
    assert hasher.verify(password, stored)
    assert not hasher.verify(password[:-1], stored)


def test_characters_after_a_nul_count(hasher: PasswordHasher) -> None:
    stored = hasher.hash("before\0after")
    assert hasher.verify("before\0after", stored)
    assert not hasher.verify("before\0another", stored)
    assert not hasher.verify("before", stored)


@settings(max_examples=40, deadline=None)
@given(password=st.text(max_size=256), other=st.text(max_size=256))
def test_every_password_verifies_itself_only(password: str, other: str) -> None:
    hasher = PasswordHasher(PEPPER, cost=COST)
    stored = hasher.hash(password)
    assert hasher.verify(password, stored)
    assert hasher.verify(other, stored) is (prepared(password) == prepared(other))


def test_a_hash_is_worthless_without_the_pepper(hasher: PasswordHasher) -> None:
    stored = hasher.hash("a flock of quiet herons")
    elsewhere = PasswordHasher(b"another pepper of 32 characters.", cost=COST)
    assert not elsewhere.verify("a flock of quiet herons", stored)


def test_the_stored_hash_follows_the_documented_scheme(hasher: PasswordHasher) -> None:
    version, recipe, cost, rest = (hasher.hash("a flock of quiet herons")).split("$")
    assert (version, recipe, cost) == ("v2", "2b", "04")
    digest = base64.b64encode(hmac.new(PEPPER, b"a flock of quiet herons", hashlib.sha384).digest())
    assert len(digest) == 64
    assert bcrypt.checkpw(digest, f"$2b$04${rest}".encode())


def test_a_hash_of_another_cost_verifies_and_counts_as_outdated(hasher: PasswordHasher) -> None:
    older = PasswordHasher(PEPPER, cost=5)
    stored = older.hash("a flock of quiet herons")
    assert hasher.verify("a flock of quiet herons", stored)
    assert hasher.is_outdated(stored)
    assert not older.is_outdated(stored)


def test_a_hash_of_an_unknown_version_is_an_error_and_not_a_wrong_password(
    hasher: PasswordHasher,
) -> None:
    with pytest.raises(ValueError, match="v9"):
        hasher.verify("a flock of quiet herons", "v9$argon2id$whatever")


def test_an_unknown_account_costs_a_full_check_and_never_matches(
    hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[bytes] = []
    real = bcrypt.checkpw

    def recording(digest: bytes, expected: bytes) -> bool:
        checked.append(expected[:7])
        return real(digest, expected)

    stored = hasher.hash("a flock of quiet herons")
    monkeypatch.setattr(bcrypt, "checkpw", recording)
    assert not hasher.verify("another password", stored)
    assert not hasher.verify("another password", None)
    assert checked == [b"$2b$04$", b"$2b$04$"]


def test_every_unicode_form_of_a_password_is_the_same_password(hasher: PasswordHasher) -> None:
    typed = "un caf\u00e9 cr\u00e8me \uac00"
    stored = hasher.hash(unicodedata.normalize("NFD", typed))
    assert hasher.verify(unicodedata.normalize("NFC", typed), stored)
    assert hasher.verify(typed.replace(" ", "\u00a0"), stored)
    assert not hasher.verify(typed.replace("\u00e9", "e"), stored)


def test_a_hash_from_before_passwords_were_prepared_verifies_as_typed_and_counts_as_outdated(
    hasher: PasswordHasher,
) -> None:
    typed = unicodedata.normalize("NFD", "un caf\u00e9 cr\u00e8me")
    digest = base64.b64encode(hmac.new(PEPPER, typed.encode(), hashlib.sha384).digest())
    stored = "v1" + bcrypt.hashpw(digest, bcrypt.gensalt(COST)).decode()
    assert hasher.verify(typed, stored)
    assert hasher.is_outdated(stored)
    assert hasher.verify(unicodedata.normalize("NFC", typed), hasher.hash(typed))
