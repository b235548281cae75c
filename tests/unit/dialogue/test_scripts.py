"""Complete calls as scripts: the caller's words, parts of the agent's answers, and the tools used."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.unit.dialogue.doubles import Conversation

pytestmark = pytest.mark.unit


@dataclass(frozen=True)
class Turn:
    """The caller says `says`; the answer holds every part of `hears` and uses `tool`, or none."""

    says: str
    hears: tuple[str, ...]
    tool: str | None = None
    ends: bool = False


SEARCH, STATUS, AIRPORT = "search_flights", "flight_status", "get_airport"

SCRIPTS: dict[str, list[Turn]] = {
    "straight to the point": [
        Turn(
            "show flights from Chennai to Delhi tomorrow morning",
            ("There are two flights from Chennai to Delhi", "sample"),
            SEARCH,
        ),
        Turn(
            "tell me more about the second one",
            ("IndiGo two three four leaves Chennai at nine thirty in the morning", "can't book it yet"),
        ),
        Turn("is it on time", ("IndiGo two three four is on time",), STATUS),
        Turn("thanks", ("You're welcome",)),
        Turn("no", ("Goodbye",), ends=True),
    ],
    "step by step": [
        Turn("hello", ("Hello",)),
        Turn("I want to fly", ("Where are you flying from?",)),
        Turn("Kolkata", ("Where would you like to fly to from Kolkata?",)),
        Turn("Guwahati", ("Which day would you like to fly?",)),
        Turn(
            "Sunday afternoon",
            ("There is one flight from Kolkata to Guwahati on Sunday", "It leaves at one with SpiceJet"),
            SEARCH,
        ),
        Turn("bye", ("Goodbye",), ends=True),
    ],
    "changes of mind": [
        Turn(
            "flights from Chennai to Delhi on Friday",
            ("from Chennai to Delhi on Friday the twenty-seventh",),
            SEARCH,
        ),
        Turn("no, Mumbai", ("from Chennai to Mumbai on Friday the twenty-seventh",), SEARCH),
        Turn("actually from Pune", ("from Pune to Mumbai on Friday the twenty-seventh",), SEARCH),
        Turn("what about Saturday", ("from Pune to Mumbai on Saturday the twenty-eighth",), SEARCH),
        Turn("the next day", ("from Pune to Mumbai on Sunday the twenty-ninth",), SEARCH),
        Turn("in the evening", ("in the evening", "Air India"), SEARCH),
        Turn("in the morning then", ("in the morning", "IndiGo"), SEARCH),
        Turn("only Indigo", ("with IndiGo", "nine thirty"), SEARCH),
    ],
    "misheard": [
        Turn("You flights from chinai to cochi to Mara morning", ("from Chennai to Kochi tomorrow",), SEARCH),
        Turn("I want to flight a lookno", ("from Chennai to Lucknow tomorrow",), SEARCH),
        Turn("is I five for two on time", ("Air India five four two is on time",), STATUS),
        Turn("flights from Delhi to cochin on friday", ("Did you mean Kochi in India, or Kochi in Japan?",)),
        Turn("yeah", ("from Delhi to Kochi on Friday",), SEARCH),
    ],
    "status only": [
        Turn("hi is my flight delayed", ("What's the flight number?",)),
        Turn("indigo nine nine nine", ("I can't find a flight IndiGo nine nine nine",), STATUS),
        Turn("sorry indigo two three four", ("IndiGo two three four is on time",), STATUS),
        Turn("and tomorrow's A I five four two", ("Air India five four two is on time",), STATUS),
    ],
    "there and back": [
        Turn(
            "Delhi to Goa on the 5th of December coming back on the 8th for two",
            (
                "on Saturday the fifth of December and back on Tuesday the eighth of December, for two",
                "and back at",
            ),
            SEARCH,
        ),
        Turn("the cheapest one", ("The cheapest leaves",), SEARCH),
        Turn(
            "the first one",
            ("SpiceJet one zero six leaves Delhi", "On the way back", "SpiceJet one zero six leaves Goa"),
        ),
    ],
    "asides": [
        Turn("flights from Chennai to Dubai", ("Which day",)),
        Turn(
            "what time is it in Dubai",
            ("It's ten thirty in the morning on Monday in Dubai.", "Which day would you like to fly?"),
            AIRPORT,
        ),
        Turn("can you book it for me", ("I can't book flights yet", "Which day would you like to fly?")),
        Turn("what can you do", ("I can find flights", "Which day would you like to fly?")),
        Turn("in three days", ("from Chennai to Dubai on Thursday the twenty-sixth",), SEARCH),
    ],
    "out of its depth": [
        Turn("find me a hotel in Goa", ("I only know flights", "Shall I look for a flight?")),
        Turn("no", ("Is there anything else?",)),
        Turn("what's the weather", ("I don't know the weather",)),
        Turn("cancel my booking", ("I can't cancel bookings yet",)),
        Turn("sing me a song", ("Sorry, I didn't understand that.",)),
        Turn("la la la", ("I'm sorry, I still didn't understand.",)),
        Turn("goodbye", ("Goodbye",), ends=True),
    ],
    "no at every turn": [
        Turn("Chennai to Delhi tomorrow after 11 pm for 10 people", ("up to nine travellers",)),
        Turn("no", ("How many of you are travelling?",)),
        Turn("four", ("I found no flights", "Shall I read them?"), SEARCH),
        Turn("no", ("Which other day shall I try?",)),
        Turn("no", ("Which other day shall I try?",)),
        Turn("Friday", ("I found no flights", "after eleven at night"), SEARCH),
        Turn("yes", ("There are five flights",), SEARCH),
    ],
    "typed": [
        Turn("MAA-DEL 2026-12-01", ("from Chennai to Delhi on Tuesday the first of December",), SEARCH),
        Turn(
            "FLIGHTS FROM CHENNAI TO GOA ON 24 DECEMBER",
            ("from Chennai to Goa on Thursday the twenty-fourth of December",),
            SEARCH,
        ),
        Turn("ai542?", ("Air India five four two is on time",), STATUS),
        Turn(
            "MAA to BOM 5/12 6pm",
            ("from Chennai to Mumbai on Saturday the fifth of December", "in the early evening"),
            SEARCH,
        ),
    ],
}


@pytest.mark.parametrize("name", SCRIPTS)
async def test_call_follows_the_script(conversation: Conversation, name: str) -> None:
    for turn in SCRIPTS[name]:
        answer = await conversation.say(turn.says)
        for part in turn.hears:
            assert part in answer, f"{turn.says!r} was answered {answer!r}"
        assert (conversation.tool.name if conversation.tool else None) == turn.tool, turn.says
        assert conversation.ended == turn.ends


@pytest.mark.parametrize("name", SCRIPTS)
async def test_agent_never_asks_two_questions_at_once(conversation: Conversation, name: str) -> None:
    for turn in SCRIPTS[name]:
        answer = await conversation.say(turn.says)
        questions = [sentence for sentence in answer.split("? ") if sentence.endswith("?")] + [
            "?"
        ] * answer.count("? ")
        assert len(questions) <= 1, answer
