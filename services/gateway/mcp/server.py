"""The MCP server: lists the tools and calls them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import grpc
import mcp_types as types
import structlog
from google.protobuf.message import Message
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from agent.language import ENGLISH
from mesh.contracts.tool_arguments import request_from
from mesh.errors import InvalidRequest, Unauthenticated, Unavailable
from services.gateway.mcp.answers import as_json, compact, within
from services.gateway.mcp.calling import Backends
from services.gateway.mcp.catalogue import Tool
from services.gateway.mcp.failures import bad_arguments, failed_call, no_such_tool, not_let_in

INSTRUCTIONS = (
    "Flights, their status, airports. Every answer says who said so and when; `sample` means invented for trying the product out, "
    "never a flight that anybody flies: tell the person so. Read `speech` aloud as it is."
)

TokenOf = Callable[[str], Awaitable[str]]
"""The access token for a call, from its `Authorization` header ('' when there is none). Raises `Unauthenticated`."""
Context = ServerRequestContext[Any, Any]
_log = structlog.get_logger()


def mcp_server(
    tools: Mapping[str, Tool], backends: Backends, token_of: TokenOf, *, answer_tokens: int
) -> Server[Any]:
    """A server of these tools; the same for HTTP and stdio."""

    async def list_tools(
        context: Context,  # noqa: ARG001  # the SDK's signature
        page: types.PaginatedRequestParams | None,  # noqa: ARG001
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_listed(tool) for tool in tools.values()])

    async def call_tool(context: Context, call: types.CallToolRequestParams) -> types.CallToolResult:
        tool = tools.get(call.name)
        if tool is None:
            return _result(no_such_tool(call.name))
        try:
            request = request_from(tool.method.input_type, call.arguments or {})
            messages = await _called(context, tool, request, await token_of(_authorization(context)))
        except InvalidRequest as error:
            return _result(bad_arguments(error))
        except (Unauthenticated, Unavailable) as error:
            return _result(not_let_in(error))
        except grpc.aio.AioRpcError as error:
            _log.info("a tool failed", tool=tool.name, code=error.code().name)
            return _result(failed_call(error))
        speech = ENGLISH.answer_line(messages)
        return _result(within(({"speech": speech} if speech else {}) | as_json(messages), answer_tokens))

    async def _called(context: Context, tool: Tool, request: Message, token: str) -> Sequence[Message]:
        messages = []
        async for message in backends.call(tool, request, token):
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


def _listed(tool: Tool) -> types.Tool:
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
    """The HTTP request's header; over stdio there is no request."""
    return "" if context.request is None else str(context.request.headers.get("authorization", ""))


def _result(answer: dict[str, Any]) -> types.CallToolResult:
    # The JSON stands in the text too, for clients that read no structured content.
    content: list[types.ContentBlock] = [types.TextContent(type="text", text=compact(answer))]
    return types.CallToolResult(content=content, structured_content=answer, is_error="error" in answer)
