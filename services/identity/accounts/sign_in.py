"""Signing in with a password.

An unknown address and a wrong password get the same message and code, after the same time.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from weakref import WeakValueDictionary

from mesh.clock import Clock
from services.identity.accounts.customers import canonical_email, refuse_control_characters
from services.identity.accounts.password_hashing import PasswordHasher
from services.identity.accounts.sign_in_throttling import count_attempt
from services.identity.errors import WrongCredentials
from services.identity.store.records import Customer
from services.identity.store.store import Store
from services.identity.tokens.refresh_tokens import digest_of
from services.identity.tokens.sessions import CustomerSessions, TokenPair


class PasswordSignIn:
    """Checks passwords and opens sessions."""

    def __init__(
        self, store: Store, hasher: PasswordHasher, sessions: CustomerSessions, clock: Clock
    ) -> None:
        self._store, self._hasher, self._sessions, self._clock = store, hasher, sessions, clock
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def sign_in(self, email: str, password: str) -> tuple[Customer, TokenPair]:
        """Return the customer and the tokens of a new session.

        Raises:
            InvalidRequest: the address contains control characters.
            WrongCredentials: address and password don't match.
            TooManyAttempts: the address had too many failures.
            Overloaded: too many passwords are being hashed.
        """
        refuse_control_characters(email=email)
        customer = await self._check(email, password)
        outdated = self._hasher.is_outdated(customer.password_hash)
        current = replace(customer, password_hash=await self._hasher.hash(password)) if outdated else customer
        async with self._store.writing() as tx:
            if await tx.customer(customer.customer_id) is None:
                raise WrongCredentials  # deleted while the password was checked
            if outdated:
                await tx.set_password_hash(customer.customer_id, current.password_hash)
            return current, await self._sessions.open(tx, customer.customer_id)

    async def confirm(self, customer_id: str, password: str) -> None:
        """Check the password of a signed-in customer.

        Raises the same errors as `sign_in`. A customer who no longer exists passes the check.
        """
        async with self._store.reading() as tx:
            customer = await tx.customer(customer_id)
        if customer is not None:
            await self._check(customer.email, password)

    async def _check(self, email: str, password: str) -> Customer:
        """Return the customer with this address and password. A wrong password counts as a failed attempt."""
        address = canonical_email(email)
        account = digest_of(address)
        # One attempt of an account at a time: each counts as a failure until its password is checked.
        async with self._locks.setdefault(account, asyncio.Lock()):
            self._hasher.refuse_when_full()
            async with self._store.writing() as tx:
                await tx.begin_attempts(account, self._clock.now())
                await tx.put_attempts(account, count_attempt(await tx.attempts(account), self._clock.now()))
                customer = await tx.customer_by_email(address)
            matches = await self._hasher.verify(password, customer.password_hash if customer else None)
            if customer is None or not matches:
                raise WrongCredentials
            async with self._store.writing() as tx:
                await tx.delete_attempts(account)
            return customer
