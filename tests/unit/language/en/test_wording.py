"""Wording for flights: places to change at, nights on the way, and no seats left."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from readback.flightdata.v1 import flights_pb2

from agent.dialogue.state import DialogueState, Draft, FlightList
from agent.language.en.wording import option, stops_words
from agent.language.found_flight import FoundFlight
from tests.flight_searches import search_request
from tests.unit.dialogue.doubles import Conversation, ExactGazetteer, Timetable

pytestmark = pytest.mark.unit


def _stop(airport: str, city: str, time: str) -> dict[str, str]:
    return {"airport_code": airport, "city": city, "time": time, "time_zone": "UTC"}


def _flight(data: dict[str, Any]) -> FoundFlight:
    return FoundFlight(ParseDict(data, flights_pb2.Itinerary()))


def _data(*, overnight: bool = False, **more: Any) -> dict[str, Any]:
    first = (_stop("MAA", "Chennai", "2026-12-01T06:00:00Z"), _stop("DXB", "Dubai", "2026-12-01T10:00:00Z"))
    second = (_stop("DXB", "Dubai", "2026-12-01T13:00:00Z"), _stop("LHR", "London", "2026-12-01T20:00:00Z"))
    segments = [
        {
            "carrier_code": "EK",
            "carrier": "Emirates",
            "flight_number": f"EK{n}",
            "departure": leaves,
            "arrival": arrives,
            "duration": "1s",
        }
        for n, (leaves, arrives) in enumerate((first, second), 1)
    ]
    return {
        "itinerary_id": "one",
        "segments": segments,
        "layovers": [{"airport_code": "DXB", "overnight": overnight}],
    } | more


@pytest.mark.parametrize(
    ("overnight", "said"),
    [(False, ", with one stop in Dubai"), (True, ", with one stop over night in Dubai")],
)
def test_a_stop_is_named_with_its_city_and_its_night(overnight: bool, said: str) -> None:
    assert stops_words(_flight(_data(overnight=overnight)).there) == said


def test_a_change_of_airports_is_mentioned() -> None:
    layovers = [{"airport_code": "DXB", "next_airport_code": "DWC"}]
    assert (
        stops_words(_flight(_data(layovers=layovers)).there)
        == ", with one stop in Dubai and on from another airport there"
    )


def test_a_flight_without_a_stop_mentions_none() -> None:
    data = _data()
    data["segments"] = data["segments"][:1]
    assert stops_words(_flight(data).there) == ""


def test_a_sold_out_flight_is_called_sold_out() -> None:
    found = _flight(_data(seats_left=0))
    assert found.sold_out
    assert option(found, 0, Draft(), only=True).endswith(", but it is sold out.")


def test_few_seats_at_a_price_are_not_sold_out() -> None:
    fare = {"total": {"currency_code": "INR", "units": "4000"}}
    assert not _flight(_data(seats_left=2, fare=fare)).sold_out
    assert not _flight(_data()).sold_out


@pytest.mark.parametrize(
    ("leaves", "zone", "hours", "words"),
    [
        (
            "2026-11-24T22:30-08:00",
            "Australia/Sydney",
            15,
            "arrives in there at eight thirty in the morning two days later.",
        ),
        (
            "2026-11-24T22:30-08:00",
            "America/New_York",
            5,
            "arrives in there at six thirty in the morning the next day.",
        ),
        (
            "2026-11-24T08:30-08:00",
            "America/New_York",
            5,
            "arrives in there at four thirty in the afternoon.",
        ),
        ("2026-11-24T19:00-08:00", "America/Los_Angeles", 5, "arrives in there at midnight."),
        (
            "2026-11-24T00:30-08:00",
            "Pacific/Pago_Pago",
            1,
            "arrives in there at ten thirty at night the day before.",
        ),
    ],
)
async def test_the_day_of_an_arrival_is_stated_for_any_distance(
    leaves: str, zone: str, hours: int, words: str
) -> None:
    left = datetime.fromisoformat(leaves)
    ends = (
        ("LAX", "here", "America/Los_Angeles", left),
        ("XXX", "there", zone, left + timedelta(hours=hours)),
    )
    departure, arrival = (
        {"airport_code": code, "city": city, "time_zone": at, "time": when.isoformat()}
        for code, city, at, when in ends
    )
    segment = {
        "carrier_code": "QF",
        "carrier": "Qantas",
        "flight_number": "QF12",
        "departure": departure,
        "arrival": arrival,
    }
    itinerary = _flight({"itinerary_id": "x", "segments": [segment], "duration": f"{hours * 3600}s"})
    request = search_request("LAX", "XXX", date(2026, 11, 24))
    offered = DialogueState(flight_list=FlightList(request, (itinerary,), 1, 1))
    assert words in await Conversation(ExactGazetteer(), Timetable(), offered).say("the first one")
