"""The FlightAPI.io provider."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mesh.clock import Clock
from services.flightdata.model.fares import Cabin
from services.flightdata.model.flights import FlightStatus, Provenance
from services.flightdata.model.instants import today_in
from services.flightdata.model.queries import FlightQuery
from services.flightdata.model.search_results import Found, Limit
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.errors import ProviderBadAnswer, ProviderRestricted
from services.flightdata.providers.protocol import Capability, Direction
from services.flightdata.vendors import leg_selection
from services.flightdata.vendors.codeshares import collapse
from services.flightdata.vendors.flightapi import NAME, boards, tracking
from services.flightdata.vendors.flightapi.responses import THROTTLED, content
from services.flightdata.vendors.flightapi.trips import TripReader
from services.flightdata.vendors.json_fields import mapping
from services.flightdata.vendors.learned_restrictions import LearnedRestrictions
from services.flightdata.vendors.legs import Leg
from services.flightdata.vendors.vendor_client import PLACEHOLDER, VendorClient

MOST_PAIRS = 2
"""Maximum number of airport pairs to ask for, busiest first. Each costs two credits and about 30 seconds."""
TRIPS, ROUND_TRIPS, TRACKING = "trips", "round trips", "tracking"
ROUTES, BOARDS = "tracking by route", "schedules"
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
"""UTC offsets of Hawaii and New Zealand. Between them, at most one date differs from the date in UTC."""


class FlightApi:
    """A `FlightProvider` over FlightAPI.io.

    It uses `/onewaytrip`, `/roundtrip`, `/airline`, `/trackbyroute` and `/compschedule`.
    """

    name = NAME
    is_sample = False

    def __init__(
        self, client: VendorClient, lexicon: Lexicon, clock: Clock, restrictions: LearnedRestrictions
    ) -> None:
        self._client = client
        self._lexicon = lexicon
        self._clock = clock
        self._restrictions = restrictions
        self._key_works = False

    def capabilities(self) -> frozenset[Capability]:
        """Return all capabilities except those that the vendor has refused to this key."""
        return frozenset(able for able, feature in _FEATURES.items() if feature not in self._restrictions)

    async def search(self, query: FlightQuery) -> Found:
        """Return itineraries with up to five offers each."""
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
        # Ask again, because an empty response is sometimes a temporary failure.
        return found if found.itineraries else await self._trips(origin, destination, query)

    async def _trips(self, origin: str, destination: str, query: FlightQuery) -> Found:
        party, currency = query.party, query.currency or DEFAULT_CURRENCY
        sizes = f"{party.adults}/{party.children}/{party.infants}"
        days = f"{query.date.isoformat()}/{query.back.isoformat()}" if query.back else query.date.isoformat()
        endpoint, feature = ("roundtrip", ROUND_TRIPS) if query.back else ("onewaytrip", TRIPS)
        route = f"{endpoint}/{PLACEHOLDER}/{origin}/{destination}"
        body = await self._get(f"{route}/{days}/{sizes}/{_CABINS[query.cabin]}/{currency}", {}, feature)
        if body is None or body == []:
            return Found(())
        if not isinstance(mapping(body).get("itineraries"), list):
            raise ProviderBadAnswer(NAME, "answered without itineraries")
        return TripReader(mapping(body), query, self._lexicon, self._provenance(), currency).found()

    async def status(self, flight: str, day: date | None) -> Sequence[FlightStatus]:
        """Return the status of a flight on a day; None means today at its origin. Raises `FlightNotFound`."""
        now = self._clock.now()
        legs = await self._tracked(flight, day) if day else await self._tracked_today(flight, now)
        chosen = leg_selection.on_day(legs, day, now)
        found = leg_selection.statuses(chosen, now, self._provenance())
        return leg_selection.require_found(flight, NAME, day, found)

    async def _tracked_today(self, flight: str, now: datetime) -> list[Leg]:
        """Return the legs on today's date in UTC, and on today's date at the origin if that differs."""
        by_utc = now.astimezone(UTC).date()
        legs = await self._tracked(flight, by_utc)
        today = leg_selection.today_at_origin(legs, now) or _other_date(now)
        return legs if today == by_utc else [*legs, *await self._tracked(flight, today)]

    async def _tracked(self, flight: str, day: date) -> list[Leg]:
        query = {"num": flight[2:], "name": flight[:2].lower(), "date": day.strftime("%Y%m%d")}
        body = await self._get(f"airline/{PLACEHOLDER}", query, TRACKING)
        _expect(body, "flights")
        return tracking.flight_legs(body, flight, day, self._lexicon)

    async def route_status(self, origin: str, destination: str, day: date) -> Sequence[FlightStatus]:
        """Return the status of a day's flights between two airports."""
        query = {"date": day.strftime("%Y%m%d"), "airport1": origin, "airport2": destination}
        body = await self._get(f"trackbyroute/{PLACEHOLDER}", query, ROUTES)
        _expect(body, "flights")
        now = self._clock.now()
        legs = collapse(tracking.route_legs(body, origin, destination, day, self._lexicon))
        return leg_selection.statuses(leg_selection.on_day(legs, day, now), now, self._provenance())

    async def board(self, airport: str, direction: Direction, day: date) -> Sequence[FlightStatus]:
        """Return the departures or arrivals of an airport."""
        now, place = self._clock.now(), self._lexicon.airport(airport)
        # The vendor's day 1 is today at the airport.
        ahead = (day - today_in(place.zone, now)).days
        query = {"mode": direction.value, "iata": airport, "day": str(ahead + 1)}
        body = await self._get(f"compschedule/{PLACEHOLDER}", query, BOARDS)
        _expect(body, "airport", "data")
        legs = collapse(boards.board_legs(body, place, direction, day, self._lexicon))
        found = leg_selection.statuses(legs, now, self._provenance())
        if direction is Direction.DEPARTURES:
            return [status for status in found if status.departure_date == day]
        return [status for status in found if status.segment.arrival.time.date() == day]

    async def _get(self, path: str, query: dict[str, str], feature: str) -> Any:
        """Return the content of a response.

        Retry once after a 401, which may be a rate limit, and after a 410, which is a time-out.
        """
        await self._restrictions.refresh()
        if feature in self._restrictions:
            raise ProviderRestricted(NAME, feature)
        answer = await self._client.get(path, query)
        if answer.status in {401, 410}:
            await self._clock.sleep(THROTTLED.total_seconds() if answer.status == 401 else 0)
            answer = await self._client.get(path, query)
        try:
            body = content(answer, feature, self._clock.now(), key_works=self._key_works)
        except ProviderRestricted:
            await self._restrictions.add(feature)
            raise
        self._key_works = True
        return body

    def _provenance(self) -> Provenance:
        return Provenance(NAME, self._clock.now().astimezone(UTC))


def _other_date(now: datetime) -> date:
    """Return the date that differs from UTC's date somewhere now, or UTC's date if there is none."""
    by_utc = now.astimezone(UTC)
    days = {(by_utc + offset).date() for offset in FARTHEST_CLOCKS} - {by_utc.date()}
    return next(iter(days), by_utc.date())


def _expect(body: Any, *keys: str) -> None:
    """Raise `ProviderBadAnswer` if a non-empty object has none of the expected keys."""
    if isinstance(body, dict) and body and not any(key in body for key in keys):
        raise ProviderBadAnswer(NAME, "answered in an unknown shape")
