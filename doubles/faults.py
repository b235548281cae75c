"""Vendor faults, selected by the departure airport, so that tests and callers need no side channel.

For flights from Oslo, AviationStack sends a web server's error page, and FlightAPI.io a good answer. For
flights from Reykjavik, both close the connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

Sleep = Callable[[float], Awaitable[None]]


class Fault(Enum):
    """A way in which a vendor fails."""

    SLOW = "answers after every client has timed out"
    DROPPED = "closes the connection without an answer"
    CUT = "closes the connection in the middle of the JSON"
    HTML = "a gateway's error page with status 502"
    HTML_AS_200 = "a gateway's error page with status 200"
    PHP = "a PHP error message in place of the error code"
    GARBAGE = "valid JSON in no documented shape"
    INTERNAL = "an internal error with status 500"
    ERROR_AS_200 = "an internal error with status 200"
    RATE_LIMITED = "the rate limit is exceeded"
    USED_UP = "the budget is used up"
    RESTRICTED = "the key's plan doesn't include the endpoint"
    REJECTED = "the key is rejected"
    GONE = "a 410 that means: timed out upstream"
    EMPTY = "an empty answer every time"
    NESTED = "a list inside a list, and paging numbers as text"
    UNPRICED = "itineraries without prices"
    DEARER = "a price that rises with every request"


AVIATIONSTACK: Mapping[str, Fault] = {
    "KEF": Fault.DROPPED,
    "OSL": Fault.HTML,
    "HEL": Fault.PHP,
    "CPH": Fault.INTERNAL,
    "ARN": Fault.RATE_LIMITED,
    "VIE": Fault.USED_UP,
    "ZRH": Fault.RESTRICTED,
    "BRU": Fault.CUT,
    "DUB": Fault.GARBAGE,
    "LIS": Fault.EMPTY,
    "ATH": Fault.ERROR_AS_200,
    "WAW": Fault.NESTED,
    "PRG": Fault.SLOW,
    "BUD": Fault.REJECTED,
}
FLIGHTAPI: Mapping[str, Fault] = {
    "KEF": Fault.DROPPED,
    "VIE": Fault.USED_UP,
    "ZRH": Fault.RESTRICTED,
    "ARN": Fault.RATE_LIMITED,
    "BRU": Fault.HTML_AS_200,
    "DUB": Fault.CUT,
    "LIS": Fault.EMPTY,
    "WAW": Fault.UNPRICED,
    "ATH": Fault.DEARER,
    "BUD": Fault.GONE,
    "PRG": Fault.GARBAGE,
}

ERROR_PAGE = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
    "<body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n"
)
GARBAGE = {"data": 7, "itineraries": {"a": None}, "flights": "soon", "pagination": []}


class TruncatedResponse(Response):
    """A response that declares its full length, but ends after a `share` of its body."""

    def __init__(self, body: bytes, share: float) -> None:
        super().__init__(body, media_type="application/json")
        self._sent = body[: int(len(body) * share)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- ASGI's signature
        """Send the head and part of the body. The server closes the connection when the app returns early."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self._sent, "more_body": True})


async def shared_response(fault: Fault | None, good: Response, sleep: Sleep) -> Response | None:
    """Return the response to a fault of both vendors, else None. `good` is the response without it."""
    match fault:
        case Fault.SLOW:
            await sleep(3600)
            return good
        case Fault.DROPPED:
            return TruncatedResponse(bytes(good.body), 0)
        case Fault.CUT:
            return TruncatedResponse(bytes(good.body), 0.5)
        case Fault.HTML:
            return HTMLResponse(ERROR_PAGE, status_code=502)
        case Fault.HTML_AS_200:
            return HTMLResponse(ERROR_PAGE)
        case Fault.GARBAGE:
            return JSONResponse(GARBAGE)
    return None
