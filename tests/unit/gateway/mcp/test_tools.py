"""The tools are exactly those of the contracts."""

from __future__ import annotations

import pytest
from readback.conversation.v1 import conversation_service_pb2
from readback.flightdata.v1 import flightdata_service_pb2
from readback.options.v1 import options_pb2

from mesh.security.access_rules import path_of
from services.gateway.mcp.tools import tools_of

pytestmark = pytest.mark.unit

FLIGHTDATA = flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]
CONVERSATION = conversation_service_pb2.DESCRIPTOR.services_by_name["ConversationService"]
TOOLS = tools_of([FLIGHTDATA])


def test_every_rpc_with_a_tool_option_is_a_tool() -> None:
    named = [method.GetOptions().Extensions[options_pb2.tool].name for method in FLIGHTDATA.methods]
    assert list(TOOLS) == [name for name in named if name]


def test_rpcs_without_the_option_are_not_tools() -> None:
    assert tools_of([CONVERSATION]) == {}


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_every_tool_can_be_called_with_the_gateways_own_token(tool) -> None:
    open_to = {options_pb2.ACCESS_PUBLIC, options_pb2.ACCESS_GATEWAY}
    assert open_to & set(tool.method.GetOptions().Extensions[options_pb2.access])


def test_tools_belong_to_their_rpcs() -> None:
    assert (
        path_of(TOOLS["search_flights"].method) == "/readback.flightdata.v1.FlightDataService/SearchFlights"
    )


def test_hints_distinguish_reading_from_changing() -> None:
    assert TOOLS["search_flights"].read_only
    assert TOOLS["search_flights"].idempotent
