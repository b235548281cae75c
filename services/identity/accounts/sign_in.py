"""Signing in with a password. Nothing tells a wrong password from an unknown address: not the message, not the code, not the time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from weakref import WeakValueDictionary

from mesh.clock import Clock
from services.identity.accounts.customers import canonical, refuse_controls
from services.identity.accounts.password_hashing import PasswordHasher
from services.identity.accounts.sign_in_throttling import charged
from services.identity.errors import WrongCredentials
from services.identity.store.records import Customer
from services.identity.store.store import Store
from services.identity.tokens.opaque_tokens import digest_of
from services.identity.tokens.sessions import Sessions, TokenPair


class SignIn:
    """Checks passwords, and opens sessions for the right ones."""

    def __init__(self, store: Store, hasher: PasswordHasher, sessions: Sessions, clock: Clock) -> None:
        self._store, self._hasher, self._sessions, self._clock = store, hasher, sessions, clock
        self._lines: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def sign_in(self, email: str, password: str) -> tuple[Customer, TokenPair]:
        """The customer and the tokens of a new session.

        Raises:
            InvalidRequest: the address contains control characters, so it is nobody's.
            WrongCredentials: address and password don't belong together.
            TooManyAttempts: too many failed lately for this address.
            Overloaded: too many passwords are being checked.
        """
        refuse_controls(email=email)
        customer = await self.check(email, password)
        outdated = self._hasher.is_outdated(customer.password_hash)
        current = replace(customer, password_hash=await self._hasher.hash(password)) if outdated else customer
        async with self._store.writing() as tx:
            if await tx.customer(customer.customer_id) is None:
                raise WrongCredentials  # deleted while the password was being checked
            if outdated:
                await tx.set_password_hash(customer.customer_id, current.password_hash)
            return current, await self._sessions.open(tx, customer.customer_id)

    async def check(self, email: str, password: str) -> Customer:
        """The customer whose address and password these are; counts against the account when they aren't. Raises what `sign_in` does."""
        account = digest_of(canonical(email))
        # One at a time, so that right passwords sent side by side don't count as failures while they are being checked.
        async with self._lines.setdefault(account, asyncio.Lock()):
            self._hasher.refuse_when_full()
            async with self._store.writing() as tx:
                await tx.begin_attempts(account, self._clock.now())
                await tx.put_attempts(account, charged(await tx.attempts(account), self._clock.now()))
                customer = await tx.customer_by_email(canonical(email))
            matches = await self._hasher.verify(password, customer.password_hash if customer else None)
            if customer is None or not matches:
                raise WrongCredentials
            async with self._store.writing() as tx:
                await tx.forget_attempts(account)
            return customer

    async def confirm(self, customer_id: str, password: str) -> None:
        """Asks a signed-in customer for the password once more; one who is gone has nothing left to protect. Raises what `sign_in` does."""
        async with self._store.reading() as tx:
            customer = await tx.customer(customer_id)
        if customer is not None:
            await self.check(customer.email, password)
