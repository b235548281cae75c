"""AviationStack's `/flights`, `/timetable` and `/flightsFuture`, with plans, call counters and faults."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from doubles import faults
from doubles.aviationstack.oddities import ODDITIES
from doubles.aviationstack.rows import Row, flight_row, flight_rows, future_rows, timetable_rows
from doubles.faults import Fault, Sleep
from doubles.serving import utc_now
from doubles.world import Carrier, Flight, World

MESSAGES = {
    "missing_access_key": (
        401,
        "You have not supplied an API Access Key. [Required format: access_key=YOUR_ACCESS_KEY]",
    ),
    "invalid_access_key": (401, "You have not supplied a valid API Access Key."),
    "function_access_restricted": (403, "Your current subscription plan does not support this API function."),
    "usage_limit_reached": (
        429,
        "Your monthly usage limit has been reached. Please upgrade your Subscription Plan.",
    ),
    "rate_limit_reached": (
        429,
        "You have exceeded the maximum rate limitation allowed on your subscription plan.",
    ),
    "internal_error": (500, "Something went wrong on our end while processing the request."),
    "404_not_found": (404, "Route not found"),
}
PAID_ONLY = frozenset({"routes", "airports", "airlines", "cities"})
ICELANDAIR = Carrier("FI", "Icelandair", "ICE")


@dataclass(frozen=True, slots=True)
class Terms:
    """The limits of a plan.

    `seconds_between` is the minimum interval of calls to `/timetable` and `/flightsFuture`: 60 s on the free
    plan, 10 s on paid plans.
    """

    keys: frozenset[str] = frozenset({"demo"})
    free: bool = True
    monthly: int = 10_000
    seconds_between: float = 0.0
    future_days: int = 365
    errors_as_200: bool = False
    paging_as_text: bool = False


@dataclass
class AviationStackDouble:
    """The server. `calls` records each request's path and query in order."""

    world: World
    terms: Terms = field(default_factory=Terms)
    now: Callable[[], datetime] = utc_now
    sleep: Sleep = asyncio.sleep
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _last: dict[str, datetime] = field(default_factory=dict)
    _used: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def app(self) -> Starlette:
        """Return the ASGI app, to be served at the root path."""
        return Starlette(routes=[Route(f"{root}/{{path:path}}", self._respond) for root in ("/v1", "")])

    async def _respond(self, request: Request) -> Response:
        path, query = request.path_params["path"], dict(request.query_params)
        self.calls.append((path, query))
        as_200 = self.terms.errors_as_200 or request.headers.get("x-double") == "errors-as-200"
        if code := self._error_code(path, query):
            return self.error(code, as_200=as_200)
        rows = self._rows(path, query)
        if isinstance(rows, Response):
            return rows
        return await self._with_fault(query, self._page(rows, query, path))

    def _error_code(self, path: str, query: Mapping[str, str]) -> str:
        """Return the error code that the key or the plan causes; empty if the request is allowed."""
        key = query.get("access_key", "")
        if key not in self.terms.keys:
            return "invalid_access_key" if key else "missing_access_key"
        if self.terms.free and (path in PAID_ONLY or "flight_date" in query):
            return "function_access_restricted"
        self._used[key] += 1
        if self._used[key] > self.terms.monthly:
            return "usage_limit_reached"
        return "rate_limit_reached" if path in {"timetable", "flightsFuture"} and self._too_soon(path) else ""

    def _too_soon(self, path: str) -> bool:
        now, last = self.now(), self._last.get(path)
        if last and now - last < timedelta(seconds=self.terms.seconds_between):
            return True
        self._last[path] = now
        return False

    def error(self, code: str, *, as_200: bool = False) -> Response:
        """Return an error in the vendor's format."""
        status, message = MESSAGES[code]
        return _error(200 if as_200 else status, code, message)

    def _rows(self, path: str, query: Mapping[str, str]) -> list[Row] | Response:
        match path:
            case "flights":
                return list(self._flights(query))
            case "timetable":
                return self._timetable(query)
            case "flightsFuture":
                return self._future(query)
        return self.error("404_not_found")

    def _flights(self, query: Mapping[str, str]) -> Iterable[Row]:
        now = self.now()
        number = query.get("flight_iata", "").upper()
        if number in ODDITIES:
            yield self._oddity(number, now)
            return
        days = [now.date() - timedelta(days=1), now.date()]
        if "flight_date" in query:
            days = [date.fromisoformat(query["flight_date"])]
        for flight, day in product(self._matching(query, number), days):
            rows = flight_rows(flight, day, now)
            # A search by number returns that number's own row, even if route searches withhold it.
            if number:
                carrier = next(c for c, n in flight.numbers if f"{c.iata}{n}" == number)
                rows = iter([flight_row(flight, day, now, carrier, int(number[2:]))])
            yield from (row for row in rows if query.get("flight_status") in (None, row["flight_status"]))

    def _matching(self, query: Mapping[str, str], number: str) -> list[Flight]:
        if number:
            return [self.world.by_number[number]] if number in self.world.by_number else []
        origin, destination = query.get("dep_iata", "").upper(), query.get("arr_iata", "").upper()
        if origin and destination:
            return self.world.by_pair.get((origin, destination), [])
        return [
            f
            for f in self.world.flights()
            if origin in ("", f.origin.iata) and destination in ("", f.destination.iata)
        ]

    def _oddity(self, number: str, now: datetime) -> Row:
        flight = self.world.by_pair["CDG", "LHR"][0]
        row = flight_row(flight, now.date(), now, ICELANDAIR, int(number[2:]))
        row["flight"]["codeshared"] = None
        ODDITIES[number].apply(row, now)
        return row

    def _timetable(self, query: Mapping[str, str]) -> list[Row] | Response:
        kind, now = query.get("type", "departure"), self.now()
        rows = [row for flight in self._board(query) for row in timetable_rows(flight, now.date(), now, kind)]
        # If there are no rows, the vendor sends an object instead of a list.
        empty = {"error": "No Record Found", "success": False}
        return rows or _paged(empty, limit=None, offset=None, count=0, total=0)

    def _future(self, query: Mapping[str, str]) -> list[Row] | Response:
        day = date.fromisoformat(query["date"])
        if not 1 <= (day - self.now().date()).days <= self.terms.future_days + 1:
            outside = {"key": "date_out_of_range", "message": "The date is outside the supported window."}
            return _error(422, "validation_error", "Request failed.", context={"date": [outside]})
        return [row for flight in self._board(query) for row in future_rows(flight, day)]

    def _board(self, query: Mapping[str, str]) -> list[Flight]:
        departures = query.get("type", "departure") == "departure"
        return self.world.board(query.get("iataCode", "").upper(), departures=departures)

    def _page(self, rows: list[Row], query: Mapping[str, str], path: str) -> Response:
        if path == "timetable":
            return _paged(rows, limit=100, offset=0, count=len(rows), total=len(rows))
        limit, offset = min(int(query.get("limit", "100")), 100), int(query.get("offset", "0"))
        page = rows[offset : offset + limit]
        count, total = len(page), len(rows)
        if self.terms.paging_as_text:
            return _paged(page, limit=str(limit), offset=None, count=count, total=total)
        return _paged(page, limit=limit, offset=offset, count=count, total=total)

    async def _with_fault(self, query: Mapping[str, str], good: Response) -> Response:
        fault = faults.AVIATIONSTACK.get((query.get("dep_iata") or query.get("iataCode") or "").upper())
        match fault:
            case Fault.PHP:
                leaked = "Undefined array key 1 in /var/www/html/app.php on line 42"
                return _error(500, leaked, "Trying to access")
            case Fault.INTERNAL | Fault.ERROR_AS_200:
                return self.error("internal_error", as_200=fault is Fault.ERROR_AS_200)
            case Fault.RATE_LIMITED:
                return self.error("rate_limit_reached")
            case Fault.USED_UP:
                return self.error("usage_limit_reached")
            case Fault.RESTRICTED:
                return self.error("function_access_restricted")
            case Fault.REJECTED:
                return JSONResponse({"message": "Unauthorized"}, status_code=401)
            case Fault.EMPTY:
                return _paged([], limit=100, offset=0, count=0, total=0)
            case Fault.NESTED:
                # The list is inside a list, and the paging numbers are text and null.
                data = json.loads(bytes(good.body))["data"]
                return _paged([data], limit="100", offset=None, count=len(data), total=10000)
        return await faults.shared_response(fault, good, self.sleep) or good


def _paged(data: Any, **paging: Any) -> Response:
    return JSONResponse({"pagination": paging, "data": data})


def _error(status: int, code: str, message: str, **details: Any) -> Response:
    return JSONResponse({"error": {"code": code, "message": message, **details}}, status_code=status)
