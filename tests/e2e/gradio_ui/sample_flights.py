"""Search results in the form of the text stream `readback.flights`."""

from __future__ import annotations

from typing import Any


def flight(
    code: str,
    carrier: str,
    number: str,
    leaves: str,
    lands: str,
    price: str,
    *,
    minutes: int = 165,
    days: int = 0,
) -> dict[str, Any]:
    return {
        "itinerary_id": f"sample-{number.replace(' ', '')}",
        "carrier": carrier,
        "carrier_code": code,
        "flight_number": number,
        "depart": {"time": leaves, "date": "2026-11-24", "airport": "MAA", "city": "Chennai"},
        "arrive": {
            "time": lands,
            "date": "2026-11-24",
            "airport": "DEL",
            "city": "Delhi",
            "day_offset": days,
        },
        "duration_minutes": minutes,
        "price": {"amount": price, "currency": "INR"},
        "stops": 0,
        "sample": True,
    }


def there_and_back(amount: str) -> dict[str, Any]:
    """Return a round trip with everything that a card can show."""
    back = flight("6E", "IndiGo", "6E 102", "09:15", "12:10", "")
    back["depart"], back["arrive"] = (
        {**back["arrive"], "time": "09:15", "date": "2026-11-30"},
        {**back["depart"], "time": "12:10"},
    )
    offer = {"seller": "Tripdesk", "expire_time": "2026-11-23T13:14:00Z"}
    return {
        **flight("AI", "Air India", "AI 224", "17:55", "20:50", amount),
        "back": back,
        "offer": offer,
        "co2e_kg": 322,
    }


CHENNAI_TO_DELHI: dict[str, Any] = {
    "tool_call_id": "0193a000-0000-7000-8000-000000000001",
    "outcome": "FOUND",
    "sample": True,
    "query": {"origin": "MAA", "destination": "DEL", "depart_date": "2026-11-24"},
    "flights": [
        flight("AI", "Air India", "AI 542", "06:10", "08:55", "6240"),
        flight("6E", "IndiGo", "6E 2044", "07:35", "10:25", "5480"),
        flight("UK", "Akasa Air", "QP 1302", "22:50", "01:40", "5910", days=1),
    ],
}
