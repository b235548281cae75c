"""Password hashes: every character counts, and unknown accounts take as long as wrong passwords."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import threading
from collections.abc import Iterator

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.errors import Overloaded
from services.identity.accounts.password_hashing import PasswordHasher

pytestmark = pytest.mark.unit

PEPPER = b"pepper of at least 32 characters"
COST = 4


@pytest.fixture
def hasher() -> Iterator[PasswordHasher]:
    hasher = PasswordHasher(PEPPER, cost=COST)
    yield hasher
    hasher.close()


async def test_a_password_verifies_against_its_own_hash_only(hasher: PasswordHasher) -> None:
    stored = await hasher.hash("a flock of quiet herons")
    assert await hasher.verify("a flock of quiet herons", stored)
    assert not await hasher.verify("a flock of quiet heron", stored)


async def test_the_same_password_never_makes_the_same_hash_twice(hasher: PasswordHasher) -> None:
    assert await hasher.hash("a flock of quiet herons") != await hasher.hash("a flock of quiet herons")


async def test_two_passwords_sharing_their_first_72_bytes_do_not_cross_verify(hasher: PasswordHasher) -> None:
    stored = await hasher.hash("x" * 72 + "one")
    assert not await hasher.verify("x" * 72 + "two", stored)
    assert not await hasher.verify("x" * 72, stored)


async def test_a_password_of_64_four_byte_emoji_verifies_and_its_last_one_counts(
    hasher: PasswordHasher,
) -> None:
    password = "\U0001f6e9" * 64
    assert len(password.encode()) == 256
    stored = await hasher.hash(password)
    assert await hasher.verify(password, stored)
    assert not await hasher.verify(password[:-1], stored)


async def test_characters_after_a_nul_count(hasher: PasswordHasher) -> None:
    stored = await hasher.hash("before\0after")
    assert await hasher.verify("before\0after", stored)
    assert not await hasher.verify("before\0another", stored)
    assert not await hasher.verify("before", stored)


@settings(max_examples=40, deadline=None)
@given(password=st.text(max_size=256), other=st.text(max_size=256))
def test_every_password_verifies_itself_only(password: str, other: str) -> None:
    async def check() -> None:
        hasher = PasswordHasher(PEPPER, cost=COST)
        try:
            stored = await hasher.hash(password)
            assert await hasher.verify(password, stored)
            assert await hasher.verify(other, stored) is (password == other)
        finally:
            hasher.close()

    asyncio.run(check())


async def test_a_hash_is_worthless_without_the_pepper(hasher: PasswordHasher) -> None:
    stored = await hasher.hash("a flock of quiet herons")
    elsewhere = PasswordHasher(b"another pepper of 32 characters.", cost=COST)
    assert not await elsewhere.verify("a flock of quiet herons", stored)
    elsewhere.close()


async def test_the_stored_hash_follows_the_documented_scheme(hasher: PasswordHasher) -> None:
    version, recipe, cost, rest = (await hasher.hash("a flock of quiet herons")).split("$")
    assert (version, recipe, cost) == ("v1", "2b", "04")
    digest = base64.b64encode(hmac.new(PEPPER, b"a flock of quiet herons", hashlib.sha384).digest())
    assert len(digest) == 64
    assert bcrypt.checkpw(digest, f"$2b$04${rest}".encode())


async def test_a_hash_of_another_cost_verifies_and_counts_as_outdated(hasher: PasswordHasher) -> None:
    older = PasswordHasher(PEPPER, cost=5)
    stored = await older.hash("a flock of quiet herons")
    assert await hasher.verify("a flock of quiet herons", stored)
    assert hasher.is_outdated(stored)
    assert not older.is_outdated(stored)
    older.close()


async def test_a_hash_of_an_unknown_version_is_an_error_and_not_a_wrong_password(
    hasher: PasswordHasher,
) -> None:
    with pytest.raises(ValueError, match="v9"):
        await hasher.verify("a flock of quiet herons", "v9$argon2id$whatever")


async def test_an_unknown_account_costs_a_full_check_and_never_matches(
    hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[bytes] = []
    real = bcrypt.checkpw

    def recording(digest: bytes, expected: bytes) -> bool:
        checked.append(expected[:7])
        return real(digest, expected)

    stored = await hasher.hash("a flock of quiet herons")
    monkeypatch.setattr(bcrypt, "checkpw", recording)
    assert not await hasher.verify("another password", stored)
    assert not await hasher.verify("another password", None)
    assert checked == [b"$2b$04$", b"$2b$04$"]


async def test_hashing_leaves_the_event_loop_free(
    hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop_went_on = threading.Event()
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: loop_went_on.wait(10))
    checking = asyncio.create_task(hasher.verify("a flock of quiet herons", None))
    await asyncio.sleep(0)
    loop_went_on.set()
    await checking


async def test_attempts_beyond_the_queue_are_refused_with_retry_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = threading.Event()
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: gate.wait(10))
    hasher = PasswordHasher(PEPPER, cost=COST, threads=1, waiting=1)
    admitted = [asyncio.create_task(hasher.verify("password", None)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as refused:
        await hasher.verify("password", None)
    assert refused.value.retry_after is not None
    with pytest.raises(Overloaded):
        hasher.refuse_when_full()
    gate.set()
    await asyncio.gather(*admitted)
    assert not await hasher.verify("password", None)
    hasher.close()


async def test_a_cancelled_caller_keeps_its_slot_until_the_hash_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started, gate = threading.Event(), threading.Event()

    def blocked(*_: bytes) -> bool:
        started.set()
        return gate.wait(10)

    monkeypatch.setattr(bcrypt, "checkpw", blocked)
    hasher = PasswordHasher(PEPPER, cost=COST, threads=1, waiting=0)
    hung_up = asyncio.create_task(hasher.verify("password", None))
    await asyncio.to_thread(started.wait, 10)
    hung_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hung_up
    with pytest.raises(Overloaded):
        hasher.refuse_when_full()
    gate.set()
    hasher.close()
