"""HTTP client for vendors: GET requests with limits of size and time, and typed errors.

Both vendors expect their key in the URL. URLs are written to logs, exceptions and traces. So requests contain
a placeholder, and only the transport replaces it by the key.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx

from mesh.calling.proxy_variables import proxy_for
from services.flightdata.providers.budgets import Meter
from services.flightdata.providers.errors import ProviderBadAnswer, ProviderUnavailable

PLACEHOLDER = "vendor-key"
"""The text in a URL that the transport replaces by the key."""
MOST_BYTES = 16 * 1024 * 1024
"""Maximum size of a response. The largest known response, with 229 itineraries, has a tenth of this size."""
CONNECT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 3600.0
"""Limit on `Retry-After`. A vendor that sends a Unix time in place of seconds would make us wait decades."""
NOT_JSON = object()
"""`VendorAnswer.body` of a response that isn't JSON, for example a gateway's HTML or a truncated response."""


class KeyedTransport(httpx.AsyncBaseTransport):
    """A transport that replaces the placeholder in the path and the query by the key."""

    def __init__(self, key: str, inner: httpx.AsyncBaseTransport) -> None:
        self._key = quote(key, safe="").encode()
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a copy of the request with the key.

        Errors are raised by the inner transport and contain no URL.
        """
        target = request.url.raw_path.replace(PLACEHOLDER.encode(), self._key)
        keyed = httpx.Request(
            request.method,
            request.url.copy_with(raw_path=target),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return await self._inner.handle_async_request(keyed)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


@dataclass(frozen=True, slots=True)
class VendorAnswer:
    """A vendor's response.

    `body` is the parsed JSON or `NOT_JSON`. `text` is the first 500 characters, without the key.
    `retry_after` is in seconds, at most an hour; None if the header is missing or malformed.
    """

    status: int
    body: Any
    text: str
    retry_after: float | None = None

    @property
    def looks_like_html(self) -> bool:
        """True if a gateway or web server answered in place of the vendor's API."""
        return self.text.lstrip()[:1] == "<"


@dataclass(frozen=True, slots=True)
class VendorClient:
    """GET requests to one vendor with one key.

    Paths and queries contain `PLACEHOLDER` in place of the key, so `http` must use a `KeyedTransport` with
    the same key. Without a `meter`, calls aren't charged.
    """

    provider: str
    base_url: str
    key: str = field(repr=False)
    http: httpx.AsyncClient
    timeout_seconds: float
    meter: Meter | None = None

    async def get(self, path: str, query: Mapping[str, str]) -> VendorAnswer:
        """Charge a call to the budget, send it, and return the response, whatever its status is.

        Raises:
            ProviderUnavailable: the vendor is unreachable or too slow, or it disconnects.
            ProviderBadAnswer: the response is too large.
            ProviderQuotaExhausted, ProviderRateLimited: the budget doesn't allow the call; it wasn't sent.
        """
        if self.meter:
            await self.meter.pay(path.partition("/")[0])
        problem = ""
        try:
            # httpx's timeout restarts with each byte, so a slow response could take any time.
            async with asyncio.timeout(self.timeout_seconds):
                return await self._get(path, query)
        except (TimeoutError, httpx.TimeoutException):
            problem = "took too long to answer"
        except httpx.ConnectError:
            problem = "can't be reached"
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, UnicodeError) as error:
            problem = f"disconnected ({type(error).__name__})"
        # Raise outside the handler, so that the exception chain doesn't contain httpx's request.
        raise ProviderUnavailable(self.provider, problem)

    async def _get(self, path: str, query: Mapping[str, str]) -> VendorAnswer:
        async with self.http.stream(
            "GET", f"{self.base_url.rstrip('/')}/{path}", params=dict(query)
        ) as response:
            text = _without_key(await self._text(response), self.key)
            retry_after = _retry_after(response.headers)
            return VendorAnswer(response.status_code, _parsed(text), text[:500], retry_after)

    async def _text(self, response: httpx.Response) -> str:
        read = bytearray()
        async for chunk in response.aiter_bytes():
            read += chunk
            if len(read) > MOST_BYTES:
                raise ProviderBadAnswer(self.provider, f"sent more than {MOST_BYTES} bytes")
        return read.decode("utf-8", errors="replace")


@asynccontextmanager
async def vendor_client(
    provider: str, base_url: str, key: str, *, timeout_seconds: float, meter: Meter | None = None
) -> AsyncIterator[VendorClient]:
    """Open a client, and close its connections when the context ends.

    `timeout_seconds` limits the time of a complete response. Each call is charged to `meter`.

    Raises:
        ConfigurationError: the environment names a proxy that can't be used.
    """
    timeout = httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds))
    # The key must not be sent to the target of a redirect. A proxy tunnels TLS, so it sees only the host.
    inner = httpx.AsyncHTTPTransport(trust_env=False, proxy=proxy_for(base_url))
    transport = KeyedTransport(key, inner)
    async with httpx.AsyncClient(
        transport=transport, timeout=timeout, follow_redirects=False, trust_env=False
    ) as http:
        yield VendorClient(provider, base_url, key, http, timeout_seconds, meter)


def _without_key(text: str, key: str) -> str:
    """Remove the key from a response, because both vendors repeat it in error messages."""
    for spelling in {key, quote(key, safe="")}:
        text = text.replace(spelling, "[key]")
    return text


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return NOT_JSON


def _retry_after(headers: httpx.Headers) -> float | None:
    """Return the time in a `Retry-After` header (RFC 9110), in seconds.

    A date is compared with the response's own `Date`, in case the vendor's clock is wrong.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        seconds = float(value)
    else:
        try:
            wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
        except (ValueError, TypeError, OverflowError):
            return None
        seconds = wait.total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)
