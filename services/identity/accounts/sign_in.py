"""Signing in with a password, and changing it.

An unknown address and a wrong password get the same message and code, after the same time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from readback.identity.v1 import identity_service_pb2 as pb

from mesh.clock import Clock
from mesh.errors import Overloaded, RequestIdReused
from mesh.security.token_buckets import TokenBuckets
from services.identity.accounts import sign_in_throttling
from services.identity.accounts.customers import canonical_email, refuse_control_characters
from services.identity.accounts.hashing_queue import HashingQueue, Requester
from services.identity.accounts.password_hashing import PasswordHasher
from services.identity.accounts.password_rules import refuse_weak
from services.identity.accounts.sign_in_throttling import AttemptKeys
from services.identity.errors import CustomerNotFound, TooManyAttempts, WrongCredentials, WrongPassword
from services.identity.keyed_digests import KeyedDigests
from services.identity.store.records import Customer
from services.identity.store.store import Store, Transaction
from services.identity.tokens.sessions import CustomerSessions, TokenPair


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

    async def sign_in(
        self, email: str, password: str, source: str, client: str
    ) -> tuple[Customer, TokenPair]:
        """Return the customer and the tokens of a new session.

        `source` is the caller's network address, and `client` the name that the caller gave itself.

        Raises:
            InvalidRequest: a text contains control characters.
            WrongCredentials: address and password don't match.
            TooManyAttempts: the account or the source had too many failures.
            Overloaded: too many passwords are being hashed.
        """
        refuse_control_characters(email=email, client=client)
        customer, rehashed = await self._check(canonical_email(email), password, source)
        async with self._store.writing() as tx:
            if await self._is_unchanged(tx, customer):
                if rehashed:
                    await tx.change_customer(customer.customer_id, password_hash=rehashed)
                return customer, await self._sessions.open(tx, customer.customer_id, source, client)
        return await self.sign_in(email, password, source, client)

    async def change_password(
        self, customer_id: str, session_id: str, request: pb.ChangePasswordRequest, source: str
    ) -> None:
        """Replace the password of a signed-in customer, and end all sessions but this one.

        A repeated request only checks that its new password is the present one.

        Raises the same errors as `sign_in`, but WrongPassword for WrongCredentials, and:
            WeakPassword: the new password is not acceptable.
            CustomerNotFound: the account was deleted.
            SessionEnded: the session has ended.
            RequestIdReused: a repeated request has another new password.
        """
        new = request.new_password
        # The idempotency store saves a fast hash of the request, so it must not include the passwords.
        named = pb.ChangePasswordRequest(request_id=request.request_id)
        async with self._store.reading() as tx:
            customer = await tx.customer(customer_id)
            if customer is None:
                raise CustomerNotFound
            await self._sessions.require_open(tx, customer_id, session_id)
            repeated = await tx.is_answered(customer_id, named, pb.ChangePasswordResponse)
        if repeated:
            await self._require_changed(customer, request, source)
            return
        refuse_weak(new, email=customer.email, display_name=customer.display_name, field="new_password")
        old, address = request.old_password, canonical_email(customer.email)
        with _wrong_password("old_password"):
            checked, hashed = await self._check(address, old, source, replacement=new)
        assert hashed is not None

        async def replace(tx: Transaction) -> None:
            with _wrong_password("old_password"):
                if not await self._is_unchanged(tx, checked):
                    raise WrongCredentials
            await self._sessions.require_open(tx, customer_id, session_id)
            await tx.change_customer(customer_id, password_hash=hashed)
            await self._sessions.end_others(tx, customer_id, session_id)

        await self._store.once(customer_id, named, pb.ChangePasswordResponse(), replace)

    async def _require_changed(
        self, customer: Customer, request: pb.ChangePasswordRequest, source: str
    ) -> None:
        try:
            await self._check(canonical_email(customer.email), request.new_password, source)
        except WrongCredentials:
            raise RequestIdReused(request.request_id) from None

    async def confirm(self, customer_id: str, password: str, source: str) -> None:
        """Check the password of a signed-in customer.

        Raises the same errors as `sign_in`, but WrongPassword for WrongCredentials. A customer who no longer
        exists passes the check.
        """
        async with self._store.reading() as tx:
            customer = await tx.customer(customer_id)
        if customer is not None:
            with _wrong_password("password"):
                await self._check(canonical_email(customer.email), password, source)

    async def _is_unchanged(self, tx: Transaction, checked: Customer) -> bool:
        """Return whether the customer still has the password that was checked.

        Raises:
            WrongCredentials: the account was deleted meanwhile.
        """
        stored = await tx.customer(checked.customer_id)
        if stored is None:
            raise WrongCredentials
        return stored.password_hash == checked.password_hash

    async def _check(
        self, address: str, password: str, source: str, replacement: str | None = None
    ) -> tuple[Customer, str | None]:
        """Return the customer with this address and password, and the hash of the replacement.

        Without a replacement, hash the same password again if its hash is outdated.
        """
        customer, keys = await self._look_up(address, source)
        with self._failure_of(source, keys):
            # The turn includes the counts, because each attempt counts as a failure until it is checked.
            async with self._queue.turn(Requester(source, address, keys.is_known)) as turn:
                async with self._store.writing() as tx:
                    await sign_in_throttling.count(tx, keys, self._clock.now())
                stored = customer.password_hash if customer else None
                matches, rehashed = await turn.run(partial(self._verify, password, stored, replacement))
                if customer is None or not matches:
                    raise WrongCredentials
                turn.password_was_right()
                async with self._store.writing() as tx:
                    await sign_in_throttling.forget(tx, keys)
        return customer, rehashed

    @contextmanager
    def _failure_of(self, source: str, keys: AttemptKeys) -> Iterator[None]:
        """Count a failure of the source. It doesn't count if the password is right or isn't checked."""
        if keys.is_known:
            yield
            return
        if (wait := self._failures.take(source)) is not None:
            raise TooManyAttempts(wait)
        try:
            yield
        except Overloaded:
            self._failures.give_back(source)
            raise
        self._failures.give_back(source)

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

    def _verify(self, password: str, stored: str | None, replacement: str | None) -> tuple[bool, str | None]:
        matches = self._hasher.verify(password, stored)
        if matches and replacement is None and stored is not None and self._hasher.is_outdated(stored):
            replacement = password
        return matches, self._hasher.hash(replacement) if matches and replacement is not None else None


@contextmanager
def _wrong_password(field: str) -> Iterator[None]:
    """Name the field with the password, because a signed-in customer gave no e-mail address.

    Raises:
        WrongPassword: instead of WrongCredentials.
    """
    try:
        yield
    except WrongCredentials:
        raise WrongPassword(field=field) from None
