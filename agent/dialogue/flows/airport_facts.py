"""Questions about airports: name, code, elevation, local time."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from readback.conversation.v1 import entry_pb2
from readback.flightdata.v1 import places_pb2

from agent.dialogue.flows.confirming_places import unknown_place
from agent.dialogue.places import Place
from agent.dialogue.state import About
from agent.dialogue.tool_use import ToolUse, failure
from agent.dialogue.tools import PlaceUnknown
from agent.dialogue.turn import Events, Speech, Turn


async def airport_facts(turn: Turn) -> Events:
    """Answer a question about an airport. If the caller named none, ask which airport."""
    slot = turn.frame.slots.airport
    if slot is None or slot.place is None:
        if slot:
            yield unknown_place(turn, slot.text)
        yield turn.ask(About.AIRPORT, "ask_airport")
        return
    place = slot.place
    code = place.airport_codes[0] if place.airport_codes else place.code

    def describe(airport: places_pb2.Airport) -> entry_pb2.ToolResult:
        response = places_pb2.GetAirportResponse(airport=airport)
        return entry_pb2.ToolResult(outcome=entry_pb2.TOOL_OUTCOME_FOUND, get_airport=response)

    request = places_pb2.GetAirportRequest(code=code)
    use = ToolUse("get_airport", request, [place], lambda: turn.tools.get_airport(code), describe)
    async for event in use.events(turn):
        yield event
    if use.answer:
        for speech in _tell(turn, place, use.answer):
            yield speech
    elif isinstance(use.error, PlaceUnknown):
        yield unknown_place(turn, slot.text)
    else:
        yield failure(turn, use.error, turn.context.today_at(None))


def _tell(turn: Turn, place: Place, airport: places_pb2.Airport) -> Iterator[Speech]:
    """Yield the requested fact. If no specific fact was requested, yield the name and the local time."""
    language = turn.language
    if language.speaks_of("local_time", turn.text):
        yield _local_time(turn, airport, place.city)
    elif language.speaks_of("airport_code", turn.text):
        yield _code(turn, place, airport)
    elif language.speaks_of("elevation", turn.text):
        yield _elevation(turn, airport)
    else:
        yield _name(turn, place, airport)
        yield _local_time(turn, airport, place.city)


def _elevation(turn: Turn, airport: places_pb2.Airport) -> Speech:
    if not airport.HasField("elevation_feet"):
        return turn.say("airport_elevation_unknown", name=airport.name)
    phrase = "airport_elevation" if airport.elevation_feet > 0 else "airport_elevation_below"
    return turn.say(phrase, name=airport.name, feet=turn.language.number(abs(airport.elevation_feet)))


def _has_several_airports(place: Place) -> bool:
    return place.kind == "metro" and len(place.airport_codes) > 1


def _name(turn: Turn, place: Place, airport: places_pb2.Airport) -> Speech:
    if _has_several_airports(place):
        count = turn.language.number(len(place.airport_codes))
        return turn.say("metro", city=place.city, count=count, name=airport.name)
    country = turn.language.with_article(airport.country)
    return turn.say("airport", name=airport.name, city=airport.city, country=country)


def _code(turn: Turn, place: Place, airport: places_pb2.Airport) -> Speech:
    if _has_several_airports(place):
        count = turn.language.number(len(place.airport_codes))
        return turn.say("metro_code", city=place.city, count=count, code=turn.language.spelled(place.code))
    return turn.say("airport_code", name=airport.name, code=turn.language.spelled(airport.code))


def _local_time(turn: Turn, airport: places_pb2.Airport, city: str) -> Speech:
    there = turn.context.now.astimezone(ZoneInfo(airport.time_zone))
    weekday = turn.language.weekday(there.date())
    return turn.say("airport_time", time=turn.language.clock(there), weekday=weekday, city=city)
