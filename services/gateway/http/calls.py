"""RPCs on behalf of HTTP callers: metadata, deadlines and codecs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from readback.options.v1.options_pb2 import ACCESS_PUBLIC
from starlette.datastructures import Headers

from mesh.calling.channel import streaming
from mesh.errors import FieldViolation, InvalidRequest
from mesh.ids import REQUEST_ID, uuid7
from mesh.security.access_rules import path_of, rules_of
from mesh.security.authentication import TokenSource, bearer
from mesh.security.source_address import SOURCE_ADDRESS

_FORWARDED = ("authorization", "traceparent", "tracestate", "accept-language")
"""Headers that become metadata unchanged."""
_GRPC_TIMEOUT = re.compile(r"([0-9]{1,8})([HMSmun])")
_UNIT_SECONDS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class CallContext:
    """Metadata and time limit of an RPC, taken from the HTTP request."""

    metadata: Sequence[tuple[str, str]]
    """The caller's token, trace and request id."""
    timeout: float | None
    """The caller's time limit in seconds."""
    source: str
    """The caller's network address; empty if it is unknown."""


def context_of(headers: Headers, request_id: str, source: str) -> CallContext:
    """Return the context of an RPC.

    Raises:
        InvalidRequest: a header with a time limit is malformed.
    """
    return CallContext([*_forwarded(headers), (REQUEST_ID, request_id)], _timeout_of(headers), source)


def request_id_of(headers: Headers) -> str:
    """Return the caller's request id if it is usable, else a new one."""
    given = headers.get(REQUEST_ID, "")
    return given if _REQUEST_ID.fullmatch(given) else uuid7()


def _forwarded(headers: Headers) -> Iterator[tuple[str, str]]:
    for name in _FORWARDED:
        for value in headers.getlist(name):
            if _PRINTABLE.fullmatch(value):  # gRPC refuses a call with other characters
                yield name, value


def _timeout_of(headers: Headers) -> float | None:
    """Return the time limit in `grpc-timeout: 1500m` or `x-request-timeout: 1.5`."""
    if (given := headers.get("grpc-timeout")) is not None:
        if match := _GRPC_TIMEOUT.fullmatch(given):
            return int(match[1]) * _UNIT_SECONDS[match[2]]
        raise InvalidRequest([FieldViolation("grpc-timeout", "must be a duration such as 1500m or 2S")])
    if (given := headers.get("x-request-timeout")) is not None:
        if _SECONDS.fullmatch(given) and float(given) > 0:
            return float(given)
        raise InvalidRequest([FieldViolation("x-request-timeout", "must be a number of seconds such as 1.5")])
    return None


class Rpcs:
    """Calls RPCs. `channels` has the channel of each service, by its full name.

    For callers without a token, public RPCs get the gateway's own token and the caller's address, because
    services limit such callers by address.
    """

    def __init__(self, channels: Mapping[str, grpc.aio.Channel], own_token: TokenSource) -> None:
        self._channels, self._own_token = channels, own_token
        self._unary: dict[MethodDescriptor, grpc.aio.UnaryUnaryMultiCallable[Any, Any]] = {}

    async def unary(self, method: MethodDescriptor, request: Message, context: CallContext) -> Message:
        """Return the response of a unary RPC.

        Raises:
            grpc.aio.AioRpcError: the service refused or failed.
        """
        metadata = await self._metadata(method, context)
        call = self._unary.get(method)
        if call is None:
            call = self._unary[method] = self._channels[method.containing_service.full_name].unary_unary(
                path_of(method),
                type(request).SerializeToString,
                GetMessageClass(method.output_type).FromString,
            )
        response: Message = await call(request, metadata=metadata, timeout=context.timeout)
        return response

    @asynccontextmanager
    async def server_stream(
        self, method: MethodDescriptor, request: Message, context: CallContext
    ) -> AsyncIterator[AsyncIterator[Message]]:
        """Yield the responses of a server-streaming RPC, and cancel it at the end of the block.

        Raises:
            grpc.aio.AioRpcError: while iterating; the service refused or failed.
        """
        metadata = await self._metadata(method, context)
        start = self._channels[method.containing_service.full_name].unary_stream(
            path_of(method),
            type(request).SerializeToString,
            GetMessageClass(method.output_type).FromString,
        )
        async with streaming(start(request, metadata=metadata, timeout=context.timeout)) as call:
            yield aiter(call)

    async def _metadata(self, method: MethodDescriptor, context: CallContext) -> list[tuple[str, str]]:
        metadata = list(context.metadata)
        if ACCESS_PUBLIC in rules_of(method) and "authorization" not in dict(metadata):
            with suppress(grpc.aio.AioRpcError):  # without a token, the gateway's own address counts
                metadata += bearer(await self._own_token())
                metadata.append((SOURCE_ADDRESS, context.source))
        return metadata
