"""Grants: a customer allows voice agents to act in one call, and can revoke that.

A call has one grant; a new one replaces it. It ends when it is revoked, with the session that it was made in,
or after its lifetime (`identity_grant_hours`). A grant is useless without an actor's own assertion (see
`token_exchange`).
"""

from __future__ import annotations

from datetime import timedelta

from mesh.clock import Clock
from services.identity.errors import SessionEnded
from services.identity.store.records import Grant
from services.identity.store.store import Store
from services.identity.tokens.access_tokens import IssuedToken
from services.identity.tokens.refresh_tokens import new_token


class Grants:
    """Issues grants."""

    def __init__(self, store: Store, clock: Clock, *, lifetime: timedelta) -> None:
        self._store, self._clock, self._lifetime = store, clock, lifetime

    async def grant(
        self, customer_id: str, session_id: str, conversation_id: str, call_id: str
    ) -> IssuedToken:
        """Issue a grant for a call, in place of the call's previous one.

        It expires with the session at the latest.

        Raises:
            SessionEnded: the customer has signed out; their access token may still be valid.
        """
        now = self._clock.now()
        token = new_token("rbg")
        async with self._store.writing() as tx:
            session = await tx.session(session_id)
            if session is None or session.customer_id != customer_id or not session.is_live(now):
                raise SessionEnded
            expires_at = min(now + self._lifetime, session.expires_at)
            await tx.put_grant(
                Grant(token.digest, customer_id, session_id, conversation_id, call_id, expires_at)
            )
        return IssuedToken(token.text, expires_at)
