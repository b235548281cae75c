"""The AviationStack provider."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from mesh.clock import Clock
from services.flightdata.model.flights import FlightStatus, Provenance
from services.flightdata.model.instants import today_in
from services.flightdata.model.queries import FlightQuery
from services.flightdata.model.search_results import Found, Limit
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.errors import ProviderError, ProviderRateLimited, ProviderRestricted
from services.flightdata.providers.protocol import Capability, Direction
from services.flightdata.vendors import leg_selection
from services.flightdata.vendors.aviationstack import NAME, flight_rows, schedule_rows
from services.flightdata.vendors.aviationstack.responses import is_full, rows
from services.flightdata.vendors.codeshares import collapse
from services.flightdata.vendors.json_fields import Json
from services.flightdata.vendors.learned_restrictions import LearnedRestrictions
from services.flightdata.vendors.legs import Leg
from services.flightdata.vendors.vendor_client import PLACEHOLDER, VendorAnswer, VendorClient

PAGE, MOST_PAGES = 100, 3
"""Rows of a page (on all plans but the highest), and maximum number of pages, as each page costs a call."""
MOST_PLACES = 2
"""Maximum number of airports to ask for in a city, busiest first, because each airport costs calls."""
BY_NUMBER, BY_NUMBER_ON_DATE = "flights by number", "flights by number and date"
BY_ROUTE, TIMETABLE, FUTURE = "flights by route", "timetable", "future schedules"
COMING_STATUS = "status of coming days"
TOO_MANY_ROWS = "has more rows than may be requested"
_FEATURES = {
    Capability.SEARCH: (BY_ROUTE, FUTURE),
    Capability.STATUS: (BY_NUMBER,),
    Capability.ROUTE_STATUS: (BY_ROUTE,),
    Capability.BOARD: (TIMETABLE, FUTURE),
}


@dataclass(frozen=True, slots=True)
class FutureWindow:
    """The days that `/flightsFuture` covers, in days from today, both inclusive.

    The vendor has changed them three times.
    """

    first: int = 1
    last: int = 365

    def holds(self, ahead: int) -> bool:
        """Return whether the day `ahead` days from today is covered."""
        return self.first <= ahead <= self.last


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one or more responses. `complete` is False if the vendor has more rows."""

    rows: list[Json]
    complete: bool = True

    @classmethod
    def of(cls, parts: Sequence[Rows]) -> Rows:
        """Concatenate several parts."""
        return cls([row for part in parts for row in part.rows], all(part.complete for part in parts))


