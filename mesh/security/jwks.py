"""Verification keys of the identity service, fetched when first needed and kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping

import grpc
import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from readback.identity.v1 import identity_service_pb2, identity_service_pb2_grpc

from mesh.clock import Clock, SystemClock
from mesh.errors import Unavailable

_log = structlog.get_logger()

REFRESH_SECONDS = 600.0
"""How long fetched keys are used before they are asked for again; longer than a key is published before its first use."""
FIRST_SECONDS = 0.5
"""How often, at most, keys are asked for before any were had: services start together, and identity may be the last."""
UNKNOWN_KID_SECONDS = 5.0
"""How often, at most, an unknown `kid` makes the keys be fetched again: strangers must not be able to hammer identity."""


def parse_keys(keys_json: Iterable[str]) -> dict[str, EllipticCurvePublicKey]:
    """Public keys by `kid`, from RFC 7517 objects. Keys of other kinds are left out."""
    found = {}
    for text in keys_json:
        parsed = jwt.PyJWK(json.loads(text))
        if parsed.key_id and isinstance(parsed.key, EllipticCurvePublicKey):
            found[parsed.key_id] = parsed.key
    return found


class JwksCache:
    """A `KeySource` over a way to fetch keys."""

    def __init__(self, fetch: Callable[[], Awaitable[Iterable[str]]], clock: Clock | None = None) -> None:
        self._fetch = fetch
        self._clock = clock or SystemClock()
        self._keys: Mapping[str, EllipticCurvePublicKey] | None = None
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, kid: str) -> EllipticCurvePublicKey | None:
        """The key for a `kid`; None when identity has no such key.

        Raises:
            Unavailable: no keys are known yet and identity can't be reached.
        """
        age = self._clock.monotonic() - self._asked_at
        known = self._keys is not None and kid in self._keys
        pause = FIRST_SECONDS if self._keys is None else REFRESH_SECONDS if known else UNKNOWN_KID_SECONDS
        if self._asking is None and age > pause:
            # Counted from asking and not from the answer: while identity is down, nobody may ask more often than while it is up.
            self._asked_at = self._clock.monotonic()
            self._asking = asyncio.create_task(self._refresh())
        if self._asking is not None and not known:
            await asyncio.shield(self._asking)
        if self._keys is None:
            raise Unavailable("Sign-in can't be checked just now.")
        return self._keys.get(kid)

    async def _refresh(self) -> None:
        try:
            self._keys = parse_keys(await self._fetch())
        except grpc.aio.AioRpcError as error:
            _log.warning(
                "verification keys could not be fetched", code=error.code().name, known=len(self._keys or ())
            )
        finally:
            self._asking = None


def keys_of_identity(channel: grpc.aio.Channel, clock: Clock | None = None) -> JwksCache:
    """The keys of the identity service behind a channel."""
    stub = identity_service_pb2_grpc.IdentityServiceStub(channel)

    async def fetch() -> Iterable[str]:
        response = await stub.GetJwks(identity_service_pb2.GetJwksRequest(), timeout=5)
        return list(response.keys_json)

    return JwksCache(fetch, clock)
