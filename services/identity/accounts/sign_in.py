"""Signing in with a password.

An unknown address and a wrong password get the same message and code, after the same time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from weakref import WeakValueDictionary

from mesh.clock import Clock
from mesh.security.token_buckets import TokenBuckets
from services.identity.accounts import sign_in_throttling
from services.identity.accounts.customers import canonical_email, refuse_control_characters
from services.identity.accounts.hashing_queue import HashingQueue, Requester
from services.identity.accounts.password_hashing import PasswordHasher
from services.identity.accounts.sign_in_throttling import FIRST_WAIT, AttemptKeys
from services.identity.errors import TooManyAttempts, WrongCredentials
from services.identity.keyed_digests import KeyedDigests
from services.identity.store.records import Customer
from services.identity.store.store import Store
from services.identity.tokens.sessions import CustomerSessions, TokenPair

MAX_CONCURRENT = 16
"""Attempts of one source on one account that may wait for each other."""


class PasswordSignIn:
    """Checks passwords and opens sessions.

    `failures` limits the failures of a source on all accounts together. It doesn't apply to an account that
    the source has signed in to before.
    """

    def __init__(
        self,
        store: Store,
        hasher: PasswordHasher,
        queue: HashingQueue,
        sessions: CustomerSessions,
        failures: TokenBuckets,
        digests: KeyedDigests,
        clock: Clock,
    ) -> None:
        self._store, self._hasher, self._queue, self._sessions = store, hasher, queue, sessions
        self._failures, self._digests, self._clock = failures, digests, clock
        self._turns = _TakingTurns()

    async def sign_in(self, email: str, password: str, source: str) -> tuple[Customer, TokenPair]:
        """Return the customer and the tokens of a new session. `source` is the caller's network address.

        Raises:
            InvalidRequest: the address contains control characters.
            WrongCredentials: address and password don't match.
            TooManyAttempts: the account or the source had too many failures.
            Overloaded: too many passwords are being hashed.
        """
        refuse_control_characters(email=email)
        customer, rehashed = await self._check(canonical_email(email), password, source)
        async with self._store.writing() as tx:
            if await tx.customer(customer.customer_id) is None:
                raise WrongCredentials  # deleted while the password was checked
            if rehashed:
                await tx.set_password_hash(customer.customer_id, rehashed)
            return customer, await self._sessions.open(tx, customer.customer_id, source)

    async def confirm(self, customer_id: str, password: str, source: str) -> None:
        """Check the password of a signed-in customer.

        Raises the same errors as `sign_in`. A customer who no longer exists passes the check.
        """
        async with self._store.reading() as tx:
            customer = await tx.customer(customer_id)
        if customer is not None:
            await self._check(canonical_email(customer.email), password, source)

    async def _check(self, address: str, password: str, source: str) -> tuple[Customer, str | None]:
        """Return the customer with this address and password, and a new hash if the stored one is outdated.

        One attempt of a source on an account at a time: each counts as a failure until it is checked.
        """
        async with self._turns.next(address, source):
            customer, keys = await self._look_up(address, source)
            if not keys.is_known and (wait := self._failures.take(source)) is not None:
                raise TooManyAttempts(wait)
            async with self._queue.turn(Requester(source, address, keys.is_known)) as turn:
                async with self._store.writing() as tx:
                    await sign_in_throttling.count(tx, keys, self._clock.now())
                stored = customer.password_hash if customer else None
                matches, rehashed = await turn.run(partial(self._verify, password, stored))
            if customer is None or not matches:
                raise WrongCredentials
            async with self._store.writing() as tx:
                await sign_in_throttling.forget(tx, keys)
            if not keys.is_known:
                self._failures.give_back(source)
            return customer, rehashed

    async def _look_up(self, address: str, source: str) -> tuple[Customer | None, AttemptKeys]:
        """Return the account, and the keys of its failures. Raises TooManyAttempts before work is done."""
        async with self._store.reading() as tx:
            customer = await tx.customer_by_email(address)
            is_known = bool(
                customer and source and await self._sessions.has_been_opened_from(tx, customer, source)
            )
            keys = AttemptKeys(
                self._digests.of("account", address), self._digests.of("attempts", address, source), is_known
            )
            await sign_in_throttling.check(tx, keys, self._clock.now())
        return customer, keys

    def _verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        matches = self._hasher.verify(password, stored)
        outdated = matches and stored is not None and self._hasher.is_outdated(stored)
        return matches, self._hasher.hash(password) if outdated else None


class _TakingTurns:
    """One attempt of a source on an account at a time."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._attempts: Counter[tuple[str, str]] = Counter()

    @asynccontextmanager
    async def next(self, address: str, source: str) -> AsyncIterator[None]:
        """Wait until earlier attempts have ended.

        Raises:
            TooManyAttempts: too many attempts wait.
        """
        key = (address, source)
        if self._attempts[key] >= MAX_CONCURRENT:
            raise TooManyAttempts(FIRST_WAIT)
        self._attempts[key] += 1
        try:
            async with self._locks.setdefault(key, asyncio.Lock()):
                yield
        finally:
            self._attempts[key] -= 1
            self._attempts += Counter()  # drops the zeros
