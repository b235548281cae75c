"""FlightAPI.io's endpoints for trips, tracking and boards, with credits, throttling and faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from doubles import faults
from doubles.faults import Fault, Sleep
from doubles.flightapi import tracking
from doubles.flightapi.trips import CABINS, TripRequest, trips
from doubles.serving import utc_now
from doubles.world import World

Handler = Callable[[Request], Awaitable[Response]]
CREDITS = {"onewaytrip": 2, "roundtrip": 2, "airline": 1, "trackbyroute": 1, "schedule": 2, "compschedule": 2}
NO_DETAILS = "No details for your input"


@dataclass(frozen=True, slots=True)
class Terms:
    """The limits of a key, and the response shapes.

    A call within `throttle_seconds` of the last call gets a 401. `older` selects the shapes that were used
    until November 2025.
    """

    keys: frozenset[str] = frozenset({"demo"})
    credits: int = 10_000
    throttle_seconds: float = 0.0
    latency_seconds: float = 0.0
    older: bool = False


@dataclass
class FlightApiDouble:
    """The server. `calls` records each request's path (without the key) and query in order."""

    world: World
    terms: Terms = field(default_factory=Terms)
    now: Callable[[], datetime] = utc_now
    sleep: Sleep = asyncio.sleep
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    used: int = 0
    _last: datetime | None = None
    _requests: dict[str, int] = field(default_factory=dict)

    def app(self) -> Starlette:
        """Return the ASGI app, to be served at the root path."""
        party = "{adults}/{children}/{infants}/{cabin}/{currency}"
        return Starlette(
            routes=[
                Route(path, self._charged(handler))
                for path, handler in {
                    f"/onewaytrip/{{key}}/{{origin}}/{{destination}}/{{day}}/{party}": self._trip,
                    f"/roundtrip/{{key}}/{{origin}}/{{destination}}/{{day}}/{{back}}/{party}": self._trip,
                    "/airline/{key}": self._tracking,
                    "/trackbyroute/{key}": self._route,
                    "/schedule/v2/{key}": self._newer_board,
                    "/schedule/{key}": self._board,
                    "/compschedule/{key}": self._board,
                }.items()
            ]
        )

    def _charged(self, handler: Handler) -> Handler:
        """Wrap a handler; it is called only if the key, the throttle and the credits allow the request."""

        async def handle(request: Request) -> Response:
            return await self._refusal(request) or await handler(request)

        return handle

    async def _refusal(self, request: Request) -> Response | None:
        """Count a call and return the error response if the key, the throttle or the credits refuse it."""
        kind = request.url.path.split("/")[1]
        self.calls.append(
            (request.url.path.replace(f"/{request.path_params['key']}", "", 1), dict(request.query_params))
        )
        if request.path_params["key"] not in self.terms.keys:
            return _message(401, "Unauthorized")
        now, last = self.now(), self._last
        self._last = now
        if last and now - last < timedelta(seconds=self.terms.throttle_seconds):
            return _message(401, "Unauthorized")
        self.used += CREDITS[kind]
        if self.used > self.terms.credits:
            return _message(429, "You have used all your credits. Please upgrade your plan.")
        if self.terms.latency_seconds:
            await self.sleep(self.terms.latency_seconds)
        return None

    async def _trip(self, request: Request) -> Response:
        trip = _trip_request(request.path_params)
        if trip is None:
            return _message(400, "Invalid parameters")
        fault = faults.FLIGHTAPI.get(trip.origin)
        repeats = self._requests.get(request.url.path, 0)
        self._requests[request.url.path] = repeats + 1
        body = trips(
            self.world, trip, repeats=repeats, unpriced=fault is Fault.UNPRICED, dearer=fault is Fault.DEARER
        )
        return await self._with_fault(trip.origin, JSONResponse(body))

    async def _tracking(self, request: Request) -> Response:
        query = request.query_params
        number, day = f"{query.get('name', '').upper()}{query.get('num', '')}", _day(query.get("date", ""))
        flight = self.world.by_number.get(number)
        if day is None:
            return _message(400, "Invalid date")
        if flight is None:
            return _message(404, NO_DETAILS)
        older, newer = tracking.older_tracking, tracking.newer_tracking
        body: Any = older(flight, day, self.now()) if self.terms.older else newer([flight], day, self.now())
        return await self._with_fault(flight.origin.iata, JSONResponse(body))

    async def _route(self, request: Request) -> Response:
        query = request.query_params
        pair, day = (query.get("airport1", ""), query.get("airport2", "")), _day(query.get("date", ""))
        if day is None:
            return _message(400, "Invalid date")
        flights = self.world.by_pair.get(pair, [])
        write: Any = tracking.older_route if self.terms.older else tracking.newer_tracking
        body = write(flights, day, self.now())
        return await self._with_fault(pair[0], JSONResponse(body))

    async def _board(self, request: Request) -> Response:
        query = request.query_params
        airport, mode = query.get("iata", ""), query.get("mode", "departures")
        if airport not in self.world.ports:
            return _message(404, NO_DETAILS)
        day = self.now().date() + timedelta(days=int(query.get("day", "1")) - 1)
        flights = self.world.board(airport, departures=mode == "departures")
        board = tracking.board(self.world.ports[airport], mode, flights, day, self.now())
        body = board if request.url.path.startswith("/schedule") else [board]
        return await self._with_fault(airport, JSONResponse(body))

    async def _newer_board(self, request: Request) -> Response:
        query = request.query_params
        airport, mode = query.get("iata", ""), query.get("mode", "departures")
        day = date(int(query["year"]), int(query["month"]), int(query["day"]))
        flights = self.world.board(airport, departures=mode.startswith("dep"))
        board = tracking.newer_board(self.world.ports[airport], mode, flights, day)
        return await self._with_fault(airport, JSONResponse(board))

    async def _with_fault(self, origin: str, good: Response) -> Response:
        fault = faults.FLIGHTAPI.get(origin)
        match fault:
            case Fault.USED_UP:
                return _message(429, "Credits exhausted")
            case Fault.RATE_LIMITED:
                # The text is the same as for credits that are used up.
                return _message(429, "Rate limit exceeded. Please upgrade your plan.")
            case Fault.RESTRICTED:
                return _message(403, "Forbidden")
            case Fault.GONE:
                return _message(410, "Request timeout")
            case Fault.EMPTY:
                return JSONResponse([])
        return await faults.shared_response(fault, good, self.sleep) or good


def _message(status: int, text: str) -> Response:
    return JSONResponse({"message": text}, status_code=status)


def _day(text: str) -> date | None:
    """Parse a day such as `20261124`; return None if the text is no day."""
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 -- a day of the calendar has no zone
    except ValueError:
        return None


def _trip_request(path: dict[str, Any]) -> TripRequest | None:
    """Parse the path's parameters; return None if the vendor would refuse them."""
    try:
        day = date.fromisoformat(path["day"])
        back = date.fromisoformat(path["back"]) if "back" in path else None
        adults, children, infants = (int(path[name]) for name in ("adults", "children", "infants"))
    except ValueError:
        return None
    if adults < 1 or infants > adults or adults + children + infants > 9 or path["cabin"] not in CABINS:
        return None
    if back and back < day:
        return None
    ends = (path["origin"], path["destination"])
    return TripRequest(*ends, day, adults, children, infants, path["cabin"], path["currency"], back)
