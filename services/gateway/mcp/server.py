"""MCP server: lists the tools and calls them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import grpc
import mcp_types as types
import structlog
from google.protobuf.message import Message
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from agent.language import ENGLISH
from mesh.contracts.tool_arguments import request_from
from mesh.errors import InvalidRequest, Unauthenticated, Unavailable
from mesh.security.authentication import bearer
from mesh.security.source_address import SOURCE_ADDRESS
from services.gateway.mcp.places import question, resolve_places
from services.gateway.mcp.tool_results import (
    as_json,
    compact_json,
    invalid_arguments,
    not_authenticated,
    rpc_failed,
    shortened,
    unknown_tool,
)
from services.gateway.mcp.tools import Metadata, Tool, ToolCaller

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

INSTRUCTIONS = (
    "Flights, flight status and airports. Every result names its source and time. `sample` means invented "
    "data for trying the product, not a real flight: tell the user so. Read `speech` aloud unchanged. If a "
    "result has a `question`, ask the user, and call the tool again with `write` of the candidate they mean."
)

TokenOf = Callable[[str], Awaitable[str]]
"""Returns the access token for a call with this `Authorization` header ('' if there is none)."""
Context = ServerRequestContext[Any, Any]
_log = structlog.get_logger()


def mcp_server(
    tools: Mapping[str, Tool],
    caller: ToolCaller,
    places: FlightDataServiceAsyncStub,
    token_of: TokenOf,
    *,
    answer_tokens: int,
) -> Server[Any]:
    """Return a server of these tools, for HTTP or stdio; results have at most `answer_tokens` tokens."""

    async def list_tools(
        context: Context,  # noqa: ARG001  # the SDK's signature
        page: types.PaginatedRequestParams | None,  # noqa: ARG001
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_description(tool) for tool in tools.values()])

    async def call_tool(context: Context, call: types.CallToolRequestParams) -> types.CallToolResult:
        tool = tools.get(call.name)
        if tool is None:
            return _result(unknown_tool(call.name))
        try:
            request = request_from(tool.method.input_type, call.arguments or {})
            metadata = bearer(await token_of(_authorization(context))) + _source(context)
            if ambiguous := await resolve_places(places, request, metadata):
                return _result(question(request, ambiguous))
            messages = await _call(context, tool, request, metadata)
        except InvalidRequest as error:
            return _result(invalid_arguments(error))
        except (Unauthenticated, Unavailable) as error:
            return _result(not_authenticated(error))
        except grpc.aio.AioRpcError as error:
            _log.info("tool call failed", tool=tool.name, code=error.code().name)
            return _result(rpc_failed(error))
        speech = ENGLISH.answer_line(messages)
        result = ({"speech": speech} if speech else {}) | as_json(messages)
        return _result(shortened(result, answer_tokens))

    async def _call(context: Context, tool: Tool, request: Message, metadata: Metadata) -> Sequence[Message]:
        messages = []
        async for message in caller.call(tool, request, metadata):
            messages.append(message)
            if tool.method.server_streaming:
                await context.session.report_progress(len(messages), message=message.WhichOneof("event"))
        return messages

    return Server(
        "readback",
        title="Readback",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _description(tool: Tool) -> types.Tool:
    hints = types.ToolAnnotations(
        read_only_hint=tool.read_only,
        idempotent_hint=tool.idempotent,
        destructive_hint=not tool.idempotent,
        open_world_hint=True,
    )
    return types.Tool(
        name=tool.name, description=tool.description, input_schema=dict(tool.input_schema), annotations=hints
    )


def _authorization(context: Context) -> str:
    """Return the `Authorization` header; empty over stdio."""
    return "" if context.request is None else str(context.request.headers.get("authorization", ""))


def _source(context: Context) -> Metadata:
    """Return the metadata with the client's address, for limits of anonymous callers; empty over stdio."""
    client = None if context.request is None else context.request.client
    return ((SOURCE_ADDRESS, client.host),) if client else ()


def _result(result: dict[str, Any]) -> types.CallToolResult:
    # The text repeats the result for clients that don't read structured content.
    content: list[types.ContentBlock] = [types.TextContent(type="text", text=compact_json(result))]
    return types.CallToolResult(content=content, structured_content=result, is_error="error" in result)
