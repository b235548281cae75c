"""MCP server: lists the tools and calls them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import grpc
import mcp_types as types
import structlog
from google.protobuf.message import Message
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from agent.language import ENGLISH
from mesh.contracts.tool_arguments import request_from
from mesh.errors import InvalidRequest, Overloaded, Unauthenticated, Unavailable
from mesh.ip_addresses import source_of
from mesh.security.authentication import bearer
from mesh.security.source_address import SOURCE_ADDRESS
from mesh.serving.caller_turns import CallerTurns
from services.gateway.compact_json import compact_json
from services.gateway.mcp.places import UnknownPlaces, question, resolve_places
from services.gateway.mcp.tool_results import (
    as_json,
    invalid_arguments,
    kept_of_page,
    not_authenticated,
    overloaded,
    places_unknown,
    rpc_failed,
    shortened,
    unknown_tool,
)
from services.gateway.mcp.tools import Metadata, Tool, ToolCaller

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

INSTRUCTIONS = (
    "Flights, flight status and places, and the user's own conversations with the voice agent. Every flight "
    "names its source and time. `sample` means invented data for trying the product, not a real flight: tell "
    "the user so. Read `speech` aloud unchanged. If a result has a `question`, ask the user, and call the "
    "tool again with `write` of the candidate they mean."
)


class TokenOf(Protocol):
    """Returns the access token for a call with this `Authorization` header ('' if there is none)."""

    async def __call__(self, authorization: str, *, customers_only: bool) -> str:
        """Return the token; a customer's own if `customers_only`."""


Context = ServerRequestContext[Any, Any]
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ToolServer:
    """Lists the tools and calls them."""

    tools: Mapping[str, Tool]
    caller: ToolCaller
    places: FlightDataServiceAsyncStub
    """Finds the codes of places."""
    token_of: TokenOf
    strangers: CallerTurns
    """Turns of callers without a token, because the services see all of them as one caller."""
    answer_tokens: int
    """Maximum length of a result."""

    def server(self) -> Server[Any]:
        """Return the MCP server, for HTTP or stdio."""
        return Server(
            "readback",
            title="Readback",
            instructions=INSTRUCTIONS,
            on_list_tools=self._list,
            on_call_tool=self._call_in_turn,
        )

    async def _list(
        self,
        context: Context,  # noqa: ARG002  # the SDK's signature
        page: types.PaginatedRequestParams | None,  # noqa: ARG002
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_description(tool) for tool in self.tools.values()])

    async def _call_in_turn(
        self, context: Context, call: types.CallToolRequestParams
    ) -> types.CallToolResult:
        tool, stranger = self.tools.get(call.name), _stranger(context)
        if tool is None:
            return _result(unknown_tool(call.name))
        try:
            async with nullcontext() if stranger is None else self.strangers.turn(stranger):
                return _result(await self._call(context, tool, call.arguments or {}))
        except Overloaded as error:
            return _result(overloaded(error))

    async def _call(self, context: Context, tool: Tool, arguments: Mapping[str, Any]) -> dict[str, Any]:
        try:
            request = request_from(tool.method.input_type, arguments)
            authorization = _authorization(context)
            token = await self.token_of(authorization, customers_only=tool.customers_only)
            metadata = bearer(token) + _source(context)
            if ambiguous := await resolve_places(self.places, request, metadata):
                return question(ambiguous)
            result = await self._result(context, tool, request, metadata)
            if tool.paged and (kept := kept_of_page(result)):
                request.page_size = kept  # type: ignore[attr-defined]  # so that the next page has the rest
                result = await self._result(context, tool, request, metadata)
        except UnknownPlaces as error:
            return places_unknown(error)
        except InvalidRequest as error:
            return invalid_arguments(error)
        except (Unauthenticated, Unavailable) as error:
            return not_authenticated(error)
        except grpc.aio.AioRpcError as error:
            _log.info("tool call failed", tool=tool.name, code=error.code().name)
            return rpc_failed(error)
        return result

    async def _result(
        self, context: Context, tool: Tool, request: Message, metadata: Metadata
    ) -> dict[str, Any]:
        messages: list[Message] = []
        async for message in self.caller.call(tool, request, metadata):
            messages.append(message)
            if tool.method.server_streaming:
                await context.session.report_progress(len(messages), message=message.WhichOneof("event"))
        speech = ENGLISH.answer_line(messages)
        return shortened(({"speech": speech} if speech else {}) | as_json(messages), self.answer_tokens)


def _description(tool: Tool) -> types.Tool:
    hints = types.ToolAnnotations(
        read_only_hint=tool.read_only,
        idempotent_hint=tool.idempotent,
        destructive_hint=not tool.idempotent,
        open_world_hint=True,
    )
    return types.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=dict(tool.input_schema),
        output_schema=dict(tool.output_schema),
        annotations=hints,
    )


def _authorization(context: Context) -> str:
    """Return the `Authorization` header; empty over stdio."""
    return "" if context.request is None else str(context.request.headers.get("authorization", ""))


def _stranger(context: Context) -> str | None:
    """Return the network of a caller without a token over HTTP; None for other callers."""
    if context.request is None or _authorization(context):
        return None
    client = context.request.client
    return source_of(client.host) if client else ""


def _source(context: Context) -> Metadata:
    """Return the metadata with the client's address, for limits of anonymous callers; empty over stdio."""
    client = None if context.request is None else context.request.client
    return ((SOURCE_ADDRESS, client.host),) if client else ()


def _result(result: dict[str, Any]) -> types.CallToolResult:
    # The text repeats the result for clients that don't read structured content.
    content: list[types.ContentBlock] = [types.TextContent(type="text", text=compact_json(result))]
    return types.CallToolResult(content=content, structured_content=result, is_error="error" in result)
