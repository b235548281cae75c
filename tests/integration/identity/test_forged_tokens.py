"""A running service refuses forged and foreign tokens."""

from __future__ import annotations

import base64
import hmac
import json

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.json_format import MessageToJson
from livekit.api import AccessToken as LiveKitToken
from livekit.api import VideoGrants
from readback.identity.v1 import identity_service_pb2 as pb

from mesh.ids import uuid7
from mesh.security.authentication import bearer
from tests.integration.identity.harness import Identity, SignedIn, refused

pytestmark = pytest.mark.integration

UNAUTHENTICATED = (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


async def _who_am_i(identity: Identity, token: str) -> pb.GetCustomerResponse:
    return await identity.stub.GetCustomer(pb.GetCustomerRequest(), metadata=bearer(token))


def _encoded(header: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")


def _unsigned(token: str, algorithm: str) -> str:
    _, body, _ = token.split(".")
    return f"{_encoded({'alg': algorithm, 'typ': 'at+jwt'})}.{body}."


@pytest.fixture
async def asha(identity: Identity) -> SignedIn:
    """A customer."""
    return await identity.register()


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "HS256", "ES256"])
async def test_an_unsigned_token_is_refused(identity: Identity, asha: SignedIn, algorithm: str) -> None:
    assert (
        await refused(_who_am_i(identity, _unsigned(asha.tokens.access_token, algorithm))) == UNAUTHENTICATED
    )


async def test_hmac_with_a_published_key_is_refused(identity: Identity, asha: SignedIn) -> None:
    key = (await identity.stub.GetJwks(pb.GetJwksRequest())).keys[0]
    published = MessageToJson(key)
    _, body, _ = asha.tokens.access_token.split(".")
    header = _encoded({"alg": "HS256", "typ": "at+jwt", "kid": key.kid})
    signature = (
        base64.urlsafe_b64encode(hmac.digest(published.encode(), f"{header}.{body}".encode(), "sha256"))
        .decode()
        .rstrip("=")
    )
    assert await refused(_who_am_i(identity, f"{header}.{body}.{signature}")) == UNAUTHENTICATED


async def test_a_self_signed_token_is_refused(identity: Identity, asha: SignedIn) -> None:
    header = jwt.get_unverified_header(asha.tokens.access_token)
    claims = jwt.decode(asha.tokens.access_token, options={"verify_signature": False})
    forged = jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), "ES256", header)
    assert await refused(_who_am_i(identity, forged)) == UNAUTHENTICATED


async def test_refresh_tokens_grants_and_assertions_are_not_access_tokens(
    identity: Identity, asha: SignedIn
) -> None:
    grant = await identity.grant(asha, uuid7())
    for wrong in (asha.tokens.refresh_token, grant.grant, identity.assertion()):
        assert await refused(_who_am_i(identity, wrong)) == UNAUTHENTICATED


async def test_a_livekit_token_is_refused(identity: Identity, asha: SignedIn) -> None:
    keys = identity.settings.livekit_keys
    token = LiveKitToken(keys.key, keys.secret).with_identity(asha.customer.customer_id)
    video = VideoGrants(room_join=True, room="call")
    assert await refused(_who_am_i(identity, token.with_grants(video).to_jwt())) == UNAUTHENTICATED


async def test_a_token_is_refused_from_the_second_it_expires(identity: Identity, asha: SignedIn) -> None:
    expires_in = (
        asha.tokens.access_expire_time.ToDatetime().timestamp()
        - identity.clock.now().replace(tzinfo=None).timestamp()
    )
    identity.clock.advance(expires_in - 0.5)
    await _who_am_i(identity, asha.tokens.access_token)
    identity.clock.advance(0.5)
    assert await refused(_who_am_i(identity, asha.tokens.access_token)) == UNAUTHENTICATED


async def test_a_token_of_a_megabyte_is_refused(identity: Identity, asha: SignedIn) -> None:
    code, _ = await refused(_who_am_i(identity, "A" * 1_000_000))
    assert code in {
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNAVAILABLE,
    }
    await _who_am_i(identity, asha.tokens.access_token)


async def test_an_expired_token_does_not_prevent_signing_in(identity: Identity, asha: SignedIn) -> None:
    identity.clock.advance(700)
    request = pb.RefreshSessionRequest(refresh_token=asha.tokens.refresh_token)
    await identity.stub.RefreshSession(request, metadata=asha.headers)


@pytest.mark.parametrize("scheme", ["", "Basic ", "bearer", "Bearer"])
async def test_a_token_needs_its_scheme(identity: Identity, asha: SignedIn, scheme: str) -> None:
    metadata = (("authorization", f"{scheme}{asha.tokens.access_token}"),)
    assert (
        await refused(identity.stub.GetCustomer(pb.GetCustomerRequest(), metadata=metadata))
        == UNAUTHENTICATED
    )
