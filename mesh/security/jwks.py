"""Verification keys of the identity service, fetched when first needed and cached."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

import grpc
import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from google.protobuf import json_format
from readback.identity.v1 import identity_service_pb2, identity_service_pb2_grpc
from readback.identity.v1.identity_service_pb2 import JsonWebKey

from mesh.clock import Clock, SystemClock
from mesh.errors import Unavailable

_log = structlog.get_logger()

REFRESH_SECONDS = 600.0
"""Age at which cached keys are fetched again. Publish a new key at least this long before its first use."""
FIRST_SECONDS = 0.5
"""Minimum interval of fetches until the first succeeds. It is short, because identity may start last."""
UNKNOWN_KID_SECONDS = 5.0
"""Minimum interval of fetches for an unknown `kid`, so that forged tokens can't flood identity."""


def parse_keys(published: Iterable[JsonWebKey]) -> dict[str, EllipticCurvePublicKey]:
    """Return public keys by `kid`. Skips keys that aren't elliptic-curve keys."""
    keys = {}
    for key in published:
        parsed = jwt.PyJWK(json_format.MessageToDict(key))
        if parsed.key_id and isinstance(parsed.key, EllipticCurvePublicKey):
            keys[parsed.key_id] = parsed.key
    return keys


class JwksCache:
    """A `KeySource` that caches the keys returned by `fetch`."""

    def __init__(
        self, fetch: Callable[[], Awaitable[Iterable[JsonWebKey]]], clock: Clock | None = None
    ) -> None:
        self._fetch = fetch
        self._clock = clock or SystemClock()
        self._keys: Mapping[str, EllipticCurvePublicKey] | None = None
        self._fetch_began_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def __call__(self, kid: str) -> EllipticCurvePublicKey | None:
        """Return the key with a `kid`; None if identity has no such key.

        Raises:
            Unavailable: no keys are cached and identity can't be reached.
        """
        age = self._clock.monotonic() - self._fetch_began_at
        known = self._keys is not None and kid in self._keys
        interval = FIRST_SECONDS if self._keys is None else REFRESH_SECONDS if known else UNKNOWN_KID_SECONDS
        if self._fetching is None and age > interval:
            # The age counts from the start of a fetch, so that failures don't lead to more frequent fetches.
            self._fetch_began_at = self._clock.monotonic()
            self._fetching = asyncio.create_task(self._refresh())
        if self._fetching is not None and not known:
            await asyncio.shield(self._fetching)
        if self._keys is None:
            raise Unavailable("Sign-in can't be checked just now; try again in a moment.")
        return self._keys.get(kid)

    async def _refresh(self) -> None:
        try:
            self._keys = parse_keys(await self._fetch())
        except grpc.aio.AioRpcError as error:
            _log.warning("jwks fetch failed", code=error.code().name, cached=len(self._keys or ()))
        finally:
            self._fetching = None


def keys_of_identity(channel: grpc.aio.Channel, clock: Clock | None = None) -> JwksCache:
    """Return a cache of the keys of the identity service, fetched over a channel."""
    stub = identity_service_pb2_grpc.IdentityServiceStub(channel)

    async def fetch() -> Iterable[JsonWebKey]:
        response = await stub.GetJwks(identity_service_pb2.GetJwksRequest(), timeout=5)
        return list(response.keys)

    return JwksCache(fetch, clock)