class AviationStack:
    """A `FlightProvider` over AviationStack's `/flights`, `/timetable` and `/flightsFuture`."""

    name = NAME
    is_sample = False

    def __init__(
        self,
        client: VendorClient,
        lexicon: Lexicon,
        clock: Clock,
        restrictions: LearnedRestrictions,
        future: FutureWindow | None = None,
    ) -> None:
        self._client = client
        self._lexicon = lexicon
        self._clock = clock
        self._restrictions = restrictions
        self._future = future or FutureWindow()

    def capabilities(self) -> frozenset[Capability]:
        """Return the capabilities with at least one feature that the vendor hasn't refused to this key."""
        return frozenset(
            able for able, features in _FEATURES.items() if any(f not in self._restrictions for f in features)
        )

    async def search(self, query: FlightQuery) -> Found:
        """Return the nonstop flights between two places, today or on a future day, without prices.

        If only some of the rows were read and none of them fits, raise `ProviderRestricted`, because the
        other rows may contain flights.
        """
        now = self._clock.now()
        ahead = (query.date - today_in(self._lexicon.airport(query.origins[0]).zone, now)).days
        if ahead == 0:
            found = await self._today(query)
            legs = self._flight_legs(found, now)
        else:
            found = await self._coming(query, ahead)
            legs = self._schedule_legs(found, query.date)
        itineraries = leg_selection.nonstops(collapse(legs), query, now, _provenance(now))
        if not itineraries and not found.complete:
            raise ProviderRestricted(NAME, FUTURE, f"{TOO_MANY_ROWS}, and none of those read fits")
        part = not found.complete or _omits_airports(query, ahead)
        return Found(itineraries, limits=frozenset({Limit.PART} if part else ()))

    async def status(self, flight: str, day: date | None) -> Sequence[FlightStatus]:
        """Return the status of a flight. Other days than today and its neighbours need a plan with dates.

        Raises:
            FlightNotFound: the vendor has no such flight on that day.
        """
        now = self._clock.now()
        if day is None:
            legs = await self._numbered_today(flight, now)
        elif (day - now.date()).days > 1:
            raise ProviderRestricted(NAME, COMING_STATUS)
        else:
            legs = await self._numbered(flight, None if abs((day - now.date()).days) <= 1 else day, now)
        found = leg_selection.statuses(_on_day(legs, day, now), now, _provenance(now))
        return leg_selection.require_found(flight, NAME, day, found)

    async def _numbered_today(self, flight: str, now: datetime) -> list[Leg]:
        """Return the legs on the days around today; ask again if today's date at the origin is missing."""
        legs = await self._numbered(flight, None, now)
        today = leg_selection.today_at_origin(legs, now)
        if today is None or any(leg.departure_date == today for leg in legs):
            return legs
        try:
            return [*legs, *await self._numbered(flight, today, now)]
        except ProviderError:
            # The status on the nearest day is better than no answer.
            return legs

    async def _numbered(self, flight: str, day: date | None, now: datetime) -> list[Leg]:
        """Return the legs with a flight number on a day, or on the days around today if `day` is None."""
        query, feature = {"flight_iata": flight}, BY_NUMBER
        if day is not None:
            query, feature = query | {"flight_date": day.isoformat()}, BY_NUMBER_ON_DATE
        legs = [
            leg
            for leg in self._flight_legs(await self._pages("flights", query, feature), now)
            if flight in {leg.flight, leg.operator.flight if leg.operator else ""}
        ]
        return _unique(sorted(legs, key=lambda leg: leg.flight != flight))

    async def route_status(self, origin: str, destination: str, day: date) -> Sequence[FlightStatus]:
        """Return the status of the flights between two airports. It supports only the days around today."""
        now = self._clock.now()
        if abs((day - now.date()).days) > 1:
            raise ProviderRestricted(NAME, "status of other days than today")
        found = await self._pages("flights", {"dep_iata": origin, "arr_iata": destination}, BY_ROUTE)
        legs = collapse(self._flight_legs(found, now))
        return leg_selection.statuses(_on_day(legs, day, now), now, _provenance(now))

    async def board(self, airport: str, direction: Direction, day: date) -> Sequence[FlightStatus]:
        """Return today's board of an airport, or its schedule on a future day.

        If the rows are incomplete, raise `ProviderRestricted`.
        """
        now = self._clock.now()
        ahead = (day - today_in(self._lexicon.airport(airport).zone, now)).days
        query = {"iataCode": airport, "type": "departure" if direction is Direction.DEPARTURES else "arrival"}
        if ahead == 0:
            found = await self._pages("timetable", query, TIMETABLE)
        else:
            found = await self._future_board(query, day, ahead)
        if not found.complete:
            raise ProviderRestricted(NAME, FUTURE, TOO_MANY_ROWS)
        return leg_selection.statuses(collapse(self._schedule_legs(found, day)), now, _provenance(now))

    async def _today(self, query: FlightQuery) -> Rows:
        origins, destinations = query.origins[:MOST_PLACES], query.destinations[:MOST_PLACES]
        pairs = [(a, b) for a, b in query.pairs if a in origins and b in destinations]
        return Rows.of(
            [await self._pages("flights", {"dep_iata": a, "arr_iata": b}, BY_ROUTE) for a, b in pairs]
        )

    async def _coming(self, query: FlightQuery, ahead: int) -> Rows:
        found: list[Rows] = []
        for origin in query.origins[:MOST_PLACES]:
            try:
                board = {"iataCode": origin, "type": "departure"}
                found.append(await self._future_board(board, query.date, ahead))
            except ProviderRateLimited:
                # The call for the second airport would have to wait up to a minute. Return the first rows.
                if not found:
                    raise
                found.append(Rows([], complete=False))
        return Rows.of(found)

    async def _future_board(self, query: dict[str, str], day: date, ahead: int) -> Rows:
        if not self._future.holds(ahead):
            raise ProviderRestricted(NAME, FUTURE, f"{FUTURE} don't include this day")
        return await self._pages("flightsFuture", query | {"date": day.isoformat()}, FUTURE)

    async def _pages(self, path: str, query: dict[str, str], feature: str) -> Rows:
        """Return the rows of all pages, up to `MOST_PAGES`."""
        await self._restrictions.refresh()
        if feature in self._restrictions:
            raise ProviderRestricted(NAME, feature)
        found: list[Json] = []
        for page in range(MOST_PAGES):
            paging = {"limit": str(PAGE), "offset": str(page * PAGE)} if path != "timetable" else {}
            try:
                answer = await self._client.get(path, {"access_key": PLACEHOLDER} | query | paging)
            except ProviderRateLimited:
                # On some plans the next page would have to wait a minute. Return the pages read so far.
                if not found:
                    raise
                return Rows(found, complete=False)
            found += await self._rows(answer, feature)
            if not paging or not is_full(answer, PAGE):
                return Rows(found)
        return Rows(found, complete=False)

    async def _rows(self, answer: VendorAnswer, feature: str) -> list[Json]:
        try:
            return rows(answer, feature, self._clock.now())
        except ProviderRestricted as refused:
            if refused.is_about_the_plan:
                await self._restrictions.add(feature)
            raise

    def _flight_legs(self, found: Rows, now: datetime) -> list[Leg]:
        return [leg for row in found.rows if (leg := flight_rows.leg(row, self._lexicon, now))]

    def _schedule_legs(self, found: Rows, day: date) -> list[Leg]:
        return [leg for row in found.rows if (leg := schedule_rows.leg(row, self._lexicon, day))]


def _provenance(now: datetime) -> Provenance:
    return Provenance(NAME, now.astimezone(UTC))


def _on_day(legs: Sequence[Leg], day: date | None, now: datetime) -> list[Leg]:
    """Return the legs of a day.

    Raises:
        ProviderRestricted: the day is in the future, and the vendor has no rows of that day yet.
    """
    meant = leg_selection.on_day(legs, day, now)
    if legs and not meant and day is not None and day > now.date():
        raise ProviderRestricted(NAME, COMING_STATUS)
    return meant


def _omits_airports(query: FlightQuery, ahead: int) -> bool:
    """Return whether a search omits airports. The board of a future day includes every destination."""
    return len(query.origins) > MOST_PLACES or (ahead == 0 and len(query.destinations) > MOST_PLACES)


def _unique(legs: Iterable[Leg]) -> list[Leg]:
    kept: dict[tuple[str, str, date | None], Leg] = {}
    for leg in legs:
        kept.setdefault((leg.departure.airport, leg.arrival.airport, leg.departure_date), leg)
    return list(kept.values())
