"""Tools over MCP are the contracts' tools, and their results are those of gRPC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from jsonschema import Draft202012Validator

from mesh.calling.channel import open_channel
from mesh.contracts.tool_arguments import request_from
from mesh.security.access_rules import path_of
from mesh.security.authentication import bearer
from services.gateway.app import CONVERSATION, FLIGHTDATA
from services.gateway.mcp.tool_results import as_json, count_tokens
from services.gateway.mcp.tools import Tool, tools_of
from tests.integration.gateway.conftest import Mesh, assistant

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

FLIGHT_TOOLS = tools_of([FLIGHTDATA])
TOOLS = FLIGHT_TOOLS | tools_of([CONVERSATION])
TOMORROW = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
ARGUMENTS: dict[str, dict[str, Any]] = {
    "resolve_place": {"query": "London"},
    "get_airport": {"code": "MAA"},
    "get_route": {"origin": "MAA", "destination": "DEL"},
    "route_status": {"origin": "MAA", "destination": "DEL", "departure_date": TOMORROW, "near_time": "09:00"},
    "search_flights": {
        "legs": [
            {
                "origin": "MAA",
                "destination": "DEL",
                "departure_date": TOMORROW,
                "departure_time_from": "06:00",
            },
        ],
        "sort": "cheapest",
    },
}
"""Valid arguments of the tools about flights; `flight_status` uses a flight from the search."""
PROGRAMMING = ("regex", "^[", "pydantic", "str'", "<class", "int'", "Failed to parse", "Traceback")
_MOVING = {"next_page_token", "fetch_time", "age", "current_local_time", "offer_id", "expire_time"}
"""Fields that change from one moment to the next."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def arguments(mesh: Mesh) -> dict[str, dict[str, Any]]:
    request = request_from(TOOLS["search_flights"].method.input_type, ARGUMENTS["search_flights"])
    found = [message async for message in mesh.flightdata.SearchFlights(request)]  # type: ignore[arg-type]
    results = next(message for message in found if message.HasField("results")).results
    number = results.itineraries[0].segments[0].flight_number
    return ARGUMENTS | {
        "flight_status": {"flight_number": number, "departure_date": TOMORROW},
    }


