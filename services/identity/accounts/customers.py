"""Customers: registration, reading and changes of accounts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from mesh.clock import Clock
from mesh.errors import FieldViolation, InvalidRequest
from mesh.ids import uuid7
from mesh.security.token_buckets import TokenBuckets
from services.identity.accounts.hashing_queue import HashingQueue, Requester
from services.identity.accounts.password_hashing import PasswordHasher
from services.identity.accounts.password_rules import refuse_weak
from services.identity.errors import CustomerNotFound, EmailTaken, TooManyRegistrations
from services.identity.store.records import Customer
from services.identity.store.store import Store, Transaction
from services.identity.tokens.sessions import CustomerSessions, TokenPair

DEFAULT_LOCALE = "en-IN"
CHANGEABLE = ("display_name", "locale", "email")
"""Fields that an update may name. Changing the e-mail address isn't built yet, so it must stay the same."""


def canonical_email(email: str) -> str:
    """Return the form of an address that comparisons use.

    It ignores case, because people don't always type their address in the same case.
    """
    return email.casefold()


def refuse_control_characters(**fields: str) -> None:
    """Raise InvalidRequest if a field has control characters. PostgreSQL can't store NUL in text."""
    violations = [
        FieldViolation(name, "must not contain control characters")
        for name, text in fields.items()
        if any(unicodedata.category(letter) == "Cc" for letter in text)
    ]
    if violations:
        raise InvalidRequest(violations)


class Customers:
    """Registers, reads and changes customers."""

    def __init__(
        self,
        store: Store,
        hasher: PasswordHasher,
        queue: HashingQueue,
        sessions: CustomerSessions,
        registrations: TokenBuckets,
        clock: Clock,
    ) -> None:
        self._store, self._hasher, self._queue, self._sessions = store, hasher, queue, sessions
        self._registrations, self._clock = registrations, clock

    async def register(
        self, email: str, password: str, display_name: str, locale: str, source: str, client: str
    ) -> tuple[Customer, TokenPair]:
        """Create an account and sign it in.

        `source` is the caller's network address, and `client` the name that the caller gave itself.

        Raises:
            InvalidRequest: a text contains control characters.
            WeakPassword: the password is not acceptable.
            TooManyRegistrations: the source has registered too often.
            EmailTaken: the address has an account.
            Overloaded: too many passwords are being hashed.
        """
        refuse_control_characters(email=email, display_name=display_name, client=client)
        refuse_weak(password, email=email, display_name=display_name)
        if (wait := self._registrations.take(source)) is not None:
            raise TooManyRegistrations(wait)
        address = canonical_email(email)
        async with self._store.reading() as tx:
            # Only saves half a second of hashing; the unique constraint prevents duplicates.
            if await tx.customer_by_email(address):
                raise EmailTaken
        async with self._queue.turn(Requester(source, address)) as turn:
            password_hash = await turn.run(partial(self._hasher.hash, password))
        customer = Customer(
            uuid7(), email, display_name, locale or DEFAULT_LOCALE, password_hash, self._clock.now()
        )
        async with self._store.writing() as tx:
            await tx.add_customer(customer, address)
            return customer, await self._sessions.open(tx, customer.customer_id, source, client)

    async def get(self, customer_id: str, session_id: str | None) -> Customer:
        """Return a customer. `session_id` is the session of the customer's own token; None for an agent's.

        Raises:
            CustomerNotFound: the account was deleted after the token was issued.
            SessionEnded: the session has ended after the token was issued.
        """
        async with self._store.reading() as tx:
            return await self._get(tx, customer_id, session_id)

    async def update(
        self,
        customer_id: str,
        session_id: str,
        values: Mapping[str, str],
        check: Callable[[Customer], None],
    ) -> Customer:
        """Set fields of a customer and return the changed customer.

        `check` raises an error if the stored customer may not be changed. It isn't called if nothing changes.

        Raises:
            InvalidRequest: a value isn't valid, or is another e-mail address.
            CustomerNotFound, SessionEnded.
        """
        _require_valid(values)
        async with self._store.writing() as tx:
            customer = await self._get(tx, customer_id, session_id)
            if values.get("email", customer.email) != customer.email:
                raise InvalidRequest([FieldViolation("customer.email", "can't be changed yet")])
            changed = replace(customer, **dict[str, Any](values))
            if changed != customer:
                check(customer)
                await tx.change_customer(customer_id, **values)
        return changed

    async def _get(self, tx: Transaction, customer_id: str, session_id: str | None) -> Customer:
        customer = await tx.customer(customer_id)
        if customer is None:
            raise CustomerNotFound
        if session_id is not None:
            await self._sessions.require_open(tx, customer_id, session_id)
        return customer


def _require_valid(values: Mapping[str, str]) -> None:
    name = values.get("display_name")
    if name is not None and not name.strip():
        raise InvalidRequest([FieldViolation("customer.display_name", "must not be empty")])
    if not values.get("locale", DEFAULT_LOCALE):
        raise InvalidRequest([FieldViolation("customer.locale", "must not be empty")])
    refuse_control_characters(**{f"customer.{field}": value for field, value in values.items()})
