"""Sessions: opened by signing in, extended by refresh tokens, ended by signing out here or elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mesh.clock import Clock
from mesh.ids import uuid7
from services.identity.errors import RefreshTokenReused, SessionEnded, SessionNotFound
from services.identity.keyed_digests import KeyedDigests
from services.identity.store.records import Customer, RefreshToken, Session
from services.identity.store.store import Store, Transaction
from services.identity.tokens.access_tokens import AccessTokens, IssuedToken
from services.identity.tokens.refresh_tokens import (
    OpaqueToken,
    digest_of,
    may_repeat,
    new_token,
    successor_of,
)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """The tokens of a signed-in client."""

    access: IssuedToken
    refresh_token: str = field(repr=False)
    session_expires_at: datetime


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Times that apply to sessions."""

    lifetime: timedelta
    """Time until a session expires."""
    repeat_window: timedelta
    """Time in which a spent refresh token still returns the successor that it returned before."""


class CustomerSessions:
    """Opens, refreshes and ends sessions."""

    def __init__(
        self, store: Store, tokens: AccessTokens, digests: KeyedDigests, clock: Clock, limits: SessionLimits
    ) -> None:
        self._store, self._tokens, self._digests = store, tokens, digests
        self._clock, self._limits = clock, limits

    async def open(self, tx: Transaction, customer_id: str, source: str, client: str) -> TokenPair:
        """Open a session of an authenticated customer.

        `source` is the network address of the client, and `client` the name that it gave itself.
        """
        now = self._clock.now()
        session = Session(
            uuid7(),
            customer_id,
            now,
            now + self._limits.lifetime,
            source=self._source(customer_id, source) if source else None,
            client=client,
        )
        await tx.add_session(session)
        return await self._add(tx, session, new_token("rbr"), parent=None)

    async def has_been_opened_from(self, tx: Transaction, customer: Customer, source: str) -> bool:
        """Return whether the customer has a session, open or ended, that a network address opened."""
        return await tx.has_session_from(
            customer.customer_id, self._source(customer.customer_id, source), self._clock.now()
        )

    async def require_open(self, tx: Transaction, customer_id: str, session_id: str) -> Session:
        """Return an open session of a customer.

        Raises:
            SessionEnded: the session has ended, even if its access token is still valid.
        """
        session = await tx.session(session_id)
        if session is None or session.customer_id != customer_id or not session.is_live(self._clock.now()):
            raise SessionEnded
        return session

    async def list_open(
        self, customer_id: str, session_id: str, *, before: str | None, limit: int
    ) -> Sequence[Session]:
        """Return up to `limit` open sessions of a customer, newest first, for a client in one of them.

        With `before`, the id of a session, return only older ones.

        Raises:
            SessionEnded: the client's own session has ended.
        """
        async with self._store.reading() as tx:
            await self.require_open(tx, customer_id, session_id)
            return await tx.open_sessions(customer_id, self._clock.now(), before=before, limit=limit)

    async def revoke(self, customer_id: str, session_id: str, ending: str) -> None:
        """End the session with the id `ending` of a customer, for a client in the session `session_id`.

        Raises:
            SessionEnded: the client's own session has ended, and it isn't `ending`.
            SessionNotFound: the customer has no such session.
        """
        async with self._store.writing() as tx:
            found = await tx.session(ending)
            if ending != session_id:
                await self.require_open(tx, customer_id, session_id)
            if found is None or found.customer_id != customer_id:
                raise SessionNotFound
            await self.end(tx, ending)

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Spend a refresh token and return the session's next pair of tokens.

        Raises:
            SessionEnded: the token is unknown, or its session has ended.
            RefreshTokenReused: the token was reused, so its session was ended.
        """
        now = self._clock.now()
        async with self._store.writing() as tx:
            found = await tx.refresh_token(digest_of(refresh_token))
            if found is None or not found[1].is_live(now):
                raise SessionEnded
            token, session = found
            successor = successor_of(refresh_token, self._digests)
            if token.spent_at is None:
                await tx.spend_refresh_token(token.digest, now)
                await tx.refreshed_session(session.session_id, now)
                return await self._add(tx, session, successor, parent=token.digest)
            issued = await tx.refresh_token(successor.digest)
            if may_repeat(token, issued and issued[0], now, self._limits.repeat_window):
                return self._pair(session, successor)
            await self.end(tx, session.session_id)  # committed before the error is raised
        raise RefreshTokenReused(session.session_id, session.customer_id)

    async def end(self, tx: Transaction, session_id: str) -> None:
        """End a session with its grants and access tokens. A session that has ended stays unchanged."""
        now = self._clock.now()
        await self._revoke_tokens(tx, await tx.end_session(session_id, now), now)
        await tx.delete_grants_of_session(session_id)

    async def end_others(self, tx: Transaction, customer_id: str, session_id: str) -> None:
        """End all sessions of a customer but one, with their grants and access tokens."""
        now = self._clock.now()
        ended = await tx.end_other_sessions(customer_id, session_id, now)
        await self._revoke_tokens(tx, ended, now)
        await tx.delete_grants_of_other_sessions(customer_id, session_id)

    async def _revoke_tokens(self, tx: Transaction, session_ids: Sequence[str], now: datetime) -> None:
        await tx.revoke(session_ids, now + self._tokens.longest_lifetime)

    async def _add(
        self, tx: Transaction, session: Session, token: OpaqueToken, parent: bytes | None
    ) -> TokenPair:
        await tx.add_refresh_token(RefreshToken(token.digest, session.session_id, parent, self._clock.now()))
        return self._pair(session, token)

    def _pair(self, session: Session, token: OpaqueToken) -> TokenPair:
        return TokenPair(self._tokens.for_customer(session), token.text, session.expires_at)

    def _source(self, customer_id: str, source: str) -> bytes:
        return self._digests.of("source", customer_id, source)