def with_leg(arguments: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the arguments of a search with other fields of its leg, or those of a route as they are."""
    legs = [leg | fields for leg in arguments.get("legs", ())]
    return arguments | ({"legs": legs} if legs else fields)


async def over_grpc(mesh: Mesh, tool: Tool, arguments: dict[str, Any]) -> list[Message]:
    request, answer = (
        request_from(tool.method.input_type, arguments),
        GetMessageClass(tool.method.output_type),
    )
    async with open_channel(mesh.flightdata_address, FLIGHTDATA) as channel:
        if not tool.method.server_streaming:
            call = channel.unary_unary(
                path_of(tool.method), type(request).SerializeToString, answer.FromString
            )
            return [await call(request, metadata=bearer(mesh.token))]
        stream = channel.unary_stream(
            path_of(tool.method), type(request).SerializeToString, answer.FromString
        )
        return [message async for message in stream(request, metadata=bearer(mesh.token))]


def settled(value: Any) -> Any:
    """Return a result without the fields that change."""
    if isinstance(value, dict):
        return {name: settled(inner) for name, inner in value.items() if name not in _MOVING}
    return [settled(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", sorted(FLIGHT_TOOLS.keys() - {"reprice_offer"}))
async def test_answers_over_mcp_are_the_answers_over_grpc(
    mesh: Mesh, arguments: dict[str, dict[str, Any]], name: str
) -> None:
    async with mesh.gateway(mcp_answer_tokens=100_000) as url, assistant(url, mesh.token) as client:
        answer = (await client.call_tool(name, arguments[name])).structured_content
    assert answer.pop("speech", "no line") != ""
    assert settled(answer) == settled(as_json(await over_grpc(mesh, TOOLS[name], arguments[name])))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_every_tool_of_the_contracts_is_listed_with_its_schema_and_hints(mesh: Mesh, mode: str) -> None:
    async with mesh.gateway() as url, assistant(url, mode=mode) as client:
        listed = (await client.list_tools()).tools
    assert [tool.name for tool in listed] == list(TOOLS)
    for tool in listed:
        assert tool.description == TOOLS[tool.name].description
        assert tool.input_schema == TOOLS[tool.name].input_schema
        assert tool.output_schema == TOOLS[tool.name].output_schema
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert tool.annotations.idempotent_hint
        assert tool.annotations.destructive_hint is False


async def test_an_error_has_code_reason_and_message(mesh: Mesh) -> None:
    async with mesh.gateway() as url, assistant(url) as client:
        answer = await client.call_tool(
            "search_flights", with_leg(ARGUMENTS["search_flights"], destination="MAA")
        )
        assert answer.is_error
        assert answer.structured_content["error"]["reason"] == "SAME_PLACE"
        assert answer.structured_content["error"]["code"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"origin": ""}, "legs[0].origin"),
        ({"origin": 7}, "legs[0].origin"),
        ({"carrier_codes": ["Air India"]}, "legs[0].carrier_codes[0]"),
        ({"departure_date": "tomorrow"}, "legs[0].departure_date"),
        ({"departure_time_from": "late"}, "legs[0].departure_time_from"),
        ({"origin_kind": "metro"}, "legs[0].origin_kind"),
        ({"legs": []}, "legs"),
        ({"sort": "luckiest"}, "sort"),
        ({"max_results": 100}, "max_results"),
        ({"customer_id": "somebody-else"}, "customer_id"),
        ({"adults": 99}, "adults"),
        ({"adults": 1 << 40}, "adults"),
    ],
)
async def test_invalid_arguments_are_listed(mesh: Mesh, arguments: dict[str, Any], field: str) -> None:
    async with mesh.gateway() as url, assistant(url) as client:
        search = ARGUMENTS["search_flights"]
        wrong = with_leg(search, **arguments) if field.startswith("legs[") else search | arguments
        answer = await client.call_tool("search_flights", wrong)
    assert answer.is_error
    assert answer.structured_content["error"]["reason"] == "INVALID_REQUEST"
    problem = answer.structured_content["error"]["fields"][field]
    assert problem
    assert not any(mark in str(answer.structured_content) for mark in PROGRAMMING), "it is a plain sentence"


@pytest.mark.parametrize("tool", ["search_flights", "route_status", "get_route", "resolve_place"])
@pytest.mark.parametrize("given", ["qqqqqqqq", "x" * 200])
async def test_an_unknown_place_has_one_reason_in_every_tool(mesh: Mesh, tool: str, given: str) -> None:
    place = {"query": given} if tool == "resolve_place" else {"origin": given}
    async with mesh.gateway() as url, assistant(url) as client:
        answer = await client.call_tool(tool, with_leg(ARGUMENTS[tool], **place))
    error = answer.structured_content["error"]
    assert (error["code"], error["reason"]) == ("NOT_FOUND", "PLACE_NOT_RECOGNIZED")
    if tool != "resolve_place":
        assert list(error["fields"]) == ["legs[0].origin" if tool == "search_flights" else "origin"]


@pytest.mark.parametrize(
    "given",
    [
        {"adults": "1", "children": "", "sort": "Cheapest", "cabin": None},
        {"adults": 1.0, "children": None, "sort": "cheapest", "cabin": ""},
    ],
)
async def test_arguments_are_read_as_models_write_them(mesh: Mesh, given: dict[str, Any]) -> None:
    plain = {"adults": 1, "sort": "cheapest"}
    leg: dict[str, Any] = {"via": "", "max_stops": "0", "carrier_codes": [], "departure_time_before": None}
    async with mesh.gateway() as url, assistant(url, mesh.token) as client:
        asked = with_leg(ARGUMENTS["search_flights"] | given, **leg)
        answer = (await client.call_tool("search_flights", asked)).structured_content
        same = with_leg(ARGUMENTS["search_flights"] | plain, max_stops=0)
        expected = (await client.call_tool("search_flights", same)).structured_content
    assert answer["results"]["itineraries"]
    assert settled(answer) == settled(expected)


async def test_dates_money_and_words_of_an_answer_are_arguments_again(mesh: Mesh) -> None:
    async with mesh.gateway() as url, assistant(url, mesh.token) as client:
        found = (await client.call_tool("search_flights", ARGUMENTS["search_flights"])).structured_content
        first = found["results"]["itineraries"][0]
        assert float(first["fare"]["total"]["amount"]) > 0
        assert first["duration"].startswith("PT")
        assert found["done"]["outcome"] == "found"
        flight = first["segments"][0]["flight_number"]
        asked = {"flight_number": flight, "departure_date": TOMORROW}
        status = (await client.call_tool("flight_status", asked)).structured_content["statuses"][0]
        again = {"flight_number": status["flight_number"], "departure_date": status["departure_date"]}
        assert status["departure_date"] == TOMORROW
        assert not (await client.call_tool("flight_status", again)).is_error


async def test_a_journey_may_have_several_stays(mesh: Mesh) -> None:
    day = [(datetime.now(UTC) + timedelta(days=days)).date().isoformat() for days in (5, 8, 12)]
    stays = ["Chennai", "Delhi", "Mumbai", "Chennai"]
    legs = [
        {"origin": start, "destination": end, "departure_date": date}
        for start, end, date in zip(stays, stays[1:], day, strict=False)
    ]
    async with mesh.gateway() as url, assistant(url, mesh.token) as client:
        answer = (await client.call_tool("search_flights", {"legs": legs})).structured_content
    assert all(len(journey["itinerary_ids"]) == 3 for journey in answer["results"]["journeys"])
    assert answer["results"]["journeys"]


@pytest.mark.parametrize("given", ["Chennai", "chenai", "MAA airport", "maa"])
async def test_the_name_of_a_place_is_its_code(mesh: Mesh, given: str) -> None:
    async with mesh.gateway() as url, assistant(url) as client:
        answer = await client.call_tool("search_flights", with_leg(ARGUMENTS["search_flights"], origin=given))
    itineraries = answer.structured_content["results"]["itineraries"]
    assert {one["segments"][0]["departure"]["airport_code"] for one in itineraries} == {"MAA"}


@pytest.mark.parametrize(("given", "airports"), [("Istanbul", {"IST", "SAW"}), ("IST", {"IST"})])
async def test_a_citys_name_means_all_its_airports_and_a_code_one(
    mesh: Mesh, given: str, airports: set[str]
) -> None:
    asked = with_leg(ARGUMENTS["search_flights"], origin=given, destination="LON", departure_time_from=None)
    async with mesh.gateway(mcp_answer_tokens=100_000) as url, assistant(url) as client:
        answer = await client.call_tool("search_flights", asked)
    itineraries = answer.structured_content["results"]["itineraries"]
    assert {one["segments"][0]["departure"]["airport_code"] for one in itineraries} == airports


@pytest.mark.parametrize("tool", ["search_flights", "route_status"])
@pytest.mark.parametrize("given", ["GOA", "San José"])
async def test_an_ambiguous_place_is_asked_about_and_each_candidate_can_be_chosen(
    mesh: Mesh, arguments: dict[str, dict[str, Any]], tool: str, given: str
) -> None:
    async with mesh.gateway() as url, assistant(url) as client:
        asked = await client.call_tool(tool, with_leg(arguments[tool], origin=given))
        assert not asked.is_error
        answer = asked.structured_content
        assert answer["speech"].endswith("?")
        assert "results" not in answer
        field = "legs[0].origin" if tool == "search_flights" else "origin"
        candidates = answer["question"][field]["candidates"]
        assert len({candidate["code"] for candidate in candidates}) > 1
        for candidate in candidates:
            chosen = await client.call_tool(tool, with_leg(arguments[tool], origin=candidate["write"]))
            assert "question" not in chosen.structured_content


async def test_a_return_has_a_leg_back_with_its_own_wishes(mesh: Mesh) -> None:
    (out,) = ARGUMENTS["search_flights"]["legs"]
    day = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    back = {
        "origin": "Delhi",
        "destination": "Chennai",
        "departure_date": day,
        "departure_time_before": "12:00",
    }
    async with mesh.gateway(mcp_answer_tokens=100_000) as url, assistant(url) as client:
        answer = (await client.call_tool("search_flights", {"legs": [out, back]})).structured_content
    itineraries = {one["itinerary_id"]: one for one in answer["results"]["itineraries"]}
    for journey in answer["results"]["journeys"]:
        there, home = (itineraries[name]["segments"][0]["departure"] for name in journey["itinerary_ids"])
        assert there["local_time"][11:] >= "06:00"
        assert home["local_time"][11:] < "12:00"


async def test_an_offer_that_does_not_exist_is_named(mesh: Mesh) -> None:
    async with mesh.gateway() as url, assistant(url, mesh.token) as client:
        answer = await client.call_tool("reprice_offer", {"offer_id": "none"})
    assert answer.structured_content["error"]["reason"] == "OFFER_NOT_FOUND"


async def test_every_answer_fits_its_schema(mesh: Mesh, arguments: dict[str, dict[str, Any]]) -> None:
    wrong: dict[str, dict[str, Any]] = {name: {"nonsense": 1} for name in TOOLS}
    question = {"get_route": arguments["get_route"] | {"origin": "GOA"}}
    async with mesh.gateway() as url, assistant(url, mesh.token) as client:
        own: dict[str, dict[str, Any]] = {"list_conversations": {}}
        for asked in (arguments, wrong, question, own):
            for name, given in asked.items():
                answer = (await client.call_tool(name, given)).structured_content
                Draft202012Validator(dict(TOOLS[name].output_schema)).validate(answer)


async def test_an_unknown_tool_is_an_error(mesh: Mesh) -> None:
    async with mesh.gateway() as url, assistant(url) as client:
        assert (await client.call_tool("book_everything", {})).is_error
        assert (await client.call_tool("get_airport", {"code": "MAA"})).structured_content["airport"][
            "city"
        ] == "Chennai"


async def test_results_stay_within_the_token_limit_and_count_what_was_omitted(mesh: Mesh) -> None:
    async with mesh.gateway(mcp_answer_tokens=1500) as url, assistant(url) as client:
        answer = (await client.call_tool("search_flights", ARGUMENTS["search_flights"])).structured_content
    assert count_tokens(answer) <= 1500
    shown, done = answer["results"]["itineraries"], answer["done"]
    assert shown
    assert len(shown) + answer["omitted"]["results.itineraries"] <= done["result_count"]


async def test_speech_says_that_flights_are_samples(mesh: Mesh, arguments: dict[str, dict[str, Any]]) -> None:
    async with mesh.gateway() as url, assistant(url) as client:
        for name in ("search_flights", "flight_status", "route_status"):
            speech = (await client.call_tool(name, arguments[name])).structured_content["speech"]
            assert "sample timetable" in speech
            assert len(speech) < 300


async def test_an_unreachable_service_is_an_error(mesh: Mesh) -> None:
    async with mesh.gateway(flightdata_address="127.0.0.1:1") as url, assistant(url) as client:
        answer = await client.call_tool("get_airport", {"code": "MAA"})
    assert answer.is_error
    assert answer.structured_content["error"]["code"] == grpc.StatusCode.UNAVAILABLE.name
    assert answer.structured_content["error"]["reason"] == "UNAVAILABLE"
    assert "127.0.0.1" not in answer.structured_content["error"]["message"]
