"""Fares and remaining seats of sample flights, by distance, carrier, cabin, day and days to departure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from services.flightdata.model.fares import Cabin, Fare, Money
from services.flightdata.model.queries import Party
from services.flightdata.sample import tables, unit
from services.flightdata.sample.schedule import Departure
from services.flightdata.sample.tables import Currency

GROUND_DOLLARS, DOLLARS_PER_KM, TAPER = 32.0, 0.16, 0.93
"""Economy fare, in US dollars, of a full-service carrier a month ahead: a fixed part plus a part by distance.

The second part is `DOLLARS_PER_KM * kilometres ** TAPER`.
"""
LOW_COST = 0.72
"""Factor on the fares of low-cost carriers."""
LEAD = ((1, 1.75), (3, 1.5), (7, 1.28), (14, 1.12), (30, 1.0), (120, 0.93), (331, 0.98))
"""Factors on the fare: pairs of the maximum number of days to departure and the factor."""
CABINS = {Cabin.ECONOMY: 1.0, Cabin.PREMIUM_ECONOMY: 1.7, Cabin.BUSINESS: 3.4, Cabin.FIRST: 5.6}
BUSY_DAYS = {4: 1.06, 6: 1.08}
"""Factors on the fare on Fridays and Sundays (numbered as by `date.weekday`)."""
NOISE = 0.13
LONG_KM = 4000
"""Distance above which carriers offer premium economy and first class."""
THROUGH = 0.85
"""Factor on the sum of the fares of flights that are sold together."""
CHILD, INFANT = 0.75, 0.1
"""Factors on the adult fare, for a child and for an infant on a lap."""
LOW_COST_BAG, FULL_SERVICE_BAG = 24.0, 45.0
"""Price in US dollars of a checked bag that the fare doesn't include."""
DEFAULT_CURRENCY = "USD"
SOLD_OUT = ((0, 0.09), (1, 0.075), (3, 0.05), (7, 0.03), (14, 0.015), (30, 0.006), (120, 0.001))
"""Shares of sold-out flights: pairs of the maximum number of days to departure and the share; later 0."""
SEATS = {Cabin.ECONOMY: 90, Cabin.PREMIUM_ECONOMY: 30, Cabin.BUSINESS: 20, Cabin.FIRST: 8}
"""Seats left in each cabin of a flight with the lowest demand."""
FEW = 9
"""Maximum number of seats left that is reported, as at real airlines."""


def sold(carrier_code: str, cabin: Cabin, kilometres: float) -> bool:
    """Return whether a carrier sells a cabin on flights of a distance."""
    if cabin is Cabin.ECONOMY:
        return True
    if tables.carriers()[carrier_code].low_cost:
        return False
    return cabin is Cabin.BUSINESS or kilometres > LONG_KM


def currency_of(code: str) -> Currency:
    """Return the currency with an ISO 4217 code, or US dollars if the code is unknown."""
    known = tables.currencies()
    return known.get(code, known[DEFAULT_CURRENCY])


@dataclass(frozen=True, slots=True)
class Buyer:
    """The conditions of a purchase. `bags` are checked bags per seat; `today` is the day of the purchase."""

    cabin: Cabin
    party: Party
    bags: int
    currency: Currency
    today: date


def fare(seed: str, departures: Sequence[tuple[Departure, float]], buyer: Buyer) -> Fare:
    """Return the fare of flights that are sold together. Each departure has its distance in kilometres."""
    through = THROUGH if len(departures) > 1 else 1.0
    dollars = through * sum(
        _dollars(seed, departure, kilometres, buyer) for departure, kilometres in departures
    )
    adult, child, infant = (_rounded(dollars * share, buyer.currency) for share in (1.0, CHILD, INFANT))
    bags = _bags(departures[0][0], buyer)
    party = buyer.party
    total = adult.times(party.adults) + child.times(party.children) + infant.times(party.infants)
    return Fare(
        total=total + bags.times(party.seats), per_adult=adult + bags, cabin=buyer.cabin, bags=buyer.bags
    )


def _dollars(seed: str, departure: Departure, kilometres: float, buyer: Buyer) -> float:
    designator = departure.designator
    dollars: float = GROUND_DOLLARS + DOLLARS_PER_KM * kilometres**TAPER
    dollars *= buyer.currency.level * CABINS[buyer.cabin]
    dollars *= LOW_COST if tables.carriers()[designator.carrier].low_cost else 1.0
    dollars *= _lead(departure.day, buyer.today) * BUSY_DAYS.get(departure.day.weekday(), 1.0)
    dollars *= _hour(departure.leaves.hour)
    return dollars * (1 + NOISE * (2 * unit(seed, "fare", designator.flight, departure.day) - 1))


def _rounded(dollars: float, currency: Currency) -> Money:
    steps = max(1, round(dollars * currency.per_dollar / currency.step))
    return Money(currency.code, Decimal(steps * currency.step))


def _bags(departure: Departure, buyer: Buyer) -> Money:
    """Return the price of the checked bags for one seat. Full-service carriers include the first bag."""
    low_cost = tables.carriers()[departure.designator.carrier].low_cost
    dollars = buyer.currency.level * (LOW_COST_BAG if low_cost else FULL_SERVICE_BAG)
    return _rounded(dollars, buyer.currency).times(buyer.bags if low_cost else max(0, buyer.bags - 1))


def _lead(day: date, today: date) -> float:
    ahead = (day - today).days
    return next((factor for limit, factor in LEAD if ahead <= limit), LEAD[-1][1])


def _hour(hour: int) -> float:
    """Return the factor on the fare for the hour of departure: lower at night, higher in business hours."""
    if hour < 6 or hour >= 22:
        return 0.88
    return 1.08 if hour in {7, 8, 9, 17, 18, 19} else 1.0


def seats_left(seed: str, departure: Departure, cabin: Cabin, today: date) -> int | None:
    """Return the number of seats left in a cabin, or None if there are more than `FEW`.

    The number falls from day to day. Flights that the documentation names are never full.
    """
    designator = departure.designator
    if designator.flight in tables.pinned():
        return None
    demand = unit(seed, "seats", designator.flight, departure.day, cabin.value)
    ahead = (departure.day - today).days
    sold_out = next((share for limit, share in SOLD_OUT if ahead <= limit), 0.0)
    left = 0 if demand < sold_out else 1 + int((demand - sold_out) * SEATS[cabin])
    return left if left <= FEW else None
