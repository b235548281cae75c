"""Tool calls and results in the log carry the contracts' own messages."""

from __future__ import annotations

import pytest
from buf.validate import validate_pb2
from google.protobuf.json_format import MessageToJson, Parse
from google.protobuf.message import Message
from readback.conversation.v1 import conversation_service_pb2, entry_pb2
from readback.flightdata.v1 import flightdata_service_pb2
from readback.options.v1 import options_pb2

from mesh.contracts.validation import field_rules, validate
from mesh.ids import uuid7

pytestmark = pytest.mark.contract

TOOLS = {
    method.GetOptions().Extensions[options_pb2.tool].name: method
    for method in flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"].methods
    if method.GetOptions().HasExtension(options_pb2.tool)
}


def call() -> entry_pb2.ToolCall:
    made = entry_pb2.ToolCall(tool_call_id=uuid7(), name="search_flights")
    made.places.add(code="MAA", city="Chennai")
    leg = made.search_flights.legs.add(origin="MAA", max_stops=0)
    leg.departure_date.year = 2026
    leg.departure_time_before.SetInParent()  # midnight
    return made


def result() -> entry_pb2.ToolResult:
    made = entry_pb2.ToolResult(tool_call_id=uuid7(), name="search_flights")
    made.outcome = entry_pb2.TOOL_OUTCOME_FOUND
    found = made.search_flights
    found.results.itineraries.add(itinerary_id="one", seats_left=0).segments.add(flight_number="AI542")
    found.results.offers.add(offer_id="x", itinerary_ids=["one"]).fare.total.units = 6240
    found.results.journeys.add(itinerary_ids=["one", "two"])
    found.done.result_count = 12
    return made


AGENT_TOOLS = [
    field.name
    for field in entry_pb2.ToolCall.DESCRIPTOR.oneofs_by_name["arguments"].fields
    if field.name != "other"
]


@pytest.mark.parametrize("name", AGENT_TOOLS)
def test_every_tool_that_the_agent_calls_has_typed_arguments_and_a_typed_result(name: str) -> None:
    arguments = entry_pb2.ToolCall.DESCRIPTOR.fields_by_name[name]
    assert arguments.message_type is TOOLS[name].input_type
    outcome = entry_pb2.ToolResult.DESCRIPTOR.fields_by_name[name].message_type
    assert outcome is not None
    streamed = {field.message_type for field in TOOLS[name].output_type.fields}
    if TOOLS[name].server_streaming:
        assert {field.message_type for field in outcome.fields} <= streamed
    else:
        assert outcome is TOOLS[name].output_type


def failed() -> entry_pb2.ToolResult:
    made = entry_pb2.ToolResult(tool_call_id=uuid7(), name="search_flights")
    made.outcome = entry_pb2.TOOL_OUTCOME_DATE_BEYOND_HORIZON
    made.error.reason, made.error.metadata["last_date"] = "DATE_BEYOND_HORIZON", "2027-10-19"
    return made


@pytest.mark.parametrize("make", [call, result, failed])
def test_a_tool_entry_survives_bytes_and_json(make: type[Message]) -> None:
    message = make()
    assert type(message).FromString(message.SerializeToString()) == message
    assert Parse(MessageToJson(message), type(message)()) == message


def test_an_entry_is_valid_even_if_its_request_was_refused() -> None:
    refused = call()
    refused.search_flights.legs[0].origin = "nowhere"
    refused.search_flights.legs[0].carrier_codes.extend(["??"] * 100)
    validate(refused)
    for field in entry_pb2.ToolCall.DESCRIPTOR.oneofs_by_name["arguments"].fields:
        if field.name != "other":
            assert field_rules(field).ignore == validate_pb2.IGNORE_ALWAYS


def test_a_place_in_line_and_an_epoch_are_absent_where_they_do_not_apply() -> None:
    assert not conversation_service_pb2.Call().HasField("place_in_line")
    assert not entry_pb2.StateChange().HasField("epoch")
