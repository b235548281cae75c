"""Access tokens for tests, valid or not, signed with a new key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from mesh.ids import uuid7
from mesh.security.authentication import ACCESS_TOKEN_TYPE, ALGORITHM, AUDIENCE, ISSUER

KID = "test-key"


class SigningKey:
    """A P-256 key that signs any claims."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.public = self.private.public_key()

    def token(
        self, *, headers: dict[str, Any] | None = None, without: tuple[str, ...] = (), **claims: Any
    ) -> str:
        """Return a customer's access token with these claims and headers, but not the claims in `without`."""
        now = datetime.now(UTC)
        standard: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "customer-1",
            "kind": "customer",
            "sid": uuid7(),
            "iat": now,
            "exp": now + timedelta(minutes=5),
            "jti": uuid7(),
        }
        body = {name: value for name, value in (standard | claims).items() if name not in without}
        return jwt.encode(
            body, self.private, ALGORITHM, headers={"typ": ACCESS_TOKEN_TYPE, "kid": KID} | (headers or {})
        )

    def agent_token(
        self, customer_id: str, *, call_id: str, conversation_id: str, actor: str = "agent"
    ) -> str:
        """Return an agent's token to act for a customer in one call."""
        return self.token(
            sub=customer_id, kind="agent", act={"sub": actor}, call=call_id, conversation=conversation_id
        )

    def service_token(self, name: str = "agent") -> str:
        """Return a service's own token."""
        return self.token(sub=name, kind="service")
