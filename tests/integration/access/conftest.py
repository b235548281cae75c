"""Every service of the mesh on a real server, and callers of every kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest_asyncio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from livekit import api as livekit
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.identity.v1 import identity_service_pb2 as identity
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from mesh.calling.channel import open_channel
from mesh.ids import uuid7
from mesh.security.access_rules import path_of
from mesh.security.authentication import bearer
from mesh.security.workload_identity import WorkloadIdentity
from mesh.serving.grpc_server import running
from services.conversation.app import grpc_service as conversation_service
from services.conversation.settings import ConversationSettings
from services.flightdata.app import grpc_service as flightdata_service
from services.flightdata.settings import FlightDataSettings
from services.identity.app import grpc_service as identity_service
from services.identity.settings import IdentitySettings
from tests.mesh_tokens import SigningKey

IDENTITY = identity.DESCRIPTOR.services_by_name["IdentityService"]


class Mesh:
    """Three servers, two customers with a call each, and the installation's signing key."""

    def __init__(self) -> None:
        self.channels: dict[str, grpc.aio.Channel] = {}
        self.tokens: dict[str, str] = {}
        self.conversations: dict[str, str] = {}
        self.calls: dict[str, str] = {}

    async def start(self, home: Path, stack: AsyncExitStack) -> None:
        """Serve all services and sign two customers up."""
        self.home = home
        address = await self._serve(
            stack, identity_service(IdentitySettings(home=home, identity_bcrypt_cost=4))
        )
        where: dict[str, Any] = {"home": home, "identity_address": address, "livekit_url": "ws://127.0.0.1:9"}
        for service in (
            conversation_service(ConversationSettings(**where)),
            flightdata_service(FlightDataSettings(**where)),
        ):
            await self._serve(stack, service)
        self.key = await self._signing_key()
        for name in ("ada", "bob"):
            await self._sign_up(name)
        secrets = IdentitySettings(home=home).secrets
        for name in ("agent", "gateway", "conversation", "page"):
            workload = WorkloadIdentity(name, secrets.actor_key(name), self.identity)
            self.tokens[name] = await workload.own_token()

    async def _serve(self, stack: AsyncExitStack, service) -> str:
        served = await stack.enter_async_context(service)
        server = await stack.enter_async_context(running(served))
        channel = await stack.enter_async_context(open_channel(server.address, served.descriptor))
        self.channels[served.descriptor.full_name] = channel
        return server.address

    async def _signing_key(self) -> SigningKey:
        self.identity = IdentityServiceStub(self.channels[IDENTITY.full_name])
        key = SigningKey()
        pem = IdentitySettings(home=self.home).secrets.private_key("identity-signing-key")
        private = serialization.load_pem_private_key(pem, None)
        assert isinstance(private, EllipticCurvePrivateKey)
        key.private = private
        published = await self.identity.GetJwks(identity.GetJwksRequest())
        self.kid = jwt.PyJWK.from_json(published.keys_json[0]).key_id
        return key

    async def _sign_up(self, name: str) -> None:
        request = identity.RegisterRequest(
            email=f"{name}@example.com", password="a long walk in the park", display_name=name
        )
        registered = await self.identity.Register(request)
        token = self.tokens[name] = registered.tokens.access_token
        self.tokens[f"{name}-refresh"] = registered.tokens.refresh_token
        started = await self._unary(
            "StartConversation", conversation.StartConversationRequest(request_id=uuid7()), token
        )
        self.conversations[name] = started.conversation.conversation_id
        call = await self._unary(
            "StartCall", conversation.StartCallRequest(conversation_id=self.conversations[name]), token
        )
        self.calls[name] = call.call.call_id
        self.tokens[f"{name}-livekit"] = call.access.livekit_token
        customer_id = registered.customer.customer_id
        self.tokens[f"{name}-agent"] = self.delegated(customer_id, name)

    def delegated(self, customer_id: str, call_of: str) -> str:
        """A token as an agent gets it for a grant: a customer's, with the call of `call_of`."""
        return self.forged(
            sub=customer_id,
            kind="agent",
            act={"sub": "agent"},
            call=self.calls[call_of],
            conversation=self.conversations[call_of],
        )

    async def _unary(self, name: str, request: Message, token: str):
        service = conversation.DESCRIPTOR.services_by_name["ConversationService"]
        return await self.call(service.methods_by_name[name], request, token)

    def forged(self, **claims) -> str:
        """Return a token with any claims and headers, signed with the installation's key."""
        headers = {"kid": self.kid} | claims.pop("headers", {})
        return self.key.token(headers=headers, **claims)

    def bad_token(self, kind: str) -> str | None:
        """Return Ada's token with one mistake, or a token of another kind."""
        subject = jwt.decode(self.tokens["ada"], options={"verify_signature": False})["sub"]
        past = datetime.now(UTC) - timedelta(minutes=1)
        return {
            "no token": None,
            "expired": self.forged(sub=subject, exp=past),
            "wrong audience": self.forged(sub=subject, aud="another-mesh"),
            "wrong type": self.forged(sub=subject, headers={"typ": "JWT"}),
            "refresh token": self.tokens["ada-refresh"],
            "LiveKit token": self.tokens["ada-livekit"],
            "worker's LiveKit token": livekit.AccessToken("key", "s" * 32).with_identity(subject).to_jwt(),
            "foreign key": SigningKey().token(sub=subject, headers={"kid": self.kid}),
        }[kind]

    async def call(self, method: MethodDescriptor, request: Message, token: str | None):
        """Call any RPC and return the response; of a stream, the first message."""
        channel = self.channels[method.containing_service.full_name]
        response_type = GetMessageClass(method.output_type)
        codec: dict[str, Any] = {
            "request_serializer": type(request).SerializeToString,
            "response_deserializer": response_type.FromString,
        }
        metadata = bearer(token) if token else ()
        if method.client_streaming:
            stream: Any = channel.stream_stream(path_of(method), **codec)(metadata=metadata)
            await stream.write(request)
        elif method.server_streaming:
            stream = channel.unary_stream(path_of(method), **codec)(request, metadata=metadata)
        else:
            return await channel.unary_unary(path_of(method), **codec)(request, metadata=metadata)
        try:
            return await stream.read()
        finally:
            stream.cancel()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory) -> AsyncIterator[Mesh]:
    """The mesh, shared by a module's tests."""
    mesh = Mesh()
    async with AsyncExitStack() as stack:
        await mesh.start(tmp_path_factory.mktemp("home"), stack)
        yield mesh
