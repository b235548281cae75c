"""A small invented flight schedule for the doubles. It covers every pair of about forty airports.

It is always the same, so a flight found by a search can be looked up by its number.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import permutations
from pathlib import Path
from zoneinfo import ZoneInfo

_AIRPORTS = Path(__file__).with_name("airports.tsv")
"""Rows of airportsdata (MIT). The doubles don't use the product's tables."""
_BUSY = "DEL BOM MAA BLR HYD CCU COK LHR CDG AMS FRA MAD FCO IST DXB DOH SIN HKG NRT BKK KUL SYD JFK LAX SFO"
_FAULTY = "KEF OSL HEL CPH ARN VIE ZRH BRU DUB LIS ATH WAW PRG BUD"
CODES = tuple(f"{_BUSY} {_FAULTY}".split())
"""IATA codes. Flights from the airports of `_FAULTY` have vendor faults (`doubles/faults.py`)."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """An airline by its IATA code, name and ICAO code."""

    iata: str
    name: str
    icao: str


def _carriers(text: str) -> tuple[Carrier, ...]:
    return tuple(Carrier(*part.split("|")) for part in text.split(", "))


CARRIERS = {
    "IN": _carriers("AI|Air India|AIC, 6E|IndiGo|IGO"),
    "GB": _carriers("BA|British Airways|BAW, VS|Virgin Atlantic|VIR"),
    "US": _carriers("UA|United Airlines|UAL, DL|Delta Air Lines|DAL, AA|American Airlines|AAL"),
    "DE": _carriers("LH|Lufthansa|DLH"),
    "FR": _carriers("AF|Air France|AFR"),
    "NL": _carriers("KL|KLM|KLM"),
    "AE": _carriers("EK|Emirates|UAE"),
    "QA": _carriers("QR|Qatar Airways|QTR"),
    "SG": _carriers("SQ|Singapore Airlines|SIA"),
    "TR": _carriers("TK|Turkish Airlines|THY"),
    "JP": _carriers("NH|All Nippon Airways|ANA"),
    "IS": _carriers("FI|Icelandair|ICE"),
    "AU": _carriers("QF|Qantas|QFA"),
}
ANYWHERE = _carriers("SK|SAS|SAS, LX|Swiss|SWR, OS|Austrian Airlines|AUA")
WITHHELD_SHARE = 0.28
"""Share of flights that are listed only under their codeshares (8 of 28 observed)."""
LATE_SHARE, CANCELLED_SHARE = 0.25, 0.02


@dataclass(frozen=True, slots=True)
class Port:
    """An airport."""

    iata: str
    icao: str
    name: str
    city: str
    country: str
    latitude: float
    longitude: float
    zone: str


@dataclass(frozen=True, slots=True)
class Flight:
    """A daily flight.

    `minute` is its local departure in minutes after midnight, `block` its duration, `sold_by` its codeshares.
    If it is `withheld`, responses have no row for the flight itself, only rows for its codeshares.
    """

    carrier: Carrier
    number: int
    origin: Port
    destination: Port
    minute: int
    block: timedelta
    sold_by: tuple[tuple[Carrier, int], ...]
    withheld: bool

    @property
    def code(self) -> str:
        """Return the carrier's code and the number, for example `TK1822`."""
        return f"{self.carrier.iata}{self.number}"

    @property
    def numbers(self) -> list[tuple[Carrier, int]]:
        """Return every carrier and number under which it is sold, its own first."""
        return [(self.carrier, self.number), *self.sold_by]

    def leaves(self, day: date) -> datetime:
        """Return the scheduled departure on a day, as an aware local time."""
        wall = datetime.combine(day, time(self.minute // 60, self.minute % 60), ZoneInfo(self.origin.zone))
        return wall.astimezone(UTC).astimezone(ZoneInfo(self.origin.zone))

    def arrives(self, day: date) -> datetime:
        """Return the scheduled arrival of a day's departure, as an aware local time at the destination."""
        return (self.leaves(day).astimezone(UTC) + self.block).astimezone(ZoneInfo(self.destination.zone))

    def delay(self, day: date) -> int:
        """Return the delay on a day in minutes, 0 for most days."""
        share = fraction(self.code, day, "late")
        return round(share / LATE_SHARE * 150) if share < LATE_SHARE else 0

    def cancelled(self, day: date) -> bool:
        """Return True if the flight is cancelled on a day."""
        return fraction(self.code, day, "cancelled") < CANCELLED_SHARE


class World:
    """Flights by airport pair, by number (also by codeshare numbers) and by airport."""

    def __init__(self, seed: str = "doubles") -> None:
        self._seed = seed
        self.ports = _ports()
        self._taken: dict[str, int] = defaultdict(lambda: 100)
        self.by_pair: Mapping[tuple[str, str], list[Flight]] = {
            pair: list(self._pair(*pair)) for pair in permutations(CODES, 2)
        }
        self.by_number = {f"{c.iata}{n}": flight for flight in self.flights() for c, n in flight.numbers}

    def flights(self) -> Iterator[Flight]:
        """Yield every flight."""
        for flights in self.by_pair.values():
            yield from flights

    def board(self, airport: str, *, departures: bool) -> list[Flight]:
        """Return the flights that depart from or arrive at an airport."""
        return [
            flight
            for flight in self.flights()
            if airport == (flight.origin.iata if departures else flight.destination.iata)
        ]

    def _pair(self, origin: str, destination: str) -> Iterator[Flight]:
        here, there = self.ports[origin], self.ports[destination]
        able = [*CARRIERS.get(here.country, ()), *CARRIERS.get(there.country, ())] or ANYWHERE
        for turn in range(2 + int(fraction(self._seed, origin, destination) * 3)):
            yield self._flight(able[turn % len(able)], here, there, turn)

    def _flight(self, carrier: Carrier, here: Port, there: Port, turn: int) -> Flight:
        named = (self._seed, here.iata, there.iata, turn)
        others = [other for held in CARRIERS.values() for other in held if other != carrier]
        # 1.5 codeshares per flight on average: 61 of 100 observed rows are codeshares.
        count = int(fraction(*named, "sold") * 4)
        partners = [others[int(fraction(*named, "by", n) * len(others))] for n in range(count)]
        documented = (carrier.iata, here.iata, there.iata, turn) == ("AI", "MAA", "DEL", 0)
        return Flight(
            carrier=carrier,
            number=542 if documented else self._next(carrier),
            origin=here,
            destination=there,
            minute=5 * int((330 + fraction(*named, "minute") * 1000) / 5),
            block=_block(here, there),
            sold_by=tuple((partner, self._next(partner)) for partner in dict.fromkeys(partners)),
            withheld=bool(count) and fraction(*named, "withheld") < WITHHELD_SHARE,
        )

    def _next(self, carrier: Carrier) -> int:
        self._taken[carrier.iata] += 1
        if (carrier.iata, self._taken[carrier.iata]) == ("AI", 542):
            self._taken[carrier.iata] += 1
        return self._taken[carrier.iata]


def fraction(*parts: object) -> float:
    """Return a pseudo-random number in [0, 1) determined by the parts."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _ports() -> dict[str, Port]:
    with _AIRPORTS.open(encoding="utf-8", newline="") as table:
        rows = csv.reader(table, delimiter="	")
        next(rows)
        return {
            iata: Port(iata, icao, name, city, country, float(latitude), float(longitude), zone)
            for iata, icao, name, city, country, latitude, longitude, zone in rows
        }


def _block(here: Port, there: Port) -> timedelta:
    """Return the block time: 45 minutes plus the great circle at 820 km/h, rounded to five minutes."""
    a, b = math.radians(here.latitude), math.radians(there.latitude)
    turn = math.radians(there.longitude - here.longitude)
    angle = math.acos(min(1.0, math.sin(a) * math.sin(b) + math.cos(a) * math.cos(b) * math.cos(turn)))
    return timedelta(minutes=5 * round((45 + 60 * angle * 6371 / 820) / 5))
