"""The keys that sign access tokens, and what the mesh verifies them with (RFC 7517, RFC 7518 §6.2)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mesh.settings import ConfigurationError

ALGORITHM = "ES256"
_COORDINATE_BYTES = 32  # of P-256


class SigningKeys:
    """The key in use, and earlier ones whose tokens are still accepted.

    To rotate: put the new key in place, list the old one as previous, and drop it after the longest token lifetime. Verifiers fetch the
    keys again when they meet a `kid` they don't know.
    """

    def __init__(self, current_pem: bytes, previous_pems: Sequence[bytes] = ()) -> None:
        """Takes PEM: a private key, and private or public halves of previous ones.

        Raises:
            ConfigurationError: one is not a key on P-256.
        """
        self.current = _private(current_pem)
        publics = [self.current.public_key(), *(_public(pem) for pem in previous_pems)]
        self._publics = {thumbprint(key): key for key in publics}

    @property
    def current_kid(self) -> str:
        """Name of the key in use."""
        return thumbprint(self.current.public_key())

    @property
    def public_keys(self) -> Mapping[str, ec.EllipticCurvePublicKey]:
        """Every accepted key by its `kid`."""
        return self._publics

    def jwks(self) -> list[dict[str, str]]:
        """Every accepted key as a JWK, the one in use first."""
        return [
            {**_members(key), "kid": kid, "use": "sig", "alg": ALGORITHM}
            for kid, key in self._publics.items()
        ]


def thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    """The JWK thumbprint (RFC 7638): SHA-256 over the required members, in order and without spaces."""
    canonical = json.dumps(_members(key), sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _members(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    point = key.public_numbers()
    x, y = (_base64url(number.to_bytes(_COORDINATE_BYTES, "big")) for number in (point.x, point.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _private(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = _loaded(serialization.load_pem_private_key, pem, None)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ConfigurationError("A signing key is not a private key on P-256.")


def _public(pem: bytes) -> ec.EllipticCurvePublicKey:
    if b"PRIVATE KEY" in pem:
        return _private(pem).public_key()
    key = _loaded(serialization.load_pem_public_key, pem)
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ConfigurationError("A previous signing key is not on P-256.")


def _loaded(load: Callable[..., object], pem: bytes, *password: None) -> object:
    try:
        return load(pem, *password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError("A signing key is not a PEM file without a passphrase.") from None


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
