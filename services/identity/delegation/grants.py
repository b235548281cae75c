"""Grants, with which a customer allows voice agents to act in one call, and their exchange for tokens.

A call has one grant; a new grant replaces it. A grant ends when it is revoked, when its session ends, or
after its lifetime (`identity_grant_hours`). It is useless without a service's own assertion.

Token exchange (RFC 8693): without a grant a service gets its own token, which gives no access to customers'
data. With a grant the token delegates: `sub` is the customer, `act` the service. A service never sees a
customer's password or tokens.
"""

from __future__ import annotations

from datetime import timedelta

from readback.options.v1.options_pb2 import ACCESS_AGENT_WORKER

from mesh.clock import Clock
from mesh.security.authentication import workload_kind
from services.identity.delegation.actor_assertions import AssertionVerifier
from services.identity.errors import GrantEnded, UnknownActor
from services.identity.store.records import Grant
from services.identity.store.store import Store
from services.identity.tokens.access_tokens import AccessTokens, IssuedToken
from services.identity.tokens.refresh_tokens import digest_of, new_token
from services.identity.tokens.sessions import CustomerSessions


class Grants:
    """Issues grants."""

    def __init__(
        self, store: Store, sessions: CustomerSessions, clock: Clock, *, lifetime: timedelta
    ) -> None:
        self._store, self._sessions, self._clock, self._lifetime = store, sessions, clock, lifetime

    async def grant(
        self, customer_id: str, session_id: str, conversation_id: str, call_id: str
    ) -> IssuedToken:
        """Issue a grant for a call, in place of the call's previous one.

        It expires with the session at the latest.

        Raises:
            SessionEnded: the customer's session has ended, even if their access token is still valid.
        """
        now = self._clock.now()
        token = new_token("rbg")
        async with self._store.writing() as tx:
            session = await self._sessions.require_open(tx, customer_id, session_id)
            expires_at = min(now + self._lifetime, session.expires_at)
            await tx.put_grant(
                Grant(token.digest, customer_id, session_id, conversation_id, call_id, expires_at)
            )
        return IssuedToken(token.text, expires_at)


class TokenExchange:
    """Exchanges assertions and grants for access tokens."""

    def __init__(self, store: Store, verifier: AssertionVerifier, tokens: AccessTokens, clock: Clock) -> None:
        self._store, self._verifier, self._tokens, self._clock = store, verifier, tokens, clock

    async def exchange(self, assertion: str, grant_text: str) -> IssuedToken:
        """Return a token for the call of a grant; for an empty grant, the service's own token.

        Raises:
            UnknownActor: the assertion is invalid or was used before, or a service other than an agent sent a
                grant.
            GrantEnded: the grant is unknown, expired or revoked.
        """
        actor, grant = await self._spend(assertion, grant_text)
        if not grant_text:
            return self._tokens.for_service(actor)
        if grant is None or grant.expires_at <= self._clock.now():
            raise GrantEnded
        return self._tokens.for_agent(actor, grant)

    async def _spend(self, assertion: str, grant_text: str) -> tuple[str, Grant | None]:
        """Mark an assertion as used, even if the grant is invalid; return the actor and the grant."""
        verified = await self._verifier.verify(assertion)
        async with self._store.writing() as tx:
            if not await tx.remember_assertion(verified.actor, verified.jti, verified.expires_at):
                raise UnknownActor("replayed")
            if grant_text and workload_kind(verified.actor) != ACCESS_AGENT_WORKER:
                raise UnknownActor("not an agent")
            return verified.actor, await tx.grant(digest_of(grant_text)) if grant_text else None
