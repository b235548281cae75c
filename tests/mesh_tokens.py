"""Access tokens for tests, good and bad, signed with a key made on the spot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from mesh.ids import uuid7
from mesh.security.authentication import ACCESS_TOKEN_TYPE, ALGORITHM, AUDIENCE, ISSUER

KID = "test-key"


class SigningKey:
    """A P-256 key that signs whatever it is asked to."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.public = self.private.public_key()

    def token(
        self, *, headers: dict[str, Any] | None = None, without: tuple[str, ...] = (), **claims: Any
    ) -> str:
        """A customer's access token; claims and headers as given, `without` the ones named."""
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
        """A token with which an agent acts for a customer in one call."""
        return self.token(
            sub=customer_id, kind="agent", act={"sub": actor}, call=call_id, conversation=conversation_id
        )

    def service_token(self, name: str = "agent") -> str:
        """A member's own token."""
        return self.token(sub=name, kind="service")
