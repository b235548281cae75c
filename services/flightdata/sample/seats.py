"""How full a sample flight is. Seats only ever become fewer as the day comes nearer."""

from __future__ import annotations

from datetime import date

from services.flightdata.model.fares import Cabin
from services.flightdata.sample import tables
from services.flightdata.sample.schedule import Departure
from services.flightdata.sample.seeded import unit

SOLD_OUT = ((0, 0.09), (1, 0.075), (3, 0.05), (7, 0.03), (14, 0.015), (30, 0.006), (120, 0.001))
"""Days ahead up to which this share of flights is sold out; farther ahead none is."""
SEATS = {Cabin.ECONOMY: 90, Cabin.PREMIUM_ECONOMY: 30, Cabin.BUSINESS: 20, Cabin.FIRST: 8}
"""Seats of a cabin that the least wanted flight still has."""
FEW = 9
"""Up to so many are told, as airlines do."""


def seats_left(seed: str, departure: Departure, cabin: Cabin, today: date) -> int | None:
    """Seats left on a flight in a cabin; None when there are plenty. Flights that documentation names are never full."""
    line = departure.planned.line
    if line.flight in tables.pinned():
        return None
    demand = unit(seed, "seats", line.flight, departure.day, cabin.value)
    gone = _sold_out((departure.day - today).days)
    left = 0 if demand < gone else 1 + int((demand - gone) * SEATS[cabin])
    return left if left <= FEW else None


def _sold_out(ahead: int) -> float:
    return next((share for limit, share in SOLD_OUT if ahead <= limit), 0.0)
