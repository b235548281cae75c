"""FlightAPI.io as a provider of flights."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mesh.clock import Clock
from services.flightdata.model.fares import Cabin
from services.flightdata.model.flights import FlightStatus, Provenance
from services.flightdata.model.found import Found, Limit
from services.flightdata.model.instants import today_in
from services.flightdata.model.queries import FlightQuery
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.errors import ProviderBadAnswer, ProviderRestricted
from services.flightdata.providers.protocol import Capability, Direction
from services.flightdata.vendors import leg_selection as picking
from services.flightdata.vendors.codeshares import collapse
from services.flightdata.vendors.flight_numbers import parts
from services.flightdata.vendors.flightapi import NAME, tracking
from services.flightdata.vendors.flightapi import boards as schedules
from services.flightdata.vendors.flightapi.responses import THROTTLED, Known, content
from services.flightdata.vendors.flightapi.trips import TripReader
from services.flightdata.vendors.json_fields import mapping
from services.flightdata.vendors.keyed_transport import PLACEHOLDER
from services.flightdata.vendors.learned_restrictions import LearnedRestrictions
from services.flightdata.vendors.legs import Leg
from services.flightdata.vendors.vendor_client import VendorAnswer, VendorClient

MOST_PAIRS = 2
"""How many pairs of a city's airports are asked for, the most used first: each costs two credits and half a minute."""
TRIPS, ROUND_TRIPS, TRACKING, ROUTES, BOARDS = (
    "trips",
    "round trips",
    "tracking",
    "tracking by route",
    "schedules",
)
_FEATURES = {
    Capability.SEARCH: TRIPS,
    Capability.OFFERS: TRIPS,
    Capability.CONNECTIONS: TRIPS,
    Capability.ROUND_TRIPS: ROUND_TRIPS,
    Capability.STATUS: TRACKING,
    Capability.ROUTE_STATUS: ROUTES,
    Capability.BOARD: BOARDS,
}
_CABINS = {
    Cabin.ECONOMY: "Economy",
    Cabin.PREMIUM_ECONOMY: "Premium_Economy",
    Cabin.BUSINESS: "Business",
    Cabin.FIRST: "First",
}
DEFAULT_CURRENCY = "USD"
FARTHEST_CLOCKS = (timedelta(hours=-10), timedelta(hours=13))
"""Hawaii's and New Zealand's: there is never more than one other day between them than by UTC."""


