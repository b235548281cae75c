"""Sessions: opened by signing in, extended by refresh tokens, ended by signing out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mesh.clock import Clock
from mesh.ids import uuid7
from services.identity.errors import RefreshTokenReused, SessionEnded
from services.identity.store.records import RefreshToken, Session
from services.identity.store.store import Store, Transaction
from services.identity.tokens.access_tokens import AccessTokens, IssuedToken
from services.identity.tokens.refresh_tokens import digest_of, new_token, refuse_reuse


@dataclass(frozen=True, slots=True)
class TokenPair:
    """The tokens of a signed-in client."""

    access: IssuedToken
    refresh_token: str = field(repr=False)
    session_expires_at: datetime


class CustomerSessions:
    """Opens, refreshes and ends sessions."""

    def __init__(self, store: Store, tokens: AccessTokens, clock: Clock, *, lifetime: timedelta) -> None:
        self._store, self._tokens, self._clock, self._lifetime = store, tokens, clock, lifetime

    async def open(self, tx: Transaction, customer_id: str) -> TokenPair:
        """Open a session of an authenticated customer."""
        now = self._clock.now()
        session = Session(uuid7(), customer_id, now, now + self._lifetime)
        await tx.add_session(session)
        return await self._next_pair(tx, session, parent=None)

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
            try:
                refuse_reuse(token, await tx.relatives(token))
            except RefreshTokenReused as error:
                await self.end(tx, session.session_id)
                reuse = error  # raised after the commit; raising it here would undo the end of the session
            else:
                await tx.spend_refresh_token(token.digest, now)
                return await self._next_pair(tx, session, parent=token.digest)
        raise reuse

    async def end(self, tx: Transaction, session_id: str) -> None:
        """End a session and revoke its grants. A session that has ended stays unchanged."""
        await tx.end_session(session_id, self._clock.now())
        await tx.delete_grants_of_session(session_id)

    async def _next_pair(self, tx: Transaction, session: Session, parent: bytes | None) -> TokenPair:
        token = new_token("rbr")
        await tx.add_refresh_token(RefreshToken(token.digest, session.session_id, parent, self._clock.now()))
        return TokenPair(self._tokens.for_customer(session), token.text, session.expires_at)
