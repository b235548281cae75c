"""What a sample flight costs: by distance, how soon it is, who flies it, when, and in which cabin."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from services.flightdata.cabins import Cabin
from services.flightdata.offers import Fare, Money
from services.flightdata.sample import tables
from services.flightdata.sample.schedule import Departure
from services.flightdata.sample.seeded import unit
from services.flightdata.sample.tables import Currency

GROUND_DOLLARS, DOLLARS_PER_KM, TAPER = 32.0, 0.16, 0.93
"""Economy price of a carrier with full service, a month ahead: fixed part, and a part that grows a little less than the distance."""
LOW_COST = 0.72
LEAD = ((1, 1.75), (3, 1.5), (7, 1.28), (14, 1.12), (30, 1.0), (120, 0.93), (331, 0.98))
"""Days ahead up to which a fare is multiplied by this."""
CABINS = {Cabin.ECONOMY: 1.0, Cabin.PREMIUM_ECONOMY: 1.7, Cabin.BUSINESS: 3.4, Cabin.FIRST: 5.6}
BUSY_DAYS = {4: 1.06, 6: 1.08}
"""Fridays and Sundays (as `date.weekday` counts) are dearer."""
NOISE = 0.13
LONG_KM = 4000
DEFAULT_CURRENCY = "USD"


def sold(carrier_code: str, cabin: Cabin, kilometres: float) -> bool:
    """Whether a carrier sells a cabin over a distance."""
    if cabin is Cabin.ECONOMY:
        return True
    if tables.carriers()[carrier_code].low_cost:
        return False
    return cabin is Cabin.BUSINESS or kilometres > LONG_KM


def currency_of(code: str) -> Currency:
    """The currency fares are quoted in; dollars where the table has none."""
    known = tables.currencies()
    return known.get(code, known[DEFAULT_CURRENCY])


def fare(seed: str, departure: Departure, kilometres: float, currency: Currency, cabin: Cabin, passengers: int, today: date) -> Fare:
    """The fare of one flight on one day, as seen on another."""
    line = departure.planned.line
    dollars = (GROUND_DOLLARS + DOLLARS_PER_KM * kilometres**TAPER) * currency.level * CABINS[cabin]
    dollars *= LOW_COST if tables.carriers()[line.carrier].low_cost else 1.0
    dollars *= _lead(departure.day, today) * BUSY_DAYS.get(departure.day.weekday(), 1.0) * _hour(departure.leaves.hour)
    dollars *= 1 + NOISE * (2 * unit(seed, "fare", line.flight, departure.day) - 1)
    steps = max(1, round(dollars * currency.per_dollar / currency.step))
    one = Money(currency.code, Decimal(steps * currency.step))
    return Fare(per_passenger=one, total=one.times(passengers), cabin=cabin)


def _lead(day: date, today: date) -> float:
    ahead = (day - today).days
    return next((factor for limit, factor in LEAD if ahead <= limit), LEAD[-1][1])


def _hour(hour: int) -> float:
    """Nobody likes to leave before six or after ten at night; business people pay for eight and for six in the evening."""
    if hour < 6 or hour >= 22:
        return 0.88
    return 1.08 if hour in {7, 8, 9, 17, 18, 19} else 1.0
