"""AviationStack's `/flights`, `/timetable` and `/flightsFuture`, with plans, call counters and faults."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from doubles import faults
from doubles.aviationstack.oddities import ODDITIES
from doubles.aviationstack.rows import Row, flight_row, flight_rows, future_rows, timetable_rows
from doubles.faults import Fault, Sleep
from doubles.serving import real_sleep, utc_now
from doubles.world import Carrier, World

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

    `seconds_between` is the rate limit of `/timetable` and `/flightsFuture`: 60 on the free plan, 10 on paid
    ones.
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
    sleep: Sleep = real_sleep
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _last: dict[str, datetime] = field(default_factory=dict)
    _used: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def app(self) -> Starlette:
        """Return the ASGI app, to be served at the root path."""
        return Starlette(
            routes=[Route("/v1/{path:path}", self._respond), Route("/{path:path}", self._respond)]
        )

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
        return JSONResponse(
            {"error": {"code": code, "message": message}}, status_code=200 if as_200 else status
        )

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
        days = (
            [date.fromisoformat(query["flight_date"])]
            if "flight_date" in query
            else [now.date() - timedelta(days=1), now.date()]
        )
        for flight in self._matching(query, number):
            for day in days:
                rows = flight_rows(flight, day, now)
                # A search by number returns that number's own row, even if route searches withhold it.
                if number:
                    carrier = next(
                        c
                        for c, n in ((flight.carrier, flight.number), *flight.sold_by)
                        if f"{c.iata}{n}" == number
                    )
                    rows = iter([flight_row(flight, day, now, carrier, int(number[2:]))])
                yield from (row for row in rows if query.get("flight_status") in (None, row["flight_status"]))

    def _matching(self, query: Mapping[str, str], number: str) -> Iterable[Any]:
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
        ODDITIES[number](row, now)
        return row

    def _timetable(self, query: Mapping[str, str]) -> list[Row] | Response:
        kind, airport = query.get("type", "departure"), query.get("iataCode", "").upper()
        board = self.world.board(airport, departures=kind == "departure")
        today = self.now().date()
        rows = [row for flight in board for row in timetable_rows(flight, today, self.now(), kind)]
        if rows:
            return rows
        # Without rows, the vendor sends an object in place of the list.
        paging = {"limit": None, "offset": None, "count": 0, "total": 0}
        return JSONResponse({"pagination": paging, "data": {"error": "No Record Found", "success": False}})

    def _future(self, query: Mapping[str, str]) -> list[Row] | Response:
        kind, airport = query.get("type", "departure"), query.get("iataCode", "").upper()
        day = date.fromisoformat(query["date"])
        if not 1 <= (day - self.now().date()).days <= self.terms.future_days + 1:
            context = {
                "date": [{"key": "date_out_of_range", "message": "The date is outside the supported window."}]
            }
            return JSONResponse(
                {"error": {"code": "validation_error", "message": "Request failed.", "context": context}},
                status_code=422,
            )
        board = self.world.board(airport, departures=kind == "departure")
        return [row for flight in board for row in future_rows(flight, day)]

    def _page(self, rows: list[Row], query: Mapping[str, str], path: str) -> Response:
        if path == "timetable":
            return JSONResponse(
                {
                    "pagination": {"limit": 100, "offset": 0, "count": len(rows), "total": len(rows)},
                    "data": rows,
                }
            )
        limit, offset = min(int(query.get("limit", "100")), 100), int(query.get("offset", "0"))
        page = rows[offset : offset + limit]
        paging: dict[str, Any] = {"limit": limit, "offset": offset, "count": len(page), "total": len(rows)}
        if self.terms.paging_as_text:
            paging |= {"limit": str(limit), "offset": None}
        return JSONResponse({"pagination": paging, "data": page})

    async def _with_fault(self, query: Mapping[str, str], good: Response) -> Response:
        fault = faults.AVIATIONSTACK.get((query.get("dep_iata") or query.get("iataCode") or "").upper())
        match fault:
            case Fault.PHP:
                leaked = {
                    "error": {
                        "code": "Undefined array key 1 in /var/www/html/app.php on line 42",
                        "message": "Trying to access",
                    }
                }
                return JSONResponse(leaked, status_code=500)
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
                return JSONResponse(
                    {"pagination": {"limit": 100, "offset": 0, "count": 0, "total": 0}, "data": []}
                )
            case Fault.NESTED:
                return JSONResponse(_nested(bytes(good.body)))
        return await faults.shared_response(fault, good, self.sleep) or good


def _nested(body: bytes) -> dict[str, Any]:
    """Return the response with its list inside a list, and with text and null as paging numbers."""
    data = json.loads(body)["data"]
    return {
        "pagination": {"limit": "100", "offset": None, "count": len(data), "total": 10000},
        "data": [data],
    }
