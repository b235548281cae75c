"""The schemas agree with the contract, the frames and the tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from readback.flightdata.v1 import flightdata_service_pb2, flights_pb2

from agent.dialogue.context import Context
from agent.dialogue.frames import Intent
from agent.dialogue.understanding import understand
from agent.language.meanings import Expectation
from mesh.contracts.tool_arguments import arguments_of
from mesh.contracts.tool_schemas import enum_words, tool_schemas
from tests.unit.dialogue.doubles import PLACES, TODAY, Conversation, ExactGazetteer

pytestmark = pytest.mark.unit

SERVICE = flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]


def tool(name: str) -> Any:
    return next(entry["input_schema"] for entry in tool_schemas(SERVICE) if entry["name"] == name)


def needed(schema: Any) -> list[str]:
    """Return the properties that can't be null."""
    return [name for name, field in schema["properties"].items() if "null" not in field["type"]]


def with_nulls(schema: Any, value: Any) -> Any:
    """Return a value with null for what is absent, as a model in strict mode writes it."""
    if isinstance(value, list):
        return [with_nulls(schema["items"], item) for item in value]
    if isinstance(value, dict) and "properties" in schema:
        unknown = {name: item for name, item in value.items() if name not in schema["properties"]}
        return unknown | {
            name: with_nulls(field, value.get(name)) for name, field in schema["properties"].items()
        }
    return value


SCHEMA = json.loads(Path(__file__).with_name("frame.json").read_text(encoding="utf-8"))
FRAME = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)


def test_every_tool_of_the_contract_has_a_valid_schema() -> None:
    assert [entry["name"] for entry in tool_schemas(SERVICE)] == [
        "resolve_place",
        "get_airport",
        "search_flights",
        "flight_status",
        "route_status",
        "get_route",
        "reprice_offer",
    ]
    for entry in tool_schemas(SERVICE):
        Draft202012Validator.check_schema(entry["input_schema"])
        assert entry["description"]
        assert all(field["description"] for field in entry["input_schema"]["properties"].values())


def test_hidden_fields_are_never_shown_to_a_model() -> None:
    search = tool("search_flights")
    leg = search["properties"]["legs"]["items"]
    assert "max_results" not in search["properties"]
    assert not {"origin_kind", "destination_kind", "via_kind"} & leg["properties"].keys()
    assert search["additionalProperties"] is leg["additionalProperties"] is False


def test_required_fields_are_those_of_the_contract() -> None:
    search = tool("search_flights")
    assert needed(search) == ["legs"]
    assert search["properties"]["legs"]["minItems"] == 1
    assert needed(search["properties"]["legs"]["items"]) == ["origin", "destination", "departure_date"]
    assert needed(tool("flight_status")) == ["flight_number"]


def test_limits_are_the_contracts() -> None:
    assert tool("search_flights")["properties"]["adults"] == {
        "description": "Number of adults; 1 if absent. At most nine passengers can travel together.",
        "type": ["integer", "null"],
        "minimum": 1,
        "maximum": 9,
    }


def test_enums_are_words_that_the_frames_use() -> None:
    assert enum_words(flights_pb2.FlightSort.DESCRIPTOR) == [
        "earliest",
        "cheapest",
        "fastest",
        "latest",
        "arrival",
        "best",
    ]
    frame_slots = SCHEMA["properties"]["slots"]["properties"]
    assert set(frame_slots["sort"]["enum"]) <= set(enum_words(flights_pb2.FlightSort.DESCRIPTOR))
    assert sorted(frame_slots["cabin"]["enum"]) == sorted(enum_words(flights_pb2.Cabin.DESCRIPTOR))


def test_every_intent_is_in_the_frame_schema() -> None:
    assert sorted(SCHEMA["properties"]["intent"]["enum"]) == sorted(Intent)


@pytest.mark.parametrize(
    "words",
    [
        "cheapest nonstop business class Air India flights from Chennai to Delhi tomorrow between 6 and 9 "
        "pm for three passengers",
        "flights from Chennai to Delhi on Friday latest first",
        "Chennai to Delhi tomorrow before noon",
    ],
)
async def test_what_the_dialogue_asks_of_a_tool_fits_its_schema(
    conversation: Conversation, words: str
) -> None:
    await conversation.say(words)
    assert conversation.tool
    schema = tool(conversation.tool.name)
    Draft202012Validator(schema).validate(with_nulls(schema, arguments_of(conversation.tool, "arguments")))


@pytest.mark.parametrize(
    "words", ["is AI 542 on time tomorrow", "is AI 542 on time", "which airport is in Goa"]
)
async def test_other_tools_are_asked_within_their_schemas_too(conversation: Conversation, words: str) -> None:
    await conversation.say(words)
    assert conversation.tool
    schema = tool(conversation.tool.name)
    Draft202012Validator(schema).validate(with_nulls(schema, arguments_of(conversation.tool, "arguments")))


def context(searched: bool, awaiting: Expectation) -> Context:
    origin, destination = PLACES["MAA"], PLACES["DEL"]
    base = Context.pinned(TODAY)
    return Context(
        now=base.now,
        awaiting=awaiting,
        origin=origin,
        destination=destination,
        searched=searched,
        offered=searched,
    )


_VOCABULARY = """
from to Chennai Delhi Goa Xyzzyville tomorrow friday 31 february the second one cheapest AI 542 morning
after 6 pm between 6 and 9 for ten people yes no not cancel repeat bye back what about nonstop business
indigo first class airport code status option number 0 more
"""


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.text(max_size=80), st.lists(st.sampled_from(_VOCABULARY.split()), max_size=14).map(" ".join)
    ),
    st.booleans(),
    st.sampled_from(Expectation),
)
async def test_every_frame_fits_the_schema(text: str, searched: bool, awaiting: Expectation) -> None:
    frame = await understand(text, ExactGazetteer(), context(searched, awaiting))
    FRAME.validate(json.loads(json.dumps(frame.to_json())))
