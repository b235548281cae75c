"""Sessions: from signing in to signing out, carried on by refresh tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mesh.clock import Clock
from mesh.ids import uuid7
from services.identity.errors import RefreshTokenReused, SessionEnded
from services.identity.store.records import RefreshToken, Session
from services.identity.store.store import Store, Transaction
from services.identity.tokens.access_tokens import AccessToken, AccessTokens
from services.identity.tokens.opaque_tokens import digest_of, new_token
from services.identity.tokens.refresh_tokens import refuse_reuse


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a signed-in client holds."""

    access: AccessToken
    refresh_token: str = field(repr=False)
    session_expires_at: datetime


class Sessions:
    """Opens, refreshes and ends sessions."""

    def __init__(self, store: Store, tokens: AccessTokens, clock: Clock, *, lifetime: timedelta) -> None:
        self._store, self._tokens, self._clock, self._lifetime = store, tokens, clock, lifetime

    async def open(self, tx: Transaction, customer_id: str) -> TokenPair:
        """A new session of a customer whose password was right."""
        now = self._clock.now()
        session = Session(uuid7(), customer_id, now, now + self._lifetime)
        await tx.add_session(session)
        return await self._next_pair(tx, session, parent=None)

    async def refresh(self, refresh_token: str) -> TokenPair:
        """The next pair of tokens of a session; the token is spent.

        Raises:
            SessionEnded: the token is unknown or its session over.
            RefreshTokenReused: the session is over now, see `refresh_tokens`.
        """
        now = self._clock.now()
        async with self._store.writing() as tx:
            found = await tx.refresh_token(digest_of(refresh_token))
            if found is None or not found[1].is_live(now):
                raise SessionEnded
            token, session = found
            try:
                refuse_reuse(token, await tx.relatives(token))
            except RefreshTokenReused as reused:
                await self.end(tx, session.session_id)
                reuse = (
                    reused  # raised after the commit: leaving this block with an error would undo the ending
                )
            else:
                await tx.spend_refresh_token(token.digest, now)
                return await self._next_pair(tx, session, parent=token.digest)
        raise reuse

    async def end(self, tx: Transaction, session_id: str) -> None:
        """Ends a session and revokes the grants made in it; an ended session stays as it is."""
        await tx.end_session(session_id, self._clock.now())
        await tx.drop_grants_of_session(session_id)

    async def _next_pair(self, tx: Transaction, session: Session, parent: bytes | None) -> TokenPair:
        token = new_token("rbr")
        await tx.add_refresh_token(RefreshToken(token.digest, session.session_id, parent, self._clock.now()))
        return TokenPair(self._tokens.for_customer(session), token.text, session.expires_at)
