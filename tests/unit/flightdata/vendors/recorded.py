"""The recorded responses, and adapters that receive them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from services.flightdata.places import load
from services.flightdata.providers.budgets import Meter, Plan
from services.flightdata.quota.store import MemoryQuotaStore
from services.flightdata.vendors.aviationstack.provider import AviationStack
from services.flightdata.vendors.flightapi.provider import FlightApi
from services.flightdata.vendors.learned_restrictions import LearnedRestrictions
from services.flightdata.vendors.vendor_client import NOT_JSON, KeyedTransport, VendorAnswer, VendorClient

FIXTURES = Path(__file__).with_name("fixtures")
KEY = "a-key"


class WakefulClock:
    """A clock that stands still; sleeping returns immediately."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Return immediately."""


def recorded(vendor: str, name: str) -> Any:
    """Load a recorded body."""
    return json.loads((FIXTURES / vendor / f"{name}.json").read_text(encoding="utf-8"))


def answer_of(case: dict[str, Any]) -> VendorAnswer:
    """Return a recorded error as the client's response."""
    text = case["text"] if "text" in case else json.dumps(case["body"])
    try:
        body = json.loads(text)
    except ValueError:
        body = NOT_JSON
    return VendorAnswer(case["status"], body, text)


Answering = Callable[[httpx.Request], httpx.Response]


def client(vendor: str, answering: Answering, meter: Meter | None = None) -> VendorClient:
    """Return a client with this response handler."""
    transport = httpx.MockTransport(answering)
    return VendorClient(
        vendor,
        "http://vendor.test",
        KEY,
        httpx.AsyncClient(transport=KeyedTransport(KEY, transport)),
        5,
        meter,
    )


def _always(body: bytes, status: int) -> Answering:
    return lambda _: httpx.Response(status, content=body)


def aviationstack(body: bytes, now: datetime, status: int = 200, plan: Plan | None = None) -> AviationStack:
    """Return an adapter that always receives this response."""
    clock = WakefulClock(now)
    meter = Meter("aviationstack", KEY, plan, MemoryQuotaStore(clock), clock) if plan else None
    return AviationStack(
        client("aviationstack", _always(body, status), meter),
        load(),
        clock,
        LearnedRestrictions("aviationstack", KEY, clock),
    )


def flightapi(body: bytes, now: datetime, status: int = 200) -> FlightApi:
    """Return an adapter that always receives this response."""
    return flightapi_over(_always(body, status), now)


def flightapi_over(answering: Answering, now: datetime) -> FlightApi:
    """Return an adapter with this response handler."""
    clock = WakefulClock(now)
    return FlightApi(
        client("flightapi", answering), load(), clock, LearnedRestrictions("flightapi", KEY, clock)
    )
