"""FlightAPI.io as a local server: trips, tracking, boards, with its credits, its throttle and its ways to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from doubles import faults as troubles
from doubles.aviationstack.server import utc_now
from doubles.faults import Sleep, Trouble
from doubles.flightapi import tracking as status
from doubles.flightapi.trips import Asked, trips
from doubles.world import Flight, World

CREDITS = {"onewaytrip": 2, "roundtrip": 2, "airline": 1, "trackbyroute": 1, "schedule": 2, "compschedule": 2}
CABINS = frozenset({"Economy", "Business", "First", "Premium_Economy"})
NO_DETAILS = "No details for your input"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a key may do. `throttle_seconds`: a call that follows another sooner gets a 401. `older`: the shapes before November 2025."""

    keys: frozenset[str] = frozenset({"demo"})
    credits: int = 10_000
    throttle_seconds: float = 0.0
    latency_seconds: float = 0.0
    older: bool = False


@dataclass
class FlightApiDouble:
    """An ASGI app. `calls` keeps the paths and queries that were asked, without keys, in order."""

    world: World
    terms: Terms = field(default_factory=Terms)
    now: Callable[[], datetime] = utc_now
    sleep: Sleep = troubles.real_sleep
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    used: int = 0
    _last: datetime | None = None
    _looks: dict[str, int] = field(default_factory=dict)

    def app(self) -> Starlette:
        """The app, to be served at a root."""
        return Starlette(
            routes=[
                Route(
                    "/onewaytrip/{key}/{origin}/{destination}/{day}/{adults}/{children}/{infants}/{cabin}/{currency}",
                    self._trip,
                ),
                Route(
                    "/roundtrip/{key}/{origin}/{destination}/{day}/{back}/{adults}/{children}/{infants}/{cabin}/{currency}",
                    self._trip,
                ),
                Route("/airline/{key}", self._tracking),
                Route("/trackbyroute/{key}", self._route),
                Route("/schedule/v2/{key}", self._newer_board),
                Route("/schedule/{key}", self._board),
                Route("/compschedule/{key}", self._board),
            ]
        )

    async def _begin(self, request: Request) -> Response | None:
        """Counts a call; the answer when a key or the throttle refuses it."""
        kind = request.url.path.split("/")[1]
        self.calls.append(
            (request.url.path.replace(f"/{request.path_params['key']}", "", 1), dict(request.query_params))
        )
        if request.path_params["key"] not in self.terms.keys:
            return JSONResponse({"message": "Unauthorized"}, status_code=401)
        now, last = self.now(), self._last
        self._last = now
        if last and now - last < timedelta(seconds=self.terms.throttle_seconds):
            return JSONResponse({"message": "Unauthorized"}, status_code=401)
        self.used += CREDITS[kind]
        if self.used > self.terms.credits:
            return JSONResponse(
                {"message": "You have used all your credits. Please upgrade your plan."}, status_code=429
            )
        if self.terms.latency_seconds:
            await self.sleep(self.terms.latency_seconds)
        return None

    async def _trip(self, request: Request) -> Response:
        if refused := await self._begin(request):
            return refused
        asked = _asked(request.path_params)
        if asked is None:
            return JSONResponse({"message": "Invalid parameters"}, status_code=400)
        trouble = troubles.FLIGHTAPI.get(asked.origin)
        path = request.url.path
        self._looks[path] = self._looks.get(path, 0) + 1
        body = trips(
            self.world,
            asked,
            look=self._looks[path] - 1,
            unpriced=trouble is Trouble.UNPRICED,
            dearer=trouble is Trouble.DEARER,
        )
        return await self._troubled(asked.origin, JSONResponse(body))

    async def _tracking(self, request: Request) -> Response:
        if refused := await self._begin(request):
            return refused
        query = request.query_params
        number, day = f"{query.get('name', '').upper()}{query.get('num', '')}", _day(query.get("date", ""))
        flight = self.world.by_number.get(number)
        if day is None:
            return JSONResponse({"message": "Invalid date"}, status_code=400)
        if flight is None:
            return JSONResponse({"message": NO_DETAILS}, status_code=404)
        whole: Any = (
            status.older_tracking(flight, day, self.now())
            if self.terms.older
            else status.newer_tracking([flight], day, self.now())
        )
        return await self._troubled(flight.origin.iata, JSONResponse(whole))

    async def _route(self, request: Request) -> Response:
        if refused := await self._begin(request):
            return refused
        query = request.query_params
        pair, day = (query.get("airport1", ""), query.get("airport2", "")), _day(query.get("date", ""))
        if day is None:
            return JSONResponse({"message": "Invalid date"}, status_code=400)
        flights = self.world.by_pair.get(pair, [])
        whole: Any = (
            status.older_route(flights, day, self.now())
            if self.terms.older
            else status.newer_tracking(flights, day, self.now())
        )
        return await self._troubled(pair[0], JSONResponse(whole))

    async def _board(self, request: Request) -> Response:
        if refused := await self._begin(request):
            return refused
        query = request.query_params
        airport, mode = query.get("iata", ""), query.get("mode", "departures")
        if airport not in self.world.ports:
            return JSONResponse({"message": NO_DETAILS}, status_code=404)
        day = self.now().date() + timedelta(days=int(query.get("day", "1")) - 1)
        page = status.board(self.world.ports[airport], mode, self._at(airport, mode), day, self.now())
        whole = JSONResponse(page if request.url.path.startswith("/schedule") else [page])
        return await self._troubled(airport, whole)

    async def _newer_board(self, request: Request) -> Response:
        if refused := await self._begin(request):
            return refused
        query = request.query_params
        airport, mode = query.get("iata", ""), query.get("mode", "departures")
        day = date(int(query["year"]), int(query["month"]), int(query["day"]))
        page = status.newer_board(self.world.ports[airport], mode, self._at(airport, mode), day)
        return await self._troubled(airport, JSONResponse(page))

    def _at(self, airport: str, mode: str) -> Iterable[Flight]:
        departures = mode.startswith("dep")
        return [
            f
            for f in self.world.flights()
            if airport == (f.origin.iata if departures else f.destination.iata)
        ]

    async def _troubled(self, origin: str, whole: Response) -> Response:
        trouble = troubles.FLIGHTAPI.get(origin)
        match trouble:
            case Trouble.USED_UP:
                return JSONResponse({"message": "Credits exhausted"}, status_code=429)
            case Trouble.RATE_LIMITED:
                # In words that the used up budget has too.
                return JSONResponse(
                    {"message": "Rate limit exceeded. Please upgrade your plan."}, status_code=429
                )
            case Trouble.RESTRICTED:
                return JSONResponse({"message": "Forbidden"}, status_code=403)
            case Trouble.THROTTLED:
                return JSONResponse({"message": "Unauthorized"}, status_code=401)
            case Trouble.GONE:
                return JSONResponse({"message": "Request timeout"}, status_code=410)
            case Trouble.EMPTY:
                return JSONResponse([])
            case Trouble.HTML_AS_200:
                return HTMLResponse(troubles.PAGE)
        return await troubles.common(trouble, whole, self.sleep) or whole


def _day(text: str) -> date | None:
    """A day as `20261124`."""
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 -- a day of the calendar has no zone
    except ValueError:
        return None


def _asked(path: dict[str, Any]) -> Asked | None:
    """What a path asks for; None when the vendor would refuse it."""
    try:
        day, back = (
            date.fromisoformat(path["day"]),
            date.fromisoformat(path["back"]) if "back" in path else None,
        )
        adults, children, infants = (int(path[name]) for name in ("adults", "children", "infants"))
    except ValueError:
        return None
    if adults < 1 or infants > adults or adults + children + infants > 9 or path["cabin"] not in CABINS:
        return None
    if back and back < day:
        return None
    return Asked(
        path["origin"],
        path["destination"],
        day,
        adults,
        children,
        infants,
        path["cabin"],
        path["currency"],
        back,
    )
