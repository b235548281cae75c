"""Customers: making an account, looking at it, deleting it."""

from __future__ import annotations

import unicodedata

from mesh.clock import Clock
from mesh.errors import FieldViolation, InvalidRequest
from mesh.ids import uuid7
from services.identity.accounts.password_hashing import PasswordHasher
from services.identity.accounts.password_rules import refuse_weak
from services.identity.errors import CustomerNotFound, EmailTaken
from services.identity.store.records import Customer
from services.identity.store.store import Store
from services.identity.tokens.sessions import Sessions, TokenPair

DEFAULT_LOCALE = "en-IN"


def canonical(email: str) -> str:
    """The form in which addresses are compared: without case, since people don't remember how they typed theirs."""
    return email.casefold()


def refuse_controls(**fields: str) -> None:
    """Raises InvalidRequest for fields with control characters: no name and no address has any, and PostgreSQL's text takes no NUL."""
    bad = [
        name for name, text in fields.items() if any(unicodedata.category(letter) == "Cc" for letter in text)
    ]
    if bad:
        raise InvalidRequest([FieldViolation(name, "must not contain control characters") for name in bad])


class Customers:
    """The people with an account."""

    def __init__(self, store: Store, hasher: PasswordHasher, sessions: Sessions, clock: Clock) -> None:
        self._store, self._hasher, self._sessions, self._clock = store, hasher, sessions, clock

    async def register(
        self, email: str, password: str, display_name: str, locale: str
    ) -> tuple[Customer, TokenPair]:
        """A new account, signed in.

        Raises:
            InvalidRequest: the address or the name contains control characters.
            WeakPassword: nobody should use that password.
            EmailTaken: the address has an account.
            Overloaded: too many passwords are being hashed.
        """
        refuse_controls(email=email, display_name=display_name)
        refuse_weak(password, email=email, display_name=display_name)
        async with self._store.reading() as tx:
            if await tx.customer_by_email(canonical(email)):
                raise EmailTaken  # before half a second of hashing, not instead of the constraint below
        password_hash = await self._hasher.hash(password)
        customer = Customer(
            uuid7(), email, display_name, locale or DEFAULT_LOCALE, password_hash, self._clock.now()
        )
        async with self._store.writing() as tx:
            await tx.add_customer(customer, canonical(email))
            return customer, await self._sessions.open(tx, customer.customer_id)

    async def get(self, customer_id: str) -> Customer:
        """The customer.

        Raises:
            CustomerNotFound: deleted since the token was made.
        """
        async with self._store.reading() as tx:
            customer = await tx.customer(customer_id)
        if customer is None:
            raise CustomerNotFound
        return customer
