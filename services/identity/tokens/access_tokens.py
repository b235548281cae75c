"""Access tokens: short-lived ES256 JWTs (RFC 9068) that every member of the mesh verifies by itself.

    kind      sub          also
    customer  customer id  sid: the session
    agent     customer id  act.sub: the agent, call, conversation (delegation, RFC 8693 §4.1)
    service   member name

A token can't be called back; that is why each lives for minutes only, and why what calls tokens back (logging out, revoking a grant)
stops the next one.
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
class AccessToken:
    """A signed token and when it stops being accepted."""

    text: str = field(repr=False)
    expires_at: datetime


class AccessTokens:
    """Mints access tokens."""

    def __init__(
        self, keys: SigningKeys, clock: Clock, *, customer_lifetime: timedelta, actor_lifetime: timedelta
    ) -> None:
        self._keys, self._clock = keys, clock
        self._customer_lifetime, self._actor_lifetime = customer_lifetime, actor_lifetime

    def for_customer(self, session: Session) -> AccessToken:
        """A customer's own token, never outliving the session."""
        claims = {"kind": "customer", "sub": session.customer_id, "sid": session.session_id}
        return self._signed(claims, min(self._clock.now() + self._customer_lifetime, session.expires_at))

    def for_agent(self, actor: str, grant: Grant) -> AccessToken:
        """A token with which a member acts for a customer in one call, never outliving the grant."""
        claims = {
            "kind": "agent",
            "sub": grant.customer_id,
            "act": {"sub": actor},
            "call": grant.call_id,
            "conversation": grant.conversation_id,
        }
        return self._signed(claims, min(self._clock.now() + self._actor_lifetime, grant.expires_at))

    def for_service(self, actor: str) -> AccessToken:
        """A member's own token, which reaches no customer's data."""
        return self._signed({"kind": "service", "sub": actor}, self._clock.now() + self._actor_lifetime)

    def _signed(self, claims: Mapping[str, object], expires_at: datetime) -> AccessToken:
        expires_at = expires_at.replace(microsecond=0)  # JWT times are whole seconds
        registered = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": int(self._clock.now().timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        headers = {"typ": ACCESS_TOKEN_TYPE, "kid": self._keys.current_kid}
        text = jwt.encode({**registered, "jti": uuid7(), **claims}, self._keys.current, ALGORITHM, headers)
        return AccessToken(text, expires_at)
