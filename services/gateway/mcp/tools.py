"""Tools: the RPCs whose contracts have a `tool` option, and the calls of these RPCs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from readback.options.v1 import options_pb2

from mesh.calling.channel import streaming
from mesh.contracts.tool_schemas import tool_schemas
from mesh.security.access_rules import path_of
from services.gateway.mcp.tool_results import ANSWER_PROPERTIES

Metadata = tuple[tuple[str, str], ...]
"""Metadata of an RPC, with the access token."""
TIMEOUT_SECONDS = 60.0
"""Timeout of a tool's RPC; a flight vendor may take 45 s."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that calls an RPC."""

    name: str
    description: str
    input_schema: Mapping[str, Any]
    """JSON Schema of the arguments."""
    output_schema: Mapping[str, Any]
    """JSON Schema of the result: the response's fields, a line to read aloud, a question, or an error."""
    method: MethodDescriptor

    @property
    def customers_only(self) -> bool:
        """True if a call needs a customer's token, because it is about the customer's own data."""
        allowed = self.method.GetOptions().Extensions[options_pb2.access]
        return not {options_pb2.ACCESS_PUBLIC, options_pb2.ACCESS_GATEWAY} & set(allowed)

    @property
    def paged(self) -> bool:
        """True if the response is a page of a list (AIP-158)."""
        return "next_page_token" in self.method.output_type.fields_by_name

    @property
    def read_only(self) -> bool:
        """True if a call changes nothing."""
        return bool(self.method.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS)

    @property
    def idempotent(self) -> bool:
        """True if a repeated call changes nothing more."""
        return bool(self.method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN)


def tools_of(services: Iterable[ServiceDescriptor]) -> dict[str, Tool]:
    """Return the tools of these services by name, in the order of the contracts."""
    return {tool.name: tool for service in services for tool in _tools(service)}


def _tools(service: ServiceDescriptor) -> Iterable[Tool]:
    methods = {
        method.GetOptions().Extensions[options_pb2.tool].name: method
        for method in service.methods
        if method.GetOptions().HasExtension(options_pb2.tool)
    }
    for schema in tool_schemas(service):
        answer = schema["output_schema"]
        properties = answer["properties"] | ANSWER_PROPERTIES
        yield Tool(
            schema["name"],
            schema["description"],
            schema["input_schema"],
            answer | {"properties": properties},
            methods[schema["name"]],
        )


class ToolCaller:
    """Calls the RPCs of tools. `channels` has the channel of each service, by its full name."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel]) -> None:
        self._channels = channels

    async def call(self, tool: Tool, request: Message, metadata: Metadata) -> AsyncIterator[Message]:
        """Yield the response, or each message of a streamed response.

        Raises:
            grpc.aio.AioRpcError: the service refused or failed.
        """
        method = tool.method
        channel = self._channels[method.containing_service.full_name]
        codec = (type(request).SerializeToString, GetMessageClass(method.output_type).FromString)
        if not method.server_streaming:
            unary = channel.unary_unary(path_of(method), *codec)
            yield await unary(request, metadata=metadata, timeout=TIMEOUT_SECONDS)
            return
        stream = channel.unary_stream(path_of(method), *codec)
        async with streaming(stream(request, metadata=metadata, timeout=TIMEOUT_SECONDS)) as call:
            async for message in call:
                yield message
