"""Authentication: verification of access tokens (RFC 9068), and the principal of the RPC being handled.

A token must match one algorithm, issuer, audience and type (RFC 8725).
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from readback.options.v1 import options_pb2

from mesh.clock import Clock, SystemClock
from mesh.errors import Unauthenticated
from mesh.security.claims import MalformedClaim, instant, optional_text, text

ISSUER = "readback-identity"
AUDIENCE = "readback-mesh"
ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 -- the media type of RFC 9068, no secret
ALGORITHM = "ES256"
MAX_TOKEN_LENGTH = 8192
MAX_CLOCK_SKEW = timedelta(seconds=60)
MAX_LIFETIME = timedelta(days=1)
"""Longest time between a token's `iat` and `exp`; identity's settings allow an hour."""
CACHE_SIZE = 10_000
"""Number of verified tokens that are cached."""

KINDS: Mapping[str, options_pb2.Access.ValueType] = {
    "customer": options_pb2.ACCESS_CUSTOMER,
    "agent": options_pb2.ACCESS_AGENT,
    "operator": options_pb2.ACCESS_OPERATOR,
}
"""The access rule that a token satisfies, by its `kind` claim. `service` is in `WORKLOADS`."""

WORKLOADS: Mapping[str, options_pb2.Access.ValueType] = {
    "agent": options_pb2.ACCESS_AGENT_WORKER,
    "gateway": options_pb2.ACCESS_GATEWAY,
    "conversation": options_pb2.ACCESS_CONVERSATION,
    "page": options_pb2.ACCESS_PAGE,
    "booking": options_pb2.ACCESS_BOOKING,
}
"""The access rule that a workload's own token satisfies, by its name without the suffix (`agent-2`)."""

KeySource = Callable[[str], Awaitable[EllipticCurvePublicKey | None]]
"""Returns the verification key with a `kid`; None if there is none."""

TokenSource = Callable[[], Awaitable[str]]
"""Returns a valid access token, to authenticate outgoing RPCs."""

_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REFUSED_HEADERS = {"jku", "jwk", "x5u", "x5c", "crit"}


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller."""

    kind: options_pb2.Access.ValueType
    """The access rule that the caller satisfies."""
    subject: str
    """`sub`: a customer id, or the name of a service."""
    customer_id: str | None
    """The customer whose data the caller may access; None for services."""
    actor: str | None
    """`act.sub`: the agent that acts for the customer; None for other callers."""
    session_id: str | None
    """`sid`: the customer's session; None for other callers."""
    call_id: str | None
    """The only call in which the agent may act; None for other callers."""
    conversation_id: str | None
    """The conversation of the call `call_id`; None for other callers."""
    expires_at: datetime
    """Expiry of the token."""
    token: str
    """The token itself, for calls on the caller's behalf. Never logged."""

    def __repr__(self) -> str:
        return f"Principal({options_pb2.Access.Name(self.kind)}, {self.subject}, actor={self.actor})"


_principal: ContextVar[Principal | None] = ContextVar("principal", default=None)


def current_principal() -> Principal:
    """Return the caller of the RPC being handled.

    Raises:
        Unauthenticated: a public RPC was called without a token.
    """
    principal = _principal.get()
    if principal is None:
        raise Unauthenticated("missing")
    return principal


def principal_or_none() -> Principal | None:
    """Return the caller of the RPC being handled; None for a public RPC without a token."""
    return _principal.get()


def current_customer() -> str:
    """Return the id of the customer that the RPC being handled acts for.

    Raises:
        Unauthenticated: the caller has no customer.
    """
    customer_id = current_principal().customer_id
    if customer_id is None:
        raise Unauthenticated("no customer")
    return customer_id


