"""What a sample flight costs: by distance, how soon it is, who flies it, when, and in which cabin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from services.flightdata.model.fares import Cabin, Fare, Money
from services.flightdata.model.queries import Party
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
THROUGH = 0.85
"""What flights sold together cost of their sum."""
CHILD, INFANT = 0.75, 0.1
"""What a child, and an infant on a lap, pay of an adult's fare."""
LOW_COST_BAG, FULL_SERVICE_BAG = 24.0, 45.0
"""Dollars for a checked bag, where one is not in the fare."""
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


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys: the cabin, the party, checked bags for each seat, the currency of the price, and the day it is bought."""

    cabin: Cabin
    party: Party
    bags: int
    currency: Currency
    today: date


def fare(seed: str, departures: Sequence[tuple[Departure, float]], buyer: Buyer) -> Fare:
    """The fare of one or more flights, each with its kilometres, sold together."""
    through = THROUGH if len(departures) > 1 else 1.0
    dollars = through * sum(
        _dollars(seed, departure, kilometres, buyer) for departure, kilometres in departures
    )
    one = _rounded(dollars, buyer.currency)
    child, infant = (_rounded(dollars * share, buyer.currency) for share in (CHILD, INFANT))
    bags = _rounded(_bag_dollars(departures[0][0], buyer.currency), buyer.currency).times(
        _paid_bags(departures[0][0], buyer.bags)
    )
    total = (
        one.times(buyer.party.adults) + child.times(buyer.party.children) + infant.times(buyer.party.infants)
    )
    return Fare(
        per_passenger=one + bags,
        total=total + bags.times(buyer.party.seats),
        cabin=buyer.cabin,
        bags=buyer.bags,
    )


def _dollars(seed: str, departure: Departure, kilometres: float, buyer: Buyer) -> float:
    line = departure.planned.line
    dollars: float = (
        (GROUND_DOLLARS + DOLLARS_PER_KM * kilometres**TAPER) * buyer.currency.level * CABINS[buyer.cabin]
    )
    dollars *= LOW_COST if tables.carriers()[line.carrier].low_cost else 1.0
    dollars *= (
        _lead(departure.day, buyer.today)
        * BUSY_DAYS.get(departure.day.weekday(), 1.0)
        * _hour(departure.leaves.hour)
    )
    return dollars * (1 + NOISE * (2 * unit(seed, "fare", line.flight, departure.day) - 1))


def _rounded(dollars: float, currency: Currency) -> Money:
    steps = max(1, round(dollars * currency.per_dollar / currency.step))
    return Money(currency.code, Decimal(steps * currency.step))


def _bag_dollars(departure: Departure, currency: Currency) -> float:
    return currency.level * (
        LOW_COST_BAG if tables.carriers()[departure.planned.line.carrier].low_cost else FULL_SERVICE_BAG
    )


def _paid_bags(departure: Departure, bags: int) -> int:
    """Bags to pay for: a carrier with full service takes the first for nothing."""
    return bags if tables.carriers()[departure.planned.line.carrier].low_cost else max(0, bags - 1)


def _lead(day: date, today: date) -> float:
    ahead = (day - today).days
    return next((factor for limit, factor in LEAD if ahead <= limit), LEAD[-1][1])


def _hour(hour: int) -> float:
    """Nobody likes to leave before six or after ten at night; business people pay for eight and for six in the evening."""
    if hour < 6 or hour >= 22:
        return 0.88
    return 1.08 if hour in {7, 8, 9, 17, 18, 19} else 1.0
