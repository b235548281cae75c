"""Questions about airports: which one, where, its code, the time there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from agent.dialogue.flows.drafting import unknown_place
from agent.dialogue.places import Place
from agent.dialogue.state import About
from agent.dialogue.tool_use import ToolUse
from agent.dialogue.tools import AirportFacts, PlaceUnknown
from agent.dialogue.turn import Events, Speech, Turn
from agent.language.en.phrases import phrase
from agent.language.en.spoken_forms import clock, number, weekday, with_article
from agent.language.en.wording import why_untold

_CODE = re.compile(r"\bcode\b")
_TIME = re.compile(r"\btime\b")
_HEIGHT = re.compile(r"\b(?:high|height|elevation|altitude|above sea)\b")


async def airport_facts(turn: Turn) -> Events:
    """Asks which airport when none was named."""
    slot = turn.frame.slots.airport
    if slot is None or slot.mention is None:
        if slot:
            yield Speech(unknown_place(slot.text))
        yield turn.ask(About.AIRPORT, "ask_airport")
        return
    place = slot.mention.place
    code = place.airport_codes[0] if place.airport_codes else place.code

    def describe(facts: AirportFacts) -> tuple[str, Mapping[str, Any]]:
        return "FOUND", {"airport": dict(facts.data)}

    use = ToolUse("get_airport", {"code": code}, lambda: turn.tools.get_airport(code), describe)
    async for event in use.events(turn):
        yield event
    if use.answer:
        for speech in _tell(turn, place, use.answer):
            yield speech
    else:
        yield Speech(
            unknown_place(slot.text)
            if isinstance(use.error, PlaceUnknown)
            else why_untold(use.error, turn.today_at(None))
        )


def _tell(turn: Turn, place: Place, facts: AirportFacts) -> Iterator[Speech]:
    """The answer to what was asked first; codes only when asked for."""
    if _TIME.search(turn.text):
        yield _local_time(turn, facts, place.city)
    elif _CODE.search(turn.text):
        yield _code(place, facts)
    elif _HEIGHT.search(turn.text):
        yield Speech(
            phrase("airport_elevation", name=facts.name, feet=f"{number(max(facts.elevation_feet, 0))} feet")
        )
    else:
        yield _which(place, facts)
        yield _local_time(turn, facts, place.city)


def _several(place: Place) -> bool:
    return place.kind == "metro" and len(place.airport_codes) > 1


def _which(place: Place, facts: AirportFacts) -> Speech:
    if _several(place):
        return Speech(
            phrase("metro", city=place.city, count=number(len(place.airport_codes)), name=facts.name)
        )
    return Speech(phrase("airport", name=facts.name, city=facts.city, country=with_article(facts.country)))


def _code(place: Place, facts: AirportFacts) -> Speech:
    if _several(place):
        return Speech(
            phrase(
                "metro_code",
                city=place.city,
                count=number(len(place.airport_codes)),
                code=" ".join(place.code),
            )
        )
    return Speech(phrase("airport_code", name=facts.name, code=" ".join(facts.code)))


def _local_time(turn: Turn, facts: AirportFacts, city: str) -> Speech:
    there = turn.context.now.astimezone(ZoneInfo(facts.time_zone))
    return Speech(phrase("airport_time", time=clock(there), weekday=weekday(there.date()), city=city))
