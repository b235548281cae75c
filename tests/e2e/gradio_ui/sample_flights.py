"""What the agent sends on `readback.flights`, as the contract of that stream has it."""

from __future__ import annotations

from typing import Any


def flight(
    code: str, carrier: str, number: str, leaves: str, lands: str, price: str, *, minutes: int = 165, days: int = 0
) -> dict[str, Any]:
    return {
        "itinerary_id": f"sample-{number.replace(' ', '')}",
        "carrier": carrier,
        "carrier_code": code,
        "flight_number": number,
        "depart": {"time": leaves, "date": "2026-11-24", "airport": "MAA", "city": "Chennai"},
        "arrive": {"time": lands, "date": "2026-11-24", "airport": "DEL", "city": "Delhi", "day_offset": days},
        "duration_minutes": minutes,
        "price": {"amount": price, "currency": "INR"},
        "stops": 0,
        "sample": True,
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
