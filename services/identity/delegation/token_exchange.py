"""Token exchange (RFC 8693): services get access tokens for assertions, with or without a call's grant.

Without a grant the token is the service's own and gives no access to customers' data. With a grant it
delegates: `sub` is the customer, `act` the service. A service never sees a customer's password or tokens.
"""

from __future__ import annotations

import structlog

from mesh.clock import Clock
from services.identity.delegation.actor_assertions import AssertionVerifier
from services.identity.errors import GrantEnded, UnknownActor
from services.identity.store.records import Grant
from services.identity.store.store import Store
from services.identity.tokens.access_tokens import AccessTokens, IssuedToken
from services.identity.tokens.refresh_tokens import digest_of

_log = structlog.get_logger()


class TokenExchange:
    """Exchanges assertions and grants for access tokens."""

    def __init__(self, store: Store, verifier: AssertionVerifier, tokens: AccessTokens, clock: Clock) -> None:
        self._store, self._verifier, self._tokens, self._clock = store, verifier, tokens, clock

    async def exchange(self, assertion: str, grant_text: str) -> IssuedToken:
        """Return a token for the call of a grant; for an empty grant, the service's own token.

        Raises:
            UnknownActor: the assertion is invalid or was used before.
            GrantEnded: the grant is unknown, expired or revoked.
        """
        try:
            actor, grant = await self._spend(assertion, grant_text)
        except UnknownActor as error:
            _log.warning("assertion refused", problem=error.problem)
            raise
        if not grant_text:
            return self._tokens.for_service(actor)
        if grant is None or grant.expires_at <= self._clock.now():
            raise GrantEnded
        return self._tokens.for_agent(actor, grant)

    async def _spend(self, assertion: str, grant_text: str) -> tuple[str, Grant | None]:
        """Use an assertion up, whether or not its grant is valid; return the actor and the grant."""
        verified = await self._verifier.verify(assertion)
        async with self._store.writing() as tx:
            if not await tx.remember_assertion(verified.actor, verified.jti, verified.expires_at):
                raise UnknownActor("replayed")
            return verified.actor, await tx.grant(digest_of(grant_text)) if grant_text else None
