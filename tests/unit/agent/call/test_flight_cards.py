"""Flight cards: local times, exact prices, and cards only for searches."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.call.flight_cards import RoomPublisher, flights_card
from agent.dialogue.turn import ToolFinished

pytestmark = pytest.mark.unit

ARGUMENTS = {"origin": "MAA", "destination": "LHR", "depart_date": "2026-11-24", "passengers": 2}


def _stop(code: str, city: str, time: str, zone: str) -> dict[str, Any]:
    return {"airport_code": code, "city": city, "time": time, "time_zone": zone}


ITINERARY: dict[str, Any] = {
    "itinerary_id": "MAA-LHR-1",
    "segments": [
        {
            "carrier_code": "BA",
            "carrier": "British Airways",
            "flight_number": "BA36",
            "departure": _stop("MAA", "Chennai", "2026-11-24T20:00:00Z", "Asia/Kolkata"),
            "arrival": _stop("LHR", "London", "2026-11-25T06:25:00Z", "Europe/London"),
            "duration": "37500s",
        }
    ],
    "duration": "37500s",
    "fare": {"total": {"currency_code": "INR", "units": "5210", "nanos": 500_000_000}},
    "provenance": {"provider": "sample-timetable", "sample": True},
}


def _searched(outcome: str = "FOUND", **result: Any) -> ToolFinished:
    places = {
        "origin": {"code": "MAA", "city": "Chennai", "name": "x"},
        "destination": {"code": "LON", "city": "London", "name": "y"},
    }
    return ToolFinished("id", "search_flights", outcome, {"sample": True, **places, **result})


def test_times_are_local_to_the_airports() -> None:
    card = flights_card(ARGUMENTS, _searched(itineraries=[ITINERARY]))
    assert card is not None
    (flight,) = card["flights"]
    assert flight["depart"] == {"time": "01:30", "date": "2026-11-25", "airport": "MAA", "city": "Chennai"}
    assert flight["arrive"] == {
        "time": "06:25",
        "date": "2026-11-25",
        "airport": "LHR",
        "city": "London",
        "day_offset": 0,
    }
    assert flight["price"] == {"amount": "5210.50", "currency": "INR"}
    assert (flight["flight_number"], flight["stops"], flight["duration_minutes"], flight["sample"]) == (
        "BA36",
        0,
        625,
        True,
    )


def test_a_card_names_the_places_of_the_search() -> None:
    card = flights_card(ARGUMENTS, _searched(itineraries=[]))
    assert card is not None
    assert card["query"]["origin"] == {"code": "MAA", "name": "Chennai"}
    assert (card["query"]["depart_date"], card["query"]["passengers"]) == ("2026-11-24", 2)
    assert (card["tool_call_id"], card["outcome"], card["sample"], card["flights"]) == (
        "id",
        "FOUND",
        True,
        [],
    )


def test_an_unknown_price_is_none() -> None:
    card = flights_card(ARGUMENTS, _searched(itineraries=[{**ITINERARY, "fare": {}}]))
    assert card is not None
    assert card["flights"][0]["price"] is None


def test_a_search_that_failed_shows_no_flights() -> None:
    card = flights_card(ARGUMENTS, ToolFinished("id", "search_flights", "UNAVAILABLE", {}))
    assert card is not None
    assert (card["outcome"], card["flights"]) == ("UNAVAILABLE", [])
    assert card["query"]["origin"] == {"code": "MAA", "name": "MAA"}


def test_other_tools_have_no_card() -> None:
    assert flights_card({}, ToolFinished("id", "flight_status", "FOUND", {})) is None


def test_an_offer_is_shown_with_its_seller_and_its_end() -> None:
    offer = {"offer_id": "sealed", "seller": "Tripdesk", "expire_time": "2026-11-24T20:15:00Z"}
    card = flights_card(ARGUMENTS, _searched(itineraries=[ITINERARY | {"offer": offer}, ITINERARY]))
    assert card is not None
    assert [flight["offer"] for flight in card["flights"]] == [
        {"seller": "Tripdesk", "expire_time": "2026-11-24T20:15:00Z"},
        None,
    ]


def test_a_round_trip_is_one_card_with_the_price_of_both_flights() -> None:
    card = flights_card(
        ARGUMENTS, _searched(itineraries=[ITINERARY | {"way_back": ITINERARY | {"itinerary_id": "back"}}])
    )
    assert card is not None
    (flight,) = card["flights"]
    assert (flight["back"]["itinerary_id"], flight["back"]["back"]) == ("back", None)
    assert flight["price"] == {"amount": "5210.50", "currency": "INR"}


def test_connections_show_a_night_and_a_change_of_airport() -> None:
    layovers = [{"airport_code": "LHR", "overnight": True, "next_airport_code": "LGW"}]
    card = flights_card(
        ARGUMENTS,
        _searched(
            itineraries=[
                ITINERARY
                | {"segments": [*ITINERARY["segments"], *ITINERARY["segments"]], "layovers": layovers}
            ]
        ),
    )
    assert card is not None
    assert card["flights"][0]["via"] == ["London, overnight, from LGW"]


@pytest.mark.parametrize("how", ["hangs", "fails"])
async def test_an_answer_does_not_wait_for_a_message_that_can_not_be_sent(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send_text(*_: Any, **__: Any) -> None:
        if how == "fails":
            raise ValueError("broken")
        await asyncio.Event().wait()

    monkeypatch.setattr("agent.call.flight_cards._SEND_WITHIN_S", 0.01)
    room = SimpleNamespace(local_participant=SimpleNamespace(send_text=send_text))
    async with asyncio.timeout(5):
        await RoomPublisher(cast("Any", room)).flights_found({"flights": []})
