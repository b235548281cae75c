"""The tools are exactly those of the contracts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from readback.conversation.v1 import conversation_service_pb2
from readback.flightdata.v1 import flightdata_service_pb2
from readback.options.v1 import options_pb2

from mesh.security.access_rules import path_of
from services.gateway.mcp.tools import Tool, tools_of

pytestmark = pytest.mark.unit

FLIGHTDATA = flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]
CONVERSATION = conversation_service_pb2.DESCRIPTOR.services_by_name["ConversationService"]
TOOLS = tools_of([FLIGHTDATA, CONVERSATION])
STRICT_KEYWORDS = {
    *("type", "description", "properties", "required", "additionalProperties", "items", "enum"),
    *("pattern", "format", "minimum", "maximum", "minItems", "maxItems"),
}
STRICT_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
OWN = {"list_conversations", "read_transcript", "search_transcripts"}
"""Tools about the customer's own data."""


def test_every_rpc_with_a_tool_option_is_a_tool() -> None:
    methods = [method for service in (FLIGHTDATA, CONVERSATION) for method in service.methods]
    named = [method.GetOptions().Extensions[options_pb2.tool].name for method in methods]
    assert list(TOOLS) == [name for name in named if name]


def test_only_tools_about_the_customers_own_data_need_a_customers_token() -> None:
    assert {name for name, tool in TOOLS.items() if tool.customers_only} == OWN


def test_every_tool_only_reads() -> None:
    assert all(tool.read_only for tool in TOOLS.values())


def strict_faults(schema: dict[str, Any], path: str) -> Iterator[str]:
    """Yield each way in which a schema breaks the rules of OpenAI's strict mode."""
    yield from (f"{path}: {keyword}" for keyword in schema.keys() - STRICT_KEYWORDS)
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "format" in schema and schema["format"] not in STRICT_FORMATS:
        yield f"{path}: format {schema['format']}"
    if "enum" in schema and ("null" in types) != (None in schema["enum"]):
        yield f"{path}: null in enum"
    if "object" in types:
        if schema.get("additionalProperties") is not False:
            yield f"{path}: additionalProperties"
        if list(schema["properties"]) != schema["required"]:
            yield f"{path}: required"
        for name, inner in schema["properties"].items():
            yield from strict_faults(inner, f"{path}.{name}")
    if "array" in types:
        yield from strict_faults(schema["items"], f"{path}[]")


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_arguments_fit_openais_strict_mode(tool: Tool) -> None:
    Draft202012Validator.check_schema(dict(tool.input_schema))
    assert list(strict_faults(dict(tool.input_schema), tool.name)) == []


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_answers_have_a_schema(tool: Tool) -> None:
    Draft202012Validator.check_schema(dict(tool.output_schema))
    assert tool.output_schema["additionalProperties"] is False
    assert {"error", "speech", "question", "omitted"} < tool.output_schema["properties"].keys()


def test_transcripts_for_models_leave_out_the_results_of_tools() -> None:
    result = TOOLS["read_transcript"].output_schema["$defs"]["ToolResult"]["properties"]
    assert {"outcome", "error"} < result.keys()
    assert not {"search_flights", "other"} & result.keys()


def test_tools_belong_to_their_rpcs() -> None:
    assert (
        path_of(TOOLS["search_flights"].method) == "/readback.flightdata.v1.FlightDataService/SearchFlights"
    )


def test_hints_distinguish_reading_from_changing() -> None:
    assert TOOLS["search_flights"].read_only
    assert TOOLS["search_flights"].idempotent
