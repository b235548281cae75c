"""Access tokens: short-lived ES256 JWTs (RFC 9068) that every service verifies by itself.

    kind      sub           other claims
    customer  customer id   sid: the session
    agent     customer id   act.sub: the agent; call, conversation (delegation, RFC 8693 §4.1)
    service   service name

A token is valid for minutes. Services learn of ended sessions and deleted customers within half a minute
(`mesh.security.revocations`). After the revocation of a grant, no new token is issued.

Lifetimes are settings: `identity_customer_token_seconds`, `identity_actor_token_seconds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import jwt

from mesh.clock import Clock
from mesh.ids import uuid7
from mesh.security.authentication import ACCESS_TOKEN_TYPE, AUDIENCE, ISSUER
from services.identity.store.records import Grant, Session
from services.identity.tokens.signing_keys import ALGORITHM, SigningKeys


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token or grant, as sent to its holder."""

    text: str = field(repr=False)
    expires_at: datetime


class AccessTokens:
    """Issues access tokens."""

    def __init__(
        self, keys: SigningKeys, clock: Clock, *, customer_lifetime: timedelta, actor_lifetime: timedelta
    ) -> None:
        self._keys, self._clock = keys, clock
        self._customer_lifetime, self._actor_lifetime = customer_lifetime, actor_lifetime

    @property
    def longest_lifetime(self) -> timedelta:
        """Time after which every token issued until now has expired."""
        return max(self._customer_lifetime, self._actor_lifetime)

    def for_customer(self, session: Session) -> IssuedToken:
        """Return a customer's token; it expires with the session at the latest."""
        claims = {"kind": "customer", "sub": session.customer_id, "sid": session.session_id}
        return self._sign(claims, min(self._clock.now() + self._customer_lifetime, session.expires_at))

    def for_agent(self, actor: str, grant: Grant) -> IssuedToken:
        """Return a token to act for a customer in one call; it expires with the grant at the latest."""
        claims = {
            "kind": "agent",
            "sub": grant.customer_id,
            "act": {"sub": actor},
            "call": grant.call_id,
            "conversation": grant.conversation_id,
        }
        return self._sign(claims, min(self._clock.now() + self._actor_lifetime, grant.expires_at))

    def for_service(self, actor: str) -> IssuedToken:
        """Return a service's own token, which gives no access to customers' data."""
        return self._sign({"kind": "service", "sub": actor}, self._clock.now() + self._actor_lifetime)

    def _sign(self, claims: Mapping[str, object], expires_at: datetime) -> IssuedToken:
        expires_at = expires_at.replace(microsecond=0)  # JWT times are whole seconds
        registered = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": int(self._clock.now().timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        headers = {"typ": ACCESS_TOKEN_TYPE, "kid": self._keys.current_kid}
        text = jwt.encode({**registered, "jti": uuid7(), **claims}, self._keys.current, ALGORITHM, headers)
        return IssuedToken(text, expires_at)
