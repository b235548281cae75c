"""From words to frames: intent, slots, and the influence of the conversation on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from agent.dialogue.context import Context
from agent.dialogue.frames import Frame, Intent
from agent.dialogue.understanding import understand
from agent.language.meanings import Expectation
from tests.unit.dialogue.doubles import PLACES, TODAY, ExactGazetteer

pytestmark = pytest.mark.unit

FRESH = Context.pinned(TODAY)
SEARCHED = replace(
    FRESH,
    searched=True,
    offered=True,
    origin=PLACES["MAA"],
    destination=PLACES["DEL"],
    departure_date=date(2026, 11, 24),
    awaiting=Expectation.NONE,
)


def awaiting(expectation: Expectation, asked: str | None = None) -> Context:
    return replace(FRESH, awaiting=expectation, asked=asked)


async def frame_of(text: str, context: Context = FRESH) -> Frame:
    return await understand(text, ExactGazetteer(), context)


def plain(frame: Frame) -> dict[str, Any]:
    """Slots with places as codes."""
    return {
        name: value.get("place", value["text"]) if isinstance(value, dict) and "text" in value else value
        for name, value in frame.to_json()["slots"].items()
    }


async def test_frame_has_the_documented_form() -> None:
    frame = await frame_of(
        "show nonstop Air India flights from Chennai to Delhi tomorrow morning for two, the cheapest"
    )
    assert frame.to_json() == {
        "intent": "search_flights",
        "slots": {
            "origin": {"text": "Chennai", "place": "MAA"},
            "destination": {"text": "Delhi", "place": "DEL"},
            "departure_date": "2026-11-24",
            "depart_time": {"from": "05:00", "to": "12:00"},
            "airline": "AI",
            "nonstop": True,
            "sort": "cheapest",
            "passengers": 2,
        },
        "confidence": 0.95,
    }


@pytest.mark.parametrize(
    ("text", "origin", "destination"),
    [
        ("flights from Chennai to Delhi", "MAA", "DEL"),
        ("flights to Delhi from Chennai", "MAA", "DEL"),
        ("Chennai to Delhi", "MAA", "DEL"),
        ("Chennai Delhi", "MAA", "DEL"),
        ("between Chennai and Delhi", "MAA", "DEL"),
        ("leaving Chennai for Delhi", "MAA", "DEL"),
        ("leaving for Delhi from Chennai", "MAA", "DEL"),
        ("I'm in Chennai and I have to be in Delhi", "MAA", "DEL"),
        ("I want to fly the cochi from chinai", "MAA", "COK"),
        ("flying out of Chennai going to Delhi", "MAA", "DEL"),
        ("fly Chennai to Delhi", "MAA", "DEL"),
        ("flights from Chennai 2 Delhi", "MAA", "DEL"),
        ("from Chennai to Delhi no Mumbai", "MAA", "BOM"),
        ("from Chennai sorry Pune to Delhi", "PNQ", "DEL"),
        ("MAA-DEL", "MAA", "DEL"),
        ("flights for Chennai to Delhi", "MAA", "DEL"),
        ("tickets to Chennai to Delhi", "MAA", "DEL"),
        ("I'm in Chennai and want to go to Pune to Delhi", "MAA", "DEL"),
        ("flights for Delhi, sorry, to Mumbai", None, "BOM"),
        ("I want to flight a Chennai", None, "MAA"),
        ("flights from Chennai", "MAA", None),
    ],
)
async def test_places_get_their_roles(text: str, origin: str | None, destination: str | None) -> None:
    slots = plain(await frame_of(text))
    assert (slots.get("origin"), slots.get("destination")) == (origin, destination)


@pytest.mark.parametrize(
    ("text", "context", "intent", "slots"),
    [
        ("Pune", awaiting(Expectation.PLACE, "origin"), "search_flights", {"origin": "PNQ"}),
        ("Pune", awaiting(Expectation.PLACE, "destination"), "search_flights", {"destination": "PNQ"}),
        ("to Pune", awaiting(Expectation.PLACE, "origin"), "search_flights", {"destination": "PNQ"}),
        ("Frobnitz", awaiting(Expectation.PLACE, "origin"), "search_flights", {"origin": "frobnitz"}),
        ("the second", awaiting(Expectation.DATE), "search_flights", {"departure_date": "2026-12-02"}),
        ("the second", SEARCHED, "select", {"choice": {"ordinal": 2}}),
        ("yes tomorrow", awaiting(Expectation.YES_NO), "affirm", {"departure_date": "2026-11-24"}),
        ("eight", awaiting(Expectation.NONE, "passengers"), "search_flights", {"passengers": 8}),
        ("Goa", awaiting(Expectation.PLACE, "airport"), "airport_info", {"airport": "GOI"}),
        ("no, Mumbai", SEARCHED, "correction", {"destination": "BOM"}),
        ("from Pune", SEARCHED, "refine", {"origin": "PNQ"}),
        ("flights to Goa", SEARCHED, "search_flights", {"destination": "GOI"}),
        ("what about flights to Goa", SEARCHED, "refine", {"destination": "GOI"}),
        ("the way back", SEARCHED, "refine", {"origin": "DEL", "destination": "MAA"}),
        ("the next day", SEARCHED, "refine", {"departure_date": "2026-11-25"}),
        ("cheaper", SEARCHED, "refine", {"sort": "cheapest"}),
        ("cheaper", FRESH, "unknown", {}),
        ("the cheapest one", SEARCHED, "select", {"choice": {"by": "cheapest"}}),
        ("is the second one on time", SEARCHED, "flight_status", {"choice": {"ordinal": 2}}),
        ("more", SEARCHED, "more", {}),
        ("any time", SEARCHED, "refine", {"depart_time": {}}),
        ("any airline", SEARCHED, "refine", {"any_airline": True}),
        ("one way", SEARCHED, "refine", {"one_way": True}),
        ("no return", SEARCHED, "correction", {"one_way": True}),
        ("not Friday", SEARCHED, "refine", {"other_day": True}),
        (
            "is the flight on time, any time today",
            SEARCHED,
            "flight_status",
            {"departure_date": "2026-11-23"},
        ),
        ("be there by six at the latest", SEARCHED, "refine", {"arrive_time": {"to": "18:00"}}),
        ("I want to land by nine", SEARCHED, "refine", {"arrive_time": {"to": "09:00"}}),
        ("I'd like to depart after six", SEARCHED, "refine", {"depart_time": {"from": "18:00"}}),
        ("a few days later", SEARCHED, "refine", {"other_day": True}),
        ("land before nine", SEARCHED, "refine", {"arrive_time": {"to": "09:00"}}),
        ("no Air India", SEARCHED, "correction", {"without_airlines": ["AI"]}),
        ("IndiGo or Vistara", SEARCHED, "refine", {"airlines": ["6E", "UK"]}),
    ],
)
async def test_conversation_decides_what_short_words_mean(
    text: str, context: Context, intent: str, slots: dict[str, Any]
) -> None:
    frame = await frame_of(text, context)
    assert (frame.intent, plain(frame)) == (intent, slots)


@pytest.mark.parametrize(
    ("text", "depart", "back"),
    [
        ("Delhi to Mumbai on Friday returning on Monday", "2026-11-27", "2026-11-30"),
        ("from London to Chennai on the third and back on the tenth", "2026-12-03", "2026-12-10"),
        ("Delhi to Mumbai on Friday and back on Monday", "2026-11-27", "2026-11-30"),
        ("round trip Delhi Mumbai 1st December 5th December", "2026-12-01", "2026-12-05"),
        ("return ticket Delhi to Mumbai tomorrow", "2026-11-24", None),
        ("Delhi to Mumbai tomorrow no Friday", "2026-11-27", None),
        ("Delhi to Mumbai next Friday returning Sunday", "2026-12-04", "2026-12-06"),
        ("Delhi to Mumbai from Friday to Monday", "2026-11-27", "2026-11-30"),
        ("Delhi to Mumbai from the 7th to January 12th", "2027-01-07", "2027-01-12"),
        ("Delhi to Mumbai from the 28th to January 3rd", "2026-12-28", "2027-01-03"),
        ("Delhi to Mumbai on May 7th through the 20th", "2027-05-07", "2027-05-20"),
        ("Delhi to Mumbai 3rd to 7th of December", "2026-12-03", "2026-12-07"),
        ("Delhi to Mumbai tomorrow for a week", "2026-11-24", "2026-12-01"),
        ("Delhi to Mumbai on Friday for three nights", "2026-11-27", "2026-11-30"),
        ("Delhi to Mumbai on Friday, a four day trip", "2026-11-27", "2026-12-01"),
        ("Delhi to Mumbai for two weeks from tomorrow", "2026-12-08", None),
        ("Delhi to Mumbai tomorrow, my return flight is on Sunday", "2026-11-24", "2026-11-29"),
        ("return flight Delhi to Mumbai tomorrow", "2026-11-24", None),
        ("Delhi to Mumbai on Friday, back on Monday, no, Tuesday", "2026-11-27", "2026-12-01"),
        ("Delhi to Mumbai returning Sunday, leaving Friday", "2026-11-27", "2026-11-29"),
        ("Delhi to Mumbai any day from the 3rd to the 10th", "2026-12-03", None),
        ("change Delhi to Mumbai from tomorrow to Friday", "2026-11-27", None),
        ("Delhi to Mumbai this Friday and home on next Wednesday", "2026-11-27", "2026-12-02"),
    ],
)
async def test_day_of_return_differs_from_the_day_of_departure(
    text: str, depart: str, back: str | None
) -> None:
    slots = plain(await frame_of(text))
    assert (slots["departure_date"], slots.get("return_date")) == (depart, back)


async def test_today_is_that_of_the_departure_airport() -> None:
    late = replace(FRESH, now=datetime(2026, 11, 23, 21, 30, tzinfo=UTC))
    assert plain(await frame_of("Chennai to Delhi tomorrow", late))["departure_date"] == "2026-11-25"
    assert (
        plain(await frame_of("San Francisco to Singapore tomorrow", late))["departure_date"] == "2026-11-24"
    )
    assert (
        plain(await frame_of("what about tomorrow", replace(late, origin=PLACES["SFO"], searched=True)))[
            "departure_date"
        ]
        == "2026-11-24"
    )


@pytest.mark.parametrize(
    ("text", "surer"),
    [
        ("flights from Chennai to cochin", "flights from Chennai to Kochi"),
        ("fly to Xyzzyville from Chennai", "fly to Delhi from Chennai"),
        ("Delhi", "flights to Delhi"),
        ("blah", "Delhi"),
        ("", "blah"),
    ],
)
async def test_confidence_falls_with_what_is_unsure(text: str, surer: str) -> None:
    assert (await frame_of(text)).confidence < (await frame_of(surer)).confidence


async def test_only_a_thousand_characters_are_read() -> None:
    assert (await frame_of("x " * 600 + "flights from Chennai to Delhi")).intent is not Intent.SEARCH_FLIGHTS


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("is there a train from Chennai to Delhi", Intent.OUT_OF_SCOPE),
        ("book a flight from Chennai to Delhi", Intent.SEARCH_FLIGHTS),
        ("cancel my flight to Delhi", Intent.OUT_OF_SCOPE),
        ("has the flight to Delhi been cancelled", Intent.FLIGHT_STATUS),
        ("is the flight from Chennai to Delhi on time", Intent.FLIGHT_STATUS),
        ("flights from Chennai airport to Delhi airport", Intent.SEARCH_FLIGHTS),
        ("where is Chennai airport", Intent.AIRPORT_INFO),
        ("hello, is AI 542 delayed", Intent.FLIGHT_STATUS),
        ("first flight to Delhi from Chennai", Intent.SEARCH_FLIGHTS),
    ],
)
async def test_similar_intents_are_distinguished(text: str, intent: Intent) -> None:
    assert (await frame_of(text)).intent is intent


@pytest.mark.parametrize("words", ["one way", "any time", "any airline", "any airline, any time is fine"])
async def test_no_wish_is_withdrawn_before_there_is_one(words: str) -> None:
    assert plain(await frame_of(f"Chennai to Delhi tomorrow {words}")) == {
        "origin": "MAA",
        "destination": "DEL",
        "departure_date": "2026-11-24",
    }


@pytest.mark.parametrize(
    ("words", "slot", "value"),
    [
        ("two tickets, no, three", "passengers", 3),
        ("at six in the evening, no, seven", "depart_time", {"from": "18:00", "to": "20:00"}),
        ("in the morning, no, in the evening", "depart_time", {"from": "17:00", "to": "21:00"}),
        ("after six, I mean before six", "depart_time", {"to": "06:00"}),
        ("with IndiGo, no, Air India", "airline", "AI"),
        ("in business, no, economy", "cabin", "economy"),
        ("on the fifth, sorry, sixth", "departure_date", "2026-12-06"),
    ],
)
async def test_the_later_value_of_a_correction_in_one_breath_counts(
    words: str, slot: str, value: object
) -> None:
    slots = plain(await frame_of(f"Chennai to Delhi {words}"))
    assert slots == {"origin": "MAA", "destination": "DEL", slot: value}


async def test_the_later_flight_number_counts() -> None:
    assert plain(await frame_of("is AI 542, no, AI 452 on time")) == {"flight_number": "AI452"}


async def test_an_airline_of_a_citys_name_is_no_place() -> None:
    frame = await frame_of("Singapore Airlines flights from Chennai to Dubai tomorrow")
    assert plain(frame) == {
        "origin": "MAA",
        "destination": "DXB",
        "departure_date": "2026-11-24",
        "airline": "SQ",
    }
