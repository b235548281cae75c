"""Who calls: access tokens (RFC 9068) verified against the caller's allowlist of one algorithm, issuer, audience and type (RFC 8725)."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from readback.options.v1 import options_pb2

from mesh.clock import Clock, SystemClock
from mesh.errors import Unauthenticated

ISSUER = "readback-identity"
AUDIENCE = "readback-mesh"
ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 -- the media type of RFC 9068, no secret
ALGORITHM = "ES256"
MAX_TOKEN_LENGTH = 8192

KINDS: Mapping[str, options_pb2.Access.ValueType] = {
    "customer": options_pb2.ACCESS_CUSTOMER,
    "agent": options_pb2.ACCESS_AGENT,
    "service": options_pb2.ACCESS_SERVICE,
    "operator": options_pb2.ACCESS_OPERATOR,
}
"""The `kind` claim and the access rule it satisfies."""

KeySource = Callable[[str], Awaitable[EllipticCurvePublicKey | None]]
"""Finds the verification key for a `kid`; None when there is none."""

TokenSource = Callable[[], Awaitable[str]]
"""Returns a valid access token, to authenticate outgoing RPCs."""

_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FOREIGN_HEADERS = {"jku", "jwk", "x5u", "x5c", "crit"}


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller."""

    kind: options_pb2.Access.ValueType
    """Which access rule the caller satisfies."""
    subject: str
    """`sub`: a customer id, or the name of a member of the mesh."""
    customer_id: str | None
    """The customer whose data the caller may reach; None for members without a customer."""
    actor: str | None
    """`act.sub`: who acts for the customer."""
    session_id: str | None
    """The customer's session."""
    call_id: str | None
    """The one call an agent may act in."""
    conversation_id: str | None
    """The conversation of that call."""
    expires_at: datetime
    """When the token stops being accepted."""
    token: str
    """The token itself, to pass on in the caller's name. Never logged."""

    def __repr__(self) -> str:
        return f"Principal({options_pb2.Access.Name(self.kind)}, {self.subject}, actor={self.actor})"


_principal: ContextVar[Principal | None] = ContextVar("principal", default=None)


def current_principal() -> Principal:
    """The caller of the RPC being handled.

    Raises:
        Unauthenticated: a public RPC was called without a token.
    """
    principal = _principal.get()
    if principal is None:
        raise Unauthenticated("missing")
    return principal


def current_customer() -> str:
    """The customer in whose name the RPC being handled was called.

    Raises:
        Unauthenticated: the caller has no customer.
    """
    customer_id = current_principal().customer_id
    if customer_id is None:
        raise Unauthenticated("no customer")
    return customer_id


def set_principal(principal: Principal | None) -> None:
    """Says who calls, for the rest of this context. For interceptors and tests."""
    _principal.set(principal)


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Call metadata that carries a token."""
    return (("authorization", f"Bearer {token}"),)


class TokenVerifier:
    """Verifies access tokens; remembers good ones until they expire, since ES256 costs as much as a third of an RPC."""

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str = ISSUER,
        audience: str = AUDIENCE,
        clock: Clock | None = None,
        remembered: int = 10_000,
    ) -> None:
        self._keys, self._issuer, self._audience = keys, issuer, audience
        self._clock = clock or SystemClock()
        self._remembered = remembered
        self._good: OrderedDict[bytes, Principal] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """The principal of a token.

        Raises:
            Unauthenticated: with the problem in one word or two.
            Unavailable: the keys can't be had just now.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise Unauthenticated("malformed")
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._good.get(digest)
        if known is None:
            known = await self._verified(token)
            self._good[digest] = known
            while len(self._good) > self._remembered:
                self._good.popitem(last=False)
        if known.expires_at <= self._clock.now():
            self._good.pop(digest, None)
            raise Unauthenticated("expired")
        return known

    async def _verified(self, token: str) -> Principal:
        key = await self._key_for(token)
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                # Times are checked below against the injected clock.
                options={
                    "require": ["exp", "iat", "iss", "aud", "sub", "jti"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.InvalidAudienceError:
            raise Unauthenticated("wrong audience") from None
        except jwt.InvalidIssuerError:
            raise Unauthenticated("wrong issuer") from None
        except jwt.InvalidTokenError:
            raise Unauthenticated("invalid") from None
        return self._principal(claims, token)

    async def _key_for(self, token: str) -> EllipticCurvePublicKey:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, UnicodeError, RecursionError):
            raise Unauthenticated("malformed") from None
        kid = header.get("kid")
        if (
            header.get("typ") != ACCESS_TOKEN_TYPE
            or header.get("alg") != ALGORITHM
            or _FOREIGN_HEADERS & header.keys()
        ):
            raise Unauthenticated("wrong type")
        if not isinstance(kid, str) or not _KID.fullmatch(kid):
            raise Unauthenticated("unknown key")
        key = await self._keys(kid)
        if key is None:
            raise Unauthenticated("unknown key")
        return key

    def _principal(self, claims: Mapping[str, Any], token: str) -> Principal:
        kind, subject = KINDS.get(str(claims.get("kind"))), claims["sub"]
        act = claims.get("act")
        actor = act.get("sub") if isinstance(act, dict) else None
        # A customer's token with an actor in it, or an agent's without one, is a token nobody should have made.
        if (
            kind is None
            or not isinstance(subject, str)
            or (actor is not None) != (kind == options_pb2.ACCESS_AGENT)
        ):
            raise Unauthenticated("wrong kind")
        try:
            expires_at = datetime.fromtimestamp(float(claims["exp"]), UTC)
            not_before = float(claims.get("nbf", claims["iat"]))
        except (TypeError, ValueError, OverflowError):
            raise Unauthenticated("malformed") from None
        if not_before > self._clock.now().timestamp() + 60:
            raise Unauthenticated("not valid yet")
        has_customer = kind in (options_pb2.ACCESS_CUSTOMER, options_pb2.ACCESS_AGENT)
        return Principal(
            kind=kind,
            subject=subject,
            customer_id=subject if has_customer else None,
            actor=actor,
            session_id=_text(claims, "sid"),
            call_id=_text(claims, "call"),
            conversation_id=_text(claims, "conversation"),
            expires_at=expires_at,
            token=token,
        )


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) else None
