"""Asking a vendor over HTTP: one GET, whatever comes back read once and bounded, or a typed failure to get anything at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from services.flightdata.providers.budgets import Meter
from services.flightdata.providers.errors import ProviderBadAnswer, ProviderUnavailable
from services.flightdata.vendors.keyed_transport import KeyedTransport, without_key

MOST_BYTES = 16 * 1024 * 1024
"""No answer is read beyond this: the largest seen, 229 priced itineraries, has a tenth of it."""
CONNECT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 3600.0
"""No vendor is left alone for longer because of a header: a moment since 1970 in the place of seconds would mean decades."""
NOT_JSON = object()
"""The body of an answer that is no JSON: HTML of a gateway, text of PHP, or a cut one."""


@dataclass(frozen=True, slots=True)
class VendorAnswer:
    """What a vendor sent: `body` is parsed JSON or `NOT_JSON`; `text` is the beginning of what it wrote, without the key.

    `retry_after` is in seconds, an hour at most; None when nothing that can be read was said.
    """

    status: int
    body: Any
    text: str
    retry_after: float | None = None

    @property
    def looks_like_html(self) -> bool:
        """Whether a gateway or a web server answered in the vendor's place."""
        return self.text.lstrip()[:1] == "<"


class VendorClient:
    """GETs of one vendor with one key. URLs hold `keyed_transport.PLACEHOLDER` where the key goes."""

    def __init__(
        self,
        provider: str,
        base_url: str,
        key: str,
        http: httpx.AsyncClient,
        timeout_seconds: float,
        meter: Meter | None = None,
    ) -> None:
        """`http` sends through a `KeyedTransport` for the same key; see `vendor_client`. Without a `meter` nothing is counted."""
        self._provider = provider
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._http = http
        self._timeout_seconds = timeout_seconds
        self._meter = meter

    async def get(self, path: str, query: Mapping[str, str]) -> VendorAnswer:
        """What the vendor answers, whatever its status.

        Raises:
            ProviderUnavailable: it can't be reached, is too slow, or breaks off.
            ProviderBadAnswer: it sends more than anybody reads.
            ProviderQuotaExhausted, ProviderRateLimited: the key's plan doesn't allow another call; none was made.
        """
        if self._meter:
            await self._meter.pay(path.partition("/")[0])
        problem = ""
        try:
            # httpx waits for each byte anew: a vendor that drips would never end.
            async with asyncio.timeout(self._timeout_seconds):
                return await self._get(path, query)
        except (TimeoutError, httpx.TimeoutException):
            problem = "took too long to answer"
        except httpx.ConnectError:
            problem = "can't be reached"
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, UnicodeError) as error:
            problem = f"broke off ({type(error).__name__})"
        # Raised out here, so that not even the chain of exceptions holds what httpx knew.
        raise ProviderUnavailable(self._provider, problem)

    async def _get(self, path: str, query: Mapping[str, str]) -> VendorAnswer:
        async with self._http.stream("GET", f"{self._base_url}/{path}", params=dict(query)) as response:
            text = without_key(await self._text(response), self._key)
            return VendorAnswer(
                response.status_code, _parsed(text), text[:500], _retry_after(response.headers)
            )

    async def _text(self, response: httpx.Response) -> str:
        read = bytearray()
        async for chunk in response.aiter_bytes():
            read += chunk
            if len(read) > MOST_BYTES:
                raise ProviderBadAnswer(self._provider, f"sent more than {MOST_BYTES} bytes")
        return read.decode("utf-8", errors="replace")


@asynccontextmanager
async def vendor_client(
    provider: str, base_url: str, key: str, *, timeout_seconds: float, meter: Meter | None = None
) -> AsyncIterator[VendorClient]:
    """A client whose connections are closed at the end. `timeout_seconds` is for an answer as a whole; `meter` pays for each call."""
    timeout = httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds))
    # Proxies of the environment would be handed the key; redirects would carry it to another host.
    transport = KeyedTransport(key, httpx.AsyncHTTPTransport(trust_env=False))
    async with httpx.AsyncClient(
        transport=transport, timeout=timeout, follow_redirects=False, trust_env=False
    ) as http:
        yield VendorClient(provider, base_url, key, http, timeout_seconds, meter)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return NOT_JSON


def _retry_after(headers: httpx.Headers) -> float | None:
    """RFC 9110's seconds or its date, which is counted from the answer's own `Date`: so no clock but the vendor's matters."""
    said = headers.get("retry-after", "").strip()
    seconds = float(said) if said.isascii() and said.isdigit() else _between(headers.get("date", ""), said)
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)


def _between(earlier: str, later: str) -> float | None:
    """Seconds from one HTTP date to another; None when either is none."""
    try:
        return (parsedate_to_datetime(later) - parsedate_to_datetime(earlier)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
