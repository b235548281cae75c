"""What can go wrong with a vendor, chosen by the airport a journey begins at, so that a test or a caller needs no side channel.

"From Oslo" AviationStack answers with a web server's error page and FlightAPI.io answers well; "from Reykjavik" neither can be reached.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

Sleep = Callable[[float], Awaitable[None]]


class Trouble(Enum):
    """How a vendor misbehaves."""

    SLOW = "answers, after a while that nobody waits for"
    DROPPED = "hangs up without an answer"
    CUT = "hangs up in the middle of its JSON"
    HTML = "a gateway's page, 502"
    HTML_AS_200 = "a gateway's page, 200"
    PHP = "text of a PHP failure where the error's code belongs"
    GARBAGE = "JSON that is nothing it ever sends"
    INTERNAL = "an error of its own, 500"
    ERROR_AS_200 = "an error of its own, 200"
    RATE_LIMITED = "asked too often"
    USED_UP = "the budget is used up"
    RESTRICTED = "not in the key's plan"
    REJECTED = "the key is refused"
    THROTTLED = "a 401 that means: not so fast"
    GONE = "a 410 that means: took too long over there"
    EMPTY = "an answer without anything in it, for hours"
    NESTED = "a list in a list, and paging as text"
    UNPRICED = "itineraries that nobody prices"
    DEARER = "a price that rises with every look"


AVIATIONSTACK: Mapping[str, Trouble] = {
    "KEF": Trouble.DROPPED,
    "OSL": Trouble.HTML,
    "HEL": Trouble.PHP,
    "CPH": Trouble.INTERNAL,
    "ARN": Trouble.RATE_LIMITED,
    "VIE": Trouble.USED_UP,
    "ZRH": Trouble.RESTRICTED,
    "BRU": Trouble.CUT,
    "DUB": Trouble.GARBAGE,
    "LIS": Trouble.EMPTY,
    "ATH": Trouble.ERROR_AS_200,
    "WAW": Trouble.NESTED,
    "PRG": Trouble.SLOW,
    "BUD": Trouble.REJECTED,
}
FLIGHTAPI: Mapping[str, Trouble] = {
    "KEF": Trouble.DROPPED,
    "VIE": Trouble.USED_UP,
    "ZRH": Trouble.RESTRICTED,
    "ARN": Trouble.RATE_LIMITED,
    "BRU": Trouble.HTML_AS_200,
    "DUB": Trouble.CUT,
    "LIS": Trouble.EMPTY,
    "WAW": Trouble.UNPRICED,
    "ATH": Trouble.DEARER,
    "BUD": Trouble.GONE,
    "PRG": Trouble.GARBAGE,
}

PAGE = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n"
GARBAGE = {"data": 7, "itineraries": {"a": None}, "flights": "soon", "pagination": []}


class BrokenOff(Response):
    """Promises a whole body and hangs up after `share` of it."""

    def __init__(self, body: bytes, share: float) -> None:
        super().__init__(body, media_type="application/json")
        self._sent = body[: int(len(body) * share)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- as ASGI calls it
        """Sends the head and a part; the server closes the connection of an app that returns too early."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self._sent, "more_body": True})


async def common(trouble: Trouble | None, whole: Response, sleep: Sleep) -> Response | None:
    """What both vendors do alike about a trouble; None where each has a way of its own. `whole` is the good answer."""
    match trouble:
        case Trouble.SLOW:
            await sleep(3600)
            return whole
        case Trouble.DROPPED:
            return BrokenOff(bytes(whole.body), 0)
        case Trouble.CUT:
            return BrokenOff(bytes(whole.body), 0.5)
        case Trouble.HTML:
            return HTMLResponse(PAGE, status_code=502)
        case Trouble.HTML_AS_200:
            return HTMLResponse(PAGE)
        case Trouble.GARBAGE:
            return JSONResponse(GARBAGE)
    return None


def php() -> Response:
    """What a leaked failure of PHP looks like before any JSON."""
    return PlainTextResponse(
        'PHP Warning:  Undefined array key "data" in /var/www/html/index.php on line 42\n'
    )


async def real_sleep(seconds: float) -> None:
    """Waits by the machine's clock."""
    await asyncio.sleep(seconds)
