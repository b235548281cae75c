"""Calling a tool's RPC, whatever its messages are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from mesh.calling.channel import streaming
from mesh.security.authentication import bearer
from services.gateway.mcp.catalogue import Tool

DEADLINE_SECONDS = 60.0
"""A vendor of flights may take 45 s."""


class Backends:
    """The services behind the tools, by the full name of each."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel]) -> None:
        self._channels = channels

    async def call(self, tool: Tool, request: Message, token: str) -> AsyncIterator[Message]:
        """The answer, or each message of a streamed one.

        Raises:
            grpc.aio.AioRpcError: what the service says.
        """
        channel = self._channels[tool.method.containing_service.full_name]
        answer = GetMessageClass(tool.method.output_type)
        metadata = bearer(token)
        if not tool.method.server_streaming:
            unary = channel.unary_unary(tool.path, type(request).SerializeToString, answer.FromString)
            yield await unary(request, metadata=metadata, timeout=DEADLINE_SECONDS)
            return
        stream = channel.unary_stream(tool.path, type(request).SerializeToString, answer.FromString)
        async with streaming(stream(request, metadata=metadata, timeout=DEADLINE_SECONDS)) as call:
            async for message in call:
                yield message
