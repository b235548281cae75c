"""Keys that sign access tokens, and their public halves as JWKs (RFC 7517, RFC 7518 §6.2)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mesh.settings import ConfigurationError

ALGORITHM = "ES256"
_COORDINATE_BYTES = 32  # of P-256


class SigningKeys:
    """The current key, and previous keys whose tokens are still accepted.

    To rotate: replace the current key, list the old one as previous, and remove it after the longest token
    lifetime. Verifiers fetch the keys again when they see an unknown `kid`.
    """

    def __init__(self, current_pem: bytes, previous_pems: Sequence[bytes] = ()) -> None:
        """Load the current private key, and previous private or public keys, from PEM.

        Raises:
            ConfigurationError: a key is not on P-256.
        """
        self.current = _private_key(current_pem)
        publics = [self.current.public_key(), *(_public_key(pem) for pem in previous_pems)]
        self._publics = {thumbprint(key): key for key in publics}

    @property
    def current_kid(self) -> str:
        """The `kid` of the current key."""
        return thumbprint(self.current.public_key())

    @property
    def public_keys(self) -> Mapping[str, ec.EllipticCurvePublicKey]:
        """All accepted keys by `kid`."""
        return self._publics

    def jwks(self) -> list[dict[str, str]]:
        """Return all accepted keys as JWKs, the current one first."""
        return [
            {**_jwk(key), "kid": kid, "use": "sig", "alg": ALGORITHM} for kid, key in self._publics.items()
        ]


def thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    """Return the JWK thumbprint (RFC 7638): SHA-256 of the required members, sorted and without spaces."""
    canonical = json.dumps(_jwk(key), sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    point = key.public_numbers()
    x, y = (_base64url(number.to_bytes(_COORDINATE_BYTES, "big")) for number in (point.x, point.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _private_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = _load(pem)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ConfigurationError("A signing key is not a private key on P-256.")


def _public_key(pem: bytes) -> ec.EllipticCurvePublicKey:
    key = _load(pem)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        key = key.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ConfigurationError("A previous signing key is not on P-256.")


def _load(pem: bytes) -> object:
    try:
        if b"PRIVATE KEY" in pem:
            return serialization.load_pem_private_key(pem, None)
        return serialization.load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError(
            "A signing key can't be read; it must be a PEM file without a passphrase."
        ) from None


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
