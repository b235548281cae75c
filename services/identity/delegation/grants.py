"""Grants: a customer lets voice agents act in one call, and takes it back.

One grant a call, replaced by the next, revoked at the end of the call or of the session it was made in, and gone by itself after a
while. Who holds one can do nothing with it alone: it takes an actor's own proof as well (`token_exchange`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mesh.clock import Clock
from services.identity.errors import SessionEnded
from services.identity.store.records import Grant
from services.identity.store.store import Store, Transaction
from services.identity.tokens.opaque_tokens import new_token


@dataclass(frozen=True, slots=True)
class IssuedGrant:
    """A grant as its holder gets it, once."""

    text: str = field(repr=False)
    expires_at: datetime


class Grants:
    """Issues and revokes grants."""

    def __init__(self, store: Store, clock: Clock, *, lifetime: timedelta) -> None:
        self._store, self._clock, self._lifetime = store, clock, lifetime

    async def grant(
        self, customer_id: str, session_id: str, conversation_id: str, call_id: str
    ) -> IssuedGrant:
        """A new grant for the call, in place of the one it had; ends with the session at the latest.

        Raises:
            SessionEnded: the customer has signed out, though their access token is still good.
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
        return IssuedGrant(token.text, expires_at)

    async def revoke(self, tx: Transaction, call_id: str, customer_id: str | None) -> None:
        """Revokes the call's grant if there is one: the customer's own, or anybody's for `customer_id` None."""
        await tx.drop_grants_of_call(call_id, customer_id)