class FlightApi:
    """A `FlightProvider` over FlightAPI.io's `/onewaytrip`, `/roundtrip`, `/airline`, `/trackbyroute` and `/compschedule`."""

    name = NAME
    is_sample = False

    def __init__(
        self, client: VendorClient, lexicon: Lexicon, clock: Clock, restrictions: LearnedRestrictions
    ) -> None:
        self._client = client
        self._lexicon = lexicon
        self._clock = clock
        self._restrictions = restrictions
        self._key = Known.NOTHING

    def capabilities(self) -> frozenset[Capability]:
        """Everything, less what the key has been refused."""
        return frozenset(able for able, feature in _FEATURES.items() if feature not in self._restrictions)

    async def search(self, query: FlightQuery) -> Found:
        """Itineraries with up to five offers each. An empty answer is asked for once more: it is sometimes a hiccup."""
        found = [
            await self._pair(origin, destination, query) for origin, destination in query.pairs[:MOST_PAIRS]
        ]
        return Found(
            [i for part in found for i in part.itineraries],
            [o for part in found for o in part.offers],
            frozenset({Limit.PART} if len(query.pairs) > MOST_PAIRS else ()),
            round_trips=[trip for part in found for trip in part.round_trips],
        )

    async def _pair(self, origin: str, destination: str, query: FlightQuery) -> Found:
        found = await self._trips(origin, destination, query)
        return found if found.itineraries else await self._trips(origin, destination, query)

    async def _trips(self, origin: str, destination: str, query: FlightQuery) -> Found:
        party, currency = query.party, query.currency or DEFAULT_CURRENCY
        sizes = f"{party.adults}/{party.children}/{party.infants}"
        days = f"{query.date.isoformat()}/{query.back.isoformat()}" if query.back else query.date.isoformat()
        endpoint, feature = ("roundtrip", ROUND_TRIPS) if query.back else ("onewaytrip", TRIPS)
        body = await self._get(
            f"{endpoint}/{PLACEHOLDER}/{origin}/{destination}/{days}/{sizes}/{_CABINS[query.cabin]}/{currency}",
            {},
            feature,
        )
        if body is None or body == []:
            return Found(())
        if not isinstance(mapping(body).get("itineraries"), list):
            raise ProviderBadAnswer(NAME, "answered without itineraries")
        return TripReader(mapping(body), query, self._lexicon, self._said(), currency).found()

    async def status(self, flight: str, day: date | None) -> Sequence[FlightStatus]:
        """How a flight does on a day, today where it leaves when None. Raises `FlightNotFound`."""
        now = self._clock.now()
        told = await self._tracked(flight, day) if day else await self._tracked_around(flight, now)
        legs = picking.on_day(told, day, now)
        return picking.found(flight, NAME, day, picking.statuses(legs, now, self._said()))

    async def _tracked_around(self, flight: str, now: datetime) -> list[Leg]:
        """What is told of today by UTC, since nobody knows yet where it leaves; and of its own today, when that is another day there."""
        by_utc = now.astimezone(UTC).date()
        legs = await self._tracked(flight, by_utc)
        today = picking.today_of(legs, now) or _today_elsewhere(now)
        return legs if today == by_utc else [*legs, *await self._tracked(flight, today)]

    async def _tracked(self, flight: str, day: date) -> list[Leg]:
        carrier, number = parts(flight)
        body = await self._get(
            f"airline/{PLACEHOLDER}",
            {"num": number, "name": carrier.lower(), "date": day.strftime("%Y%m%d")},
            TRACKING,
        )
        _expect(body, "flights")
        return tracking.flight_legs(body, flight, day, self._lexicon)

    async def route_status(self, origin: str, destination: str, day: date) -> Sequence[FlightStatus]:
        """How the flights between two airports do on a day."""
        body = await self._get(
            f"trackbyroute/{PLACEHOLDER}",
            {"date": day.strftime("%Y%m%d"), "airport1": origin, "airport2": destination},
            ROUTES,
        )
        _expect(body, "flights")
        now = self._clock.now()
        legs = collapse(tracking.route_legs(body, origin, destination, day, self._lexicon))
        return picking.statuses(picking.on_day(legs, day, now), now, self._said())

    async def board(self, airport: str, direction: Direction, day: date) -> Sequence[FlightStatus]:
        """The departures or arrivals of an airport."""
        now, place = self._clock.now(), self._lexicon.airport(airport)
        # The vendor counts days from 1, which is today at the airport.
        ahead = (day - today_in(place.zone, now)).days
        body = await self._get(
            f"compschedule/{PLACEHOLDER}",
            {"mode": direction.value, "iata": airport, "day": str(ahead + 1)},
            BOARDS,
        )
        _expect(body, "airport", "data")
        legs = collapse(schedules.board_legs(body, place, direction, day, self._lexicon))
        return [
            status
            for status in picking.statuses(legs, now, self._said())
            if _own_end(status, direction).date() == day
        ]

    async def _get(self, path: str, query: dict[str, str], feature: str) -> Any:
        """The content of an answer. A first 401 may be a throttle and a 410 a time-out, so both are asked once more."""
        await self._restrictions.hear()
        if feature in self._restrictions:
            raise ProviderRestricted(NAME, feature)
        answer = await self._client.get(path, query)
        if answer.status in {401, 410}:
            await self._clock.sleep(THROTTLED.total_seconds() if answer.status == 401 else 0)
            answer = await self._client.get(path, query)
        return await self._read(answer, feature)

    async def _read(self, answer: VendorAnswer, feature: str) -> Any:
        try:
            body = content(answer, feature, self._key, self._clock.now())
        except ProviderRestricted:
            await self._restrictions.refused(feature)
            raise
        self._key = Known.WORKS
        return body

    def _said(self) -> Provenance:
        return Provenance(NAME, self._clock.now().astimezone(UTC))


def _today_elsewhere(now: datetime) -> date:
    """The day it is, other than by UTC, where anybody flies from; the same day when there is no other."""
    by_utc = now.astimezone(UTC)
    days = {(by_utc + offset).date() for offset in FARTHEST_CLOCKS} - {by_utc.date()}
    return next(iter(days), by_utc.date())


def _own_end(status: FlightStatus, direction: Direction) -> datetime:
    """When it is planned at the board's airport."""
    return status.segment.departure.time if direction is Direction.DEPARTURES else status.segment.arrival.time


def _expect(body: Any, *keys: str) -> None:
    """Raises `ProviderBadAnswer` for an object that holds none of the keys its shape has."""
    if isinstance(body, dict) and body and not any(key in body for key in keys):
        raise ProviderBadAnswer(NAME, "answered in a shape we don't know")
