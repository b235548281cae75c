"""Connections to the services: channels, tokens, retries, and calls with dataclasses."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, TypeVar

import betterproto2
import grpc
from google.protobuf.message import Message

from readback_client.contracts import encode, from_official, message_class, to_official
from readback_client.errors import typed

M = TypeVar("M", bound=betterproto2.Message)
TokenSource = Callable[[], Awaitable[str]]
"""Returns an access token that is valid now."""
OpenStream = Callable[[Message], Awaitable["grpc.aio.UnaryStreamCall[Message, Message]"]]
"""Opens a stream with a request."""
_CHANNEL_OPTIONS = (
    ("grpc.enable_retries", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Finds a restarted service within a second; gRPC's defaults take minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of the services: `host:port`, or any target that gRPC understands."""

    identity: str = "127.0.0.1:50051"
    conversation: str = "127.0.0.1:50052"
    flightdata: str = "127.0.0.1:50053"
    booking: str = "127.0.0.1:50054"

    @classmethod
    def from_environment(cls) -> Addresses:
        """Return addresses from READBACK_…_ADDRESS or READBACK_…_PORT, as the services read them."""
        found = {}
        for name in ("identity", "conversation", "flightdata", "booking"):
            port = os.environ.get(f"READBACK_{name.upper()}_PORT")
            address = os.environ.get(f"READBACK_{name.upper()}_ADDRESS") or (port and f"127.0.0.1:{port}")
            if address:
                found[name] = address
        return cls(**found)


@cache
def service_config() -> str:
    """Return the published gRPC service config: timeouts and retries of each method, as JSON."""
    return (resources.files("readback_client.gen") / "service_config.json").read_text()


def open_channel(address: str, credentials: grpc.ChannelCredentials | None = None) -> grpc.aio.Channel:
    """Return a channel to an address, over TLS if `credentials` are given."""
    target = address if "://" in address or "," in address else f"dns:///{address}"
    options = [("grpc.service_config", service_config()), *_CHANNEL_OPTIONS]
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=options)
    return grpc.aio.secure_channel(target, credentials, options=options)


class Service:
    """Base of the generated services: calls methods over one channel."""

    def __init__(self, channel: grpc.aio.Channel, token: TokenSource | None = None) -> None:
        """Call over `channel`, with the tokens of `token` if it is given."""
        self._channel, self._token = channel, token

    async def _unary(
        self, path: str, request: betterproto2.Message, response: type[M], timeout: float | None
    ) -> M:
        method = self._channel.unary_unary(path, _serialized, message_class(response).FromString)
        try:
            answer = await method(_with_request_id(request), timeout=timeout, metadata=await self._metadata())
        except grpc.aio.AioRpcError as error:
            raise typed(error) from error
        return from_official(response, answer)

    async def _stream(
        self, path: str, request: betterproto2.Message, response: type[M], timeout: float | None
    ) -> AsyncGenerator[M]:
        method = self._channel.unary_stream(path, encode, message_class(response).FromString)
        call = method(request, timeout=timeout, metadata=await self._metadata())
        try:
            async for answer in call:
                yield from_official(response, answer)
        except grpc.aio.AioRpcError as error:
            raise typed(error) from error
        finally:
            call.cancel()  # leaving the loop early would keep the server's handler running

    def opener(self, path: str, response: type[Message]) -> OpenStream:
        """Return a function that opens a stream of official messages, each time with a current token."""
        method = self._channel.unary_stream(path, _serialized, response.FromString)

        async def opened(request: Message) -> grpc.aio.UnaryStreamCall[Message, Message]:
            return method(request, metadata=await self._metadata())

        return opened

    async def _metadata(self) -> tuple[tuple[str, str], ...]:
        own = (("x-request-id", str(uuid.uuid4())),)
        return own if self._token is None else (*own, ("authorization", f"Bearer {await self._token()}"))


def _with_request_id(request: betterproto2.Message) -> Any:
    """Return the official message. The call may be retried, so it gets a request id if it can have one."""
    message: Any = to_official(request)
    if "request_id" in message.DESCRIPTOR.fields_by_name and not message.request_id:
        message.request_id = str(uuid.uuid4())
    return message


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()