def set_principal(principal: Principal | None) -> None:
    """Set the caller for the rest of this context. For interceptors and tests."""
    _principal.set(principal)


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Return call metadata that carries a token."""
    return (("authorization", f"Bearer {token}"),)


class Revocations(Protocol):
    """Callers whose tokens must be refused before they expire."""

    async def includes(self, principal: Principal) -> bool:
        """Return whether the tokens of a caller are revoked."""
        ...


class TokenVerifier:
    """Verifies access tokens.

    Valid tokens are cached until they expire, because verifying ES256 takes a third of an RPC's time.
    """

    def __init__(
        self, keys: KeySource, *, clock: Clock | None = None, revocations: Revocations | None = None
    ) -> None:
        self._keys, self._clock, self._revocations = keys, clock or SystemClock(), revocations
        self._cache: OrderedDict[bytes, Principal] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """Return the principal of a token.

        Raises:
            Unauthenticated: the token is bad; the text names the problem.
            Unavailable: the verification keys can't be fetched.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise Unauthenticated("malformed")
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        principal = self._cache.get(digest)
        if principal is None:
            principal = self._cache[digest] = await self._decode(token)
            while len(self._cache) > CACHE_SIZE:
                self._cache.popitem(last=False)
        if principal.expires_at <= self._clock.now():
            self._cache.pop(digest, None)
            raise Unauthenticated("expired")
        if self._revocations is not None and await self._revocations.includes(principal):
            raise Unauthenticated("revoked")
        return principal

    async def _decode(self, token: str) -> Principal:
        key = await self._key_for(token)
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                # The times are checked against the injected clock, in `verify` and `_principal`.
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
        except (jwt.InvalidTokenError, UnicodeError, RecursionError):
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
            or _REFUSED_HEADERS & header.keys()
        ):
            raise Unauthenticated("wrong type")
        if not isinstance(kid, str) or not _KID.fullmatch(kid):
            raise Unauthenticated("unknown key")
        key = await self._keys(kid)
        if key is None:
            raise Unauthenticated("unknown key")
        return key

    def _principal(self, claims: Mapping[str, Any], token: str) -> Principal:
        try:
            principal = _read(claims, token)
            issued_at = instant(claims, "iat")
            not_before = instant(claims, "nbf") if "nbf" in claims else issued_at
        except MalformedClaim:
            raise Unauthenticated("malformed") from None
        if principal.expires_at - issued_at > MAX_LIFETIME:
            raise Unauthenticated("wrong lifetime")
        if max(issued_at, not_before) > self._clock.now() + MAX_CLOCK_SKEW:
            raise Unauthenticated("not valid yet")
        return principal


def _read(claims: Mapping[str, Any], token: str) -> Principal:
    """Return the principal that the claims describe.

    Raises:
        Unauthenticated: no caller has these claims.
        MalformedClaim: a claim has the wrong type or range.
    """
    subject = text(claims, "sub")
    kind = workload_kind(subject) if claims.get("kind") == "service" else KINDS.get(str(claims.get("kind")))
    is_agent = kind == options_pb2.ACCESS_AGENT
    # Only agents have an actor, and they act in one call.
    if kind is None or any((claim in claims) != is_agent for claim in ("act", "call", "conversation")):
        raise Unauthenticated("wrong kind")
    return Principal(
        kind=kind,
        subject=subject,
        customer_id=subject if is_agent or kind == options_pb2.ACCESS_CUSTOMER else None,
        actor=text(_mapping(claims, "act"), "sub") if is_agent else None,
        session_id=optional_text(claims, "sid"),
        call_id=optional_text(claims, "call"),
        conversation_id=optional_text(claims, "conversation"),
        expires_at=instant(claims, "exp"),
        token=token,
    )


def _mapping(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = claims.get(name)
    if not isinstance(value, dict):
        raise MalformedClaim(name)
    return value


def workload_kind(name: object) -> options_pb2.Access.ValueType | None:
    """Return the access rule that a workload of this name satisfies; None for an unknown name."""
    return WORKLOADS.get(str(name).partition("-")[0])
