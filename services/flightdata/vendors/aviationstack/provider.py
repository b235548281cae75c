"""AviationStack as a provider of flights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from mesh.clock import Clock
from services.flightdata.model.flights import FlightStatus, Provenance
from services.flightdata.model.found import Found, Limit
from services.flightdata.model.instants import today_in
from services.flightdata.model.queries import FlightQuery
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.errors import (
    ProviderError,
    ProviderRateLimited,
    ProviderRestricted,
)
from services.flightdata.providers.protocol import Capability, Direction
from services.flightdata.vendors import leg_selection as picking
from services.flightdata.vendors.aviationstack import NAME, flight_rows, schedule_rows
from services.flightdata.vendors.aviationstack.responses import is_full, rows
from services.flightdata.vendors.codeshares import collapse
from services.flightdata.vendors.json_fields import Json
from services.flightdata.vendors.keyed_transport import PLACEHOLDER
from services.flightdata.vendors.learned_restrictions import LearnedRestrictions
from services.flightdata.vendors.legs import Leg
from services.flightdata.vendors.vendor_client import VendorAnswer, VendorClient

PAGE, MOST_PAGES = 100, 3
"""Rows a call gives at most on plans below the highest, and how many calls an answer may cost."""
MOST_PLACES = 2
"""How many airports of a city are asked for, the most used first: each costs calls."""
BY_NUMBER, BY_NUMBER_ON_DATE = "flights by number", "flights by number and date"
BY_ROUTE, TIMETABLE, FUTURE = "flights by route", "timetable", "future schedules"
COMING_STATUS = "status of coming days"
_FEATURES = {
    Capability.SEARCH: (BY_ROUTE, FUTURE),
    Capability.STATUS: (BY_NUMBER,),
    Capability.ROUTE_STATUS: (BY_ROUTE,),
    Capability.BOARD: (TIMETABLE, FUTURE),
}


@dataclass(frozen=True, slots=True)
class FutureWindow:
    """Days ahead that `/flightsFuture` tells, both included. The vendor has moved it three times."""

    first: int = 1
    last: int = 365

    def holds(self, ahead: int) -> bool:
        """Whether a day so many days ahead is told."""
        return self.first <= ahead <= self.last


@dataclass(frozen=True, slots=True)
class Told:
    """Rows of an answer; not `whole` when there are more than were asked for."""

    rows: list[Json]
    whole: bool = True

    @classmethod
    def of(cls, parts: Sequence[Told]) -> Told:
        """Several answers as one."""
        return cls([row for part in parts for row in part.rows], all(part.whole for part in parts))


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
        """Everything but offers, less what the key's plan has refused."""
        return frozenset(
            able for able, features in _FEATURES.items() if any(f not in self._restrictions for f in features)
        )

    async def search(self, query: FlightQuery) -> Found:
        """Today's flights between two places, or those planned for a coming day; nonstop, without prices.

        A listing of a part is told as one. When nothing of it fits, nobody knows whether the rest holds something.
        """
        now = self._clock.now()
        ahead = (query.date - today_in(self._lexicon.airport(query.origins[0]).zone, now)).days
        told = await self._today(query) if ahead == 0 else await self._coming(query, ahead)
        legs = self._legs(told, now) if ahead == 0 else self._planned(told, query.date)
        itineraries = picking.nonstops(collapse(legs), query, now, self._said(now))
        if not itineraries and not told.whole:
            raise ProviderRestricted(
                NAME, FUTURE, "has more rows than may be asked for, and none of those read fits"
            )
        part = not told.whole or _leaves_airports_out(query, ahead)
        return Found(itineraries, limits=frozenset({Limit.PART} if part else ()))

    async def status(self, flight: str, day: date | None) -> Sequence[FlightStatus]:
        """How a flight does. Days other than those around today need a plan that tells them. Raises `FlightNotFound`."""
        now = self._clock.now()
        if day is None:
            legs = await self._numbered_around(flight, now)
        elif (day - now.date()).days > 1:
            raise ProviderRestricted(NAME, COMING_STATUS)
        else:
            legs = await self._numbered(flight, None if abs((day - now.date()).days) <= 1 else day, now)
        return picking.found(
            flight, NAME, day, picking.statuses(_told_of(legs, day, now), now, self._said(now))
        )

    async def _numbered_around(self, flight: str, now: datetime) -> list[Leg]:
        """Rows of today and yesterday; and when neither is today where it leaves, of that day, as far as the plan tells it."""
        legs = await self._numbered(flight, None, now)
        today = picking.today_of(legs, now)
        if today is None or any(leg.depart_date == today for leg in legs):
            return legs
        try:
            return [*legs, *await self._numbered(flight, today, now)]
        except ProviderError:
            # The nearest day is worth more than nothing.
            return legs

    async def _numbered(self, flight: str, day: date | None, now: datetime) -> list[Leg]:
        """Legs under a number, of those that its rows are about; of the days around today when None."""
        asked = {"flight_iata": flight}
        if day is None:
            told = await self._pages("flights", asked, BY_NUMBER)
        else:
            told = await self._pages("flights", asked | {"flight_date": day.isoformat()}, BY_NUMBER_ON_DATE)
        legs = [
            leg
            for leg in self._legs(told, now)
            if flight in {leg.flight, leg.operator.flight if leg.operator else ""}
        ]
        return _one_each(sorted(legs, key=lambda leg: leg.flight != flight))

    async def route_status(self, origin: str, destination: str, day: date) -> Sequence[FlightStatus]:
        """How the flights between two airports do, around today only."""
        now = self._clock.now()
        if abs((day - now.date()).days) > 1:
            raise ProviderRestricted(NAME, "status of other days than today")
        legs = collapse(
            self._legs(
                await self._pages("flights", {"dep_iata": origin, "arr_iata": destination}, BY_ROUTE), now
            )
        )
        return picking.statuses(_told_of(legs, day, now), now, self._said(now))

    async def board(self, airport: str, direction: Direction, day: date) -> Sequence[FlightStatus]:
        """Today's board of an airport, or the one planned for a coming day; of that a part would be no board."""
        now = self._clock.now()
        ahead = (day - today_in(self._lexicon.airport(airport).zone, now)).days
        asked = {"iataCode": airport, "type": "departure" if direction is Direction.DEPARTURES else "arrival"}
        told = (
            await self._pages("timetable", asked, TIMETABLE)
            if ahead == 0
            else await self._future_board(asked, day, ahead)
        )
        if not told.whole:
            raise ProviderRestricted(NAME, FUTURE, "has more rows than may be asked for")
        return picking.statuses(collapse(self._planned(told, day)), now, self._said(now))

    async def _today(self, query: FlightQuery) -> Told:
        pairs = [
            (a, b)
            for a, b in query.pairs
            if a in query.origins[:MOST_PLACES] and b in query.destinations[:MOST_PLACES]
        ]
        return Told.of(
            [await self._pages("flights", {"dep_iata": a, "arr_iata": b}, BY_ROUTE) for a, b in pairs]
        )

    async def _coming(self, query: FlightQuery, ahead: int) -> Told:
        asked = [{"iataCode": origin, "type": "departure"} for origin in query.origins[:MOST_PLACES]]
        told: list[Told] = []
        for board in asked:
            try:
                told.append(await self._future_board(board, query.date, ahead))
            except ProviderRateLimited:
                # A city's second airport may have to wait a minute: its first has been told.
                if not told:
                    raise
                told.append(Told([], whole=False))
        return Told.of(told)

    async def _future_board(self, asked: dict[str, str], day: date, ahead: int) -> Told:
        if not self._future.holds(ahead):
            raise ProviderRestricted(NAME, FUTURE, f"{FUTURE} don't reach this day")
        return await self._pages("flightsFuture", asked | {"date": day.isoformat()}, FUTURE)

    async def _pages(self, path: str, asked: dict[str, str], feature: str) -> Told:
        """The rows of as many pages as there are and may be paid for."""
        await self._restrictions.hear()
        if feature in self._restrictions:
            raise ProviderRestricted(NAME, feature)
        found: list[Json] = []
        for page in range(MOST_PAGES):
            paging = {"limit": str(PAGE), "offset": str(page * PAGE)} if path != "timetable" else {}
            try:
                answer = await self._client.get(path, {"access_key": PLACEHOLDER} | asked | paging)
            except ProviderRateLimited:
                # The next page has to wait a minute on some plans: what was told is worth more than nothing.
                if not found:
                    raise
                return Told(found, whole=False)
            found += await self._rows(answer, feature)
            if not paging or not is_full(answer, PAGE):
                return Told(found)
        return Told(found, whole=False)

    async def _rows(self, answer: VendorAnswer, feature: str) -> list[Json]:
        try:
            return rows(answer, feature, self._clock.now())
        except ProviderRestricted as refused:
            if refused.is_about_the_plan:
                await self._restrictions.refused(feature)
            raise

    def _legs(self, told: Told, now: datetime) -> list[Leg]:
        return [leg for row in told.rows if (leg := flight_rows.leg(row, self._lexicon, now))]

    def _planned(self, told: Told, day: date) -> list[Leg]:
        return [leg for row in told.rows if (leg := schedule_rows.leg(row, self._lexicon, day))]

    def _said(self, now: datetime) -> Provenance:
        return Provenance(NAME, now.astimezone(UTC))


def _told_of(legs: Sequence[Leg], day: date | None, now: datetime) -> list[Leg]:
    """Legs of a day. Raises `ProviderRestricted` when what is flown has no rows of that day yet: that says nothing of the day."""
    meant = picking.on_day(legs, day, now)
    if legs and not meant and day is not None and day > now.date():
        raise ProviderRestricted(NAME, COMING_STATUS)
    return meant


def _leaves_airports_out(query: FlightQuery, ahead: int) -> bool:
    """Whether a search asks for fewer airports than it could. The listing of a coming day holds every destination."""
    return len(query.origins) > MOST_PLACES or (ahead == 0 and len(query.destinations) > MOST_PLACES)


def _one_each(legs: Iterable[Leg]) -> list[Leg]:
    """The first leg of each route and day: a number's own row before its codeshares'."""
    kept: dict[tuple[str, str, date | None], Leg] = {}
    for leg in legs:
        kept.setdefault((leg.departure.airport, leg.arrival.airport, leg.depart_date), leg)
    return list(kept.values())
