"""The routes of the sample timetable: pairs of linked airports, with carriers and daily frequencies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from services.flightdata.places import Airport
from services.flightdata.places.geography import distance_km
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.sample import tables, unit
from services.flightdata.sample.tables import Carrier

Pair = tuple[str, str]
"""Two airport codes in alphabetical order."""

BUSIEST = 60
"""Number of the world's busiest airports among the core airports. The rest are main airports of countries."""
RANKED = ((0.45, 0.9), (0.15, 0.55), (0.06, 0.35))
"""Weights of airports outside the core: pairs of minimum rank and weight. Below the last, no flights."""
NEAREST_KM = 120
"""Minimum length of a route. It doesn't apply between two of the busiest airports."""
SHORT_RANGE_KM, LOW_COST_RANGE_KM = 5500, 9500
"""Ranges of narrow-body aircraft, and of low-cost carriers with wide-body aircraft."""
REGIONAL_KM, FARTHEST_KM, EVERYWHERE_KM = 4500, 14500, 20100
LEAST_DOMESTIC, LEAST_REGIONAL, LEAST_DISTANT = 0.18, 0.3, 0.5
"""Minimum product of the weights of two linked airports: in one country, in one region, and elsewhere."""
FLIGHTS = 22
"""Daily flights in each direction between two airports of weight 1, in one country, at a medium distance."""
REACH = ((350, 0.5), (1800, 1.0), (3500, 0.7), (6000, 0.4), (9500, 0.28), (float("inf"), 0.15))
"""Factors on `FLIGHTS`: pairs of maximum distance in kilometres and factor. Medium distances have most."""
MOST_CARRIERS, MOST_SLOTS = 6, 9


@dataclass(frozen=True, slots=True)
class Service:
    """The flights of one carrier between two airports: `slots` flights per day in each direction."""

    carrier: str
    pair: Pair
    slots: int


class Network:
    """Services by pair of airports, derived from places, carriers and a seed."""

    def __init__(self, lexicon: Lexicon, seed: str) -> None:
        self._lexicon = lexicon
        self._seed = seed
        self._weights = _weights(lexicon)
        self._core = frozenset(tables.core_airports())
        self._busiest = frozenset(tables.core_airports()[:BUSIEST])
        self._regions = tables.regions()
        self._at_home: Mapping[str, Sequence[Carrier]] = _by_country(tables.carriers().values())
        self._roaming = [carrier for carrier in tables.carriers().values() if carrier.scope]
        self.services: dict[Pair, Sequence[Service]] = {pair: found for pair, found in self._links() if found}
        self._add_pinned()

    def _links(self) -> Iterator[tuple[Pair, Sequence[Service]]]:
        for a, b in combinations(sorted(self._weights), 2):
            one, other = self._lexicon.airports[a], self._lexicon.airports[b]
            farthest = self._farthest(one, other)
            kilometres = distance_km(one, other) if farthest else 0.0
            nearest = 0 if a in self._busiest and b in self._busiest else NEAREST_KM
            if nearest < kilometres < farthest:
                yield (a, b), self._services(one, other, kilometres)

    def _farthest(self, one: Airport, other: Airport) -> float:
        """Return the maximum distance at which these airports are linked; 0 if they are never linked."""
        if one.metro == other.metro or (one.country_code, other.country_code) in tables.closed_borders():
            return 0.0
        if one.code in self._core and other.code in self._core:
            return EVERYWHERE_KM
        weight = self._weights[one.code] * self._weights[other.code]
        if one.country_code == other.country_code:
            return EVERYWHERE_KM if weight > LEAST_DOMESTIC else 0.0
        if self._region(one) == self._region(other):
            return REGIONAL_KM if weight > LEAST_REGIONAL else 0.0
        return FARTHEST_KM if weight > LEAST_DISTANT else 0.0

    def _region(self, airport: Airport) -> str:
        return self._regions[airport.country_code]

    def _services(self, one: Airport, other: Airport, kilometres: float) -> Sequence[Service]:
        pair = (one.code, other.code)
        daily = self._daily(one, other, kilometres)
        ranked = sorted(self._suitable(one, other, kilometres), key=lambda entry: (-entry[0], entry[1].code))
        chosen = ranked[: min(MOST_CARRIERS, 1 + daily // 2)]
        total = sum(score for score, _ in chosen)
        return [
            Service(carrier.code, pair, min(MOST_SLOTS, max(1, round(daily * score / total))))
            for score, carrier in sorted(chosen, key=lambda entry: entry[1].code)
        ]

    def _daily(self, one: Airport, other: Airport, kilometres: float) -> int:
        reach = next(factor for limit, factor in REACH if kilometres < limit)
        near = 1.0 if one.country_code == other.country_code else 0.5
        return max(1, round(FLIGHTS * self._weights[one.code] * self._weights[other.code] * reach * near))

    def _suitable(self, one: Airport, other: Airport, kilometres: float) -> list[tuple[float, Carrier]]:
        """Return the carriers that may fly between two airports, each with its affinity to the route."""
        home = dict.fromkeys(
            (*self._at_home.get(one.country_code, ()), *self._at_home.get(other.country_code, ()))
        )
        able = [carrier for carrier in home if kilometres < _range_km(carrier)]
        domestic = one.country_code == other.country_code
        if domestic:
            able = [carrier for carrier in able if one.country_code in carrier.countries]
        ends = {one.code, other.code}
        based = [
            (self._affinity(carrier, one, other), carrier)
            for carrier in able
            if ends & carrier.hubs or (domestic and carrier.low_cost)
        ]
        if not domestic and self._region(one) == self._region(other) and kilometres < SHORT_RANGE_KM / 2:
            at_home = {carrier for _, carrier in based}
            roaming = [c for c in self._roaming if c.scope == self._region(one) and c not in at_home]
            based += [
                (0.5, c) for c in roaming if unit(self._seed, "roam", c.code, one.code, other.code) < 0.3
            ]
        return based or [(self._affinity(carrier, one, other), carrier) for carrier in able]

    def _affinity(self, carrier: Carrier, one: Airport, other: Airport) -> float:
        hubs = (one.code in carrier.hubs) + (other.code in carrier.hubs)
        return carrier.size * (
            hubs + 0.2 + 0.6 * unit(self._seed, "belong", carrier.code, one.code, other.code)
        )

    def _add_pinned(self) -> None:
        for pin in tables.pins():
            first, second = sorted((pin.origin, pin.destination))
            services = self.services.get((first, second), ())
            if all(service.carrier != pin.carrier for service in services):
                added = [*services, Service(pin.carrier, (first, second), 1)]
                self.services[first, second] = sorted(added, key=lambda service: service.carrier)


def _range_km(carrier: Carrier) -> float:
    if not carrier.long_haul:
        return SHORT_RANGE_KM
    return LOW_COST_RANGE_KM if carrier.low_cost else EVERYWHERE_KM


def _weights(lexicon: Lexicon) -> dict[str, float]:
    """Return the weight of each airport, 0 to 1. Airports with a higher weight have more flights."""
    core = {code: 1.0 if place < BUSIEST else 0.7 for place, code in enumerate(tables.core_airports())}
    others = {
        airport.code: next(weight for rank, weight in RANKED if airport.rank >= rank)
        for airport in lexicon.airports.values()
        if airport.rank >= RANKED[-1][0] and airport.country_code in tables.regions()
    }
    return others | core


def _by_country(carriers: Iterable[Carrier]) -> dict[str, list[Carrier]]:
    found: dict[str, list[Carrier]] = defaultdict(list)
    for carrier in carriers:
        for country in carrier.countries:
            found[country].append(carrier)
    return found
