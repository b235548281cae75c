"""The published keys: standard names, no private parts, and previous keys."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm
from readback.identity.v1 import identity_service_pb2 as pb

from mesh.security.jwks import parse_keys
from mesh.settings import ConfigurationError
from services.identity.tokens.signing_keys import SigningKeys, thumbprint

pytestmark = pytest.mark.unit

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _key(secret: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(secret, ec.SECP256R1())


def test_the_kid_is_the_rfc_7638_thumbprint() -> None:
    key = _key(7).public_key()
    jwk = json.loads(ECAlgorithm.to_jwk(key))
    canonical = f'{{"crv":"P-256","kty":"EC","x":"{jwk["x"]}","y":"{jwk["y"]}"}}'
    assert thumbprint(key) == base64.urlsafe_b64encode(
        hashlib.sha256(canonical.encode()).digest()
    ).decode().rstrip("=")


@settings(max_examples=50)
@given(secret=st.integers(1, P256_ORDER - 1))
def test_verifiers_read_the_published_keys(secret: int) -> None:
    keys = SigningKeys(_pem(_key(secret)))
    parsed = parse_keys(pb.JsonWebKey(**jwk) for jwk in keys.jwks())
    assert parsed[keys.current_kid].public_numbers() == keys.current.public_key().public_numbers()


def test_coordinates_keep_leading_zeros() -> None:
    short = next(n for n in range(1, 5000) if _key(n).public_key().public_numbers().x < 1 << 248)
    (jwk,) = SigningKeys(_pem(_key(short))).jwks()
    assert len(jwk["x"]) == len(jwk["y"]) == 43


def test_nothing_private_is_published() -> None:
    (jwk,) = SigningKeys(_pem(_key(7))).jwks()
    assert set(jwk) == {field.json_name for field in pb.JsonWebKey.DESCRIPTOR.fields}
    assert set(jwk) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_previous_keys_are_published_after_the_current_one() -> None:
    keys = SigningKeys(_pem(_key(7)), [_pem(_key(8)), _public_pem(_key(9))])
    assert [jwk["kid"] for jwk in keys.jwks()] == [thumbprint(_key(n).public_key()) for n in (7, 8, 9)]
    assert set(keys.public_keys) == {jwk["kid"] for jwk in keys.jwks()}


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"not a key",
        _pem(rsa.generate_private_key(65537, 2048)),
        _pem(ed25519.Ed25519PrivateKey.generate()),
        _pem(ec.generate_private_key(ec.SECP384R1())),
        _public_pem(_key(7)),
    ],
    ids=["empty", "garbage", "RSA", "Ed25519", "P-384", "public half"],
)
def test_a_key_not_on_p256_is_a_configuration_error(pem: bytes) -> None:
    with pytest.raises(ConfigurationError):
        SigningKeys(pem)
    if pem != _public_pem(_key(7)):
        with pytest.raises(ConfigurationError):
            SigningKeys(_pem(_key(7)), [pem])
