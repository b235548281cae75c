"""Search results as the agent publishes them and as the log stores them."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from mesh.ids import uuid7

INDIA = "Asia/Kolkata"
CHENNAI = {"code": "MAA", "city": "Chennai", "name": "Chennai International"}
DELHI = {"code": "DEL", "city": "Delhi", "name": "Indira Gandhi International"}
DAY = date(2026, 11, 24)


def stop(place: dict[str, str], day: date, time: str) -> dict[str, str]:
    return {
        "airport_code": place["code"],
        "city": place["city"],
        "time": f"{day}T{time}:00+05:30",
        "time_zone": INDIA,
    }


def segment(number: str, carrier: str, departure: dict[str, str], arrival: dict[str, str]) -> dict[str, Any]:
    return {
        "carrier_code": number[:2],
        "carrier": carrier,
        "flight_number": number.replace(" ", ""),
        "departure": departure,
        "arrival": arrival,
    }


def itinerary(*segments: dict[str, Any], price: str = "", minutes: int = 165, **more: Any) -> dict[str, Any]:
    units, _, cents = price.partition(".")
    total = {"currency_code": "INR", "units": units, "nanos": int(cents or 0) * 10_000_000}
    return {
        "itinerary_id": f"sample-{segments[0]['flight_number']}",
        "segments": list(segments),
        "duration": f"{minutes * 60}s",
        "fare": {"total": total} if price else None,
        "provenance": {"provider": "sample-timetable", "sample": True},
        **more,
    }


def flight(
    carrier: str, number: str, leaves: str, lands: str, price: str, *, days: int = 0
) -> dict[str, Any]:
    arrival = stop(DELHI, DAY + timedelta(days), lands)
    return itinerary(segment(number, carrier, stop(CHENNAI, DAY, leaves), arrival), price=price)


def there_and_back(amount: str) -> dict[str, Any]:
    """Return a round trip with everything that a card can show."""
    later = date(2026, 11, 30)
    back = itinerary(segment("6E 102", "IndiGo", stop(DELHI, later, "09:15"), stop(CHENNAI, later, "12:10")))
    there = flight("Air India", "AI 224", "17:55", "20:50", amount)
    there["itinerary_id"] += f"-{amount}"
    return there | {"way_back": back, "emissions": {"grams": "322000"}}


def with_two_stops(price: str = "98000") -> dict[str, Any]:
    """Return a long connection whose cities and inconveniences need several lines."""
    cities = [
        CHENNAI,
        {"code": "LAX", "city": "Los Angeles"},
        {"code": "SFO", "city": "San Francisco"},
        {"code": "YHM", "city": "Thiruvananthapuram"},
    ]
    flights = [
        segment(f"AI {100 + leg}", "Air India", stop(start, DAY, f"0{leg}:10"), stop(end, DAY, f"0{leg}:50"))
        for leg, (start, end) in enumerate(pairwise(cities))
    ]
    night = {"airport_code": "LAX", "overnight": True, "next_airport_code": "BUR"}
    return itinerary(*flights, price=price, minutes=2045, layovers=[night, {"airport_code": "SFO"}])


def results(*flights: dict[str, Any]) -> dict[str, Any]:
    """Return the `SearchResults` with these itineraries; one with `way_back` is a journey with an offer."""
    found: dict[str, Any] = {"itineraries": [], "journeys": [], "offers": []}
    for flight in flights:
        there = dict(flight)
        if back := there.pop("way_back", None):
            ids = [there["itinerary_id"], back["itinerary_id"]]
            found["journeys"].append({"itinerary_ids": ids, "fare": there.pop("fare")})
            found["itineraries"].append(back)
            offer = {"itinerary_ids": ids, "seller": "Tripdesk"}
            found["offers"].append(offer | {"expire_time": "2026-11-23T13:14:00Z"})
        found["itineraries"].append(there)
    return found


def search(
    *flights: dict[str, Any], outcome: str = "FOUND", back: date | None = None, **arguments: Any
) -> dict[str, Any]:
    """Return the message of a search with these arguments; its legs have a route and a day."""
    whole = {name: arguments.pop(name) for name in ("adults", "cabin", "sort") if name in arguments}
    out = {"origin": "MAA", "destination": "DEL", "departure_date": date_of(DAY)} | arguments
    legs = [
        out,
        *([{"origin": "DEL", "destination": "MAA", "departure_date": date_of(back)}] if back else []),
    ]
    done = {
        "result_count": len(flights),
        "unfiltered_count": max(len(flights), 12),
        "provenances": [{"provider": "sample-timetable", "sample": True}],
    }
    tool = {"tool_call_id": uuid7(), "name": "search_flights"}
    result: dict[str, Any] = tool | {"outcome": f"TOOL_OUTCOME_{outcome}"}
    if outcome in ("FOUND", "EMPTY"):
        result["search_flights"] = {"results": results(*flights), "done": done}
    call = tool | {"places": [CHENNAI, DELHI], "search_flights": {"legs": legs} | whole}
    return {"tool_call": call, "tool_result": result}


def date_of(day: date) -> dict[str, int]:
    """Return a `google.type.Date`."""
    return {"year": day.year, "month": day.month, "day": day.day}


FLIGHTS = [
    flight("Air India", "AI 542", "06:10", "08:55", "6240"),
    flight("IndiGo", "6E 2044", "07:35", "10:25", "5480"),
    flight("Akasa Air", "QP 1302", "22:50", "01:40", "5910", days=1),
]
CHENNAI_TO_DELHI = search(*FLIGHTS)
