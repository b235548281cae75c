"""Token exchange (RFC 8693): an actor's proof, alone or with a call's grant, for an access token of a few minutes.

Alone it buys a token of the actor's own that reaches no customer's data; a grant makes it a delegation, `sub` the customer and `act`
the actor. Neither the customer's password nor their tokens ever reach an actor.
"""

from __future__ import annotations

import structlog

from mesh.clock import Clock
from services.identity.delegation.actor_assertions import Actors
from services.identity.errors import GrantEnded, UnknownActor
from services.identity.store.records import Grant
from services.identity.store.store import Store
from services.identity.tokens.access_tokens import AccessToken, AccessTokens
from services.identity.tokens.opaque_tokens import digest_of

_log = structlog.get_logger()


class TokenExchange:
    """Exchanges proofs and grants for access tokens."""

    def __init__(self, store: Store, actors: Actors, tokens: AccessTokens, clock: Clock) -> None:
        self._store, self._actors, self._tokens, self._clock = store, actors, tokens, clock

    async def exchange(self, assertion: str, grant_text: str) -> AccessToken:
        """A token for the call of the grant; for an empty grant a token of the actor's own.

        Raises:
            UnknownActor: the assertion proves nothing, or proved it before.
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
        """The actor, and the grant if it is known. The proof is spent whatever comes of the grant: it is good for one question."""
        proof = await self._actors.verify(assertion)
        async with self._store.writing() as tx:
            if not await tx.remember_assertion(proof.actor, proof.jti, proof.expires_at):
                raise UnknownActor("replayed")
            return proof.actor, await tx.grant(digest_of(grant_text)) if grant_text else None
