"""Malformed headers and numbers of a vendor are harmless."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from services.flightdata.model.queries import FlightQuery
from services.flightdata.model.search_results import Found
from services.flightdata.providers.errors import ProviderRateLimited
from services.flightdata.vendors.aviationstack.responses import is_full, rows
from services.flightdata.vendors.vendor_client import VendorAnswer
from tests.unit.flightdata.vendors.recorded import client, flightapi, flightapi_over, recorded

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
HOUR = 3600.0
DATE = "Mon, 23 Nov 2026 03:30:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "86400"}, HOUR),
        ({"retry-after": "1766000000"}, HOUR),
        ({"retry-after": "1766000000000"}, HOUR),
        ({"retry-after": "9" * 400}, HOUR),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 03:30:20 GMT", "date": DATE}, 20.0),
        ({"retry-after": "Mon, 23 Nov 2026 03:29:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Tue, 23 Nov 2027 03:30:00 GMT", "date": DATE}, HOUR),
        ({"retry-after": "Mon, 23 Nov 2026 03:30:20 GMT"}, None),
        ({"retry-after": "Mon, 99 Nov 2026 03:30:20 GMT", "date": DATE}, None),
        ({"retry-after": "Mon, 23 Nov 2026 03:30:20", "date": DATE}, None),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_wait_is_read_in_both_of_its_forms_and_lasts_an_hour_at_most(
    headers: dict[str, str], seconds: float | None
) -> None:
    vendor = client(
        "flightapi", lambda _: httpx.Response(429, json={"message": "slow down"}, headers=headers)
    )
    assert (await vendor.get("airline", {})).retry_after == seconds


async def test_a_retry_after_of_decades_is_limited_to_an_hour() -> None:
    limited = httpx.Response(429, json={"message": "slow down"}, headers={"retry-after": "1766000000000"})
    with pytest.raises(ProviderRateLimited) as failed:
        await flightapi_over(lambda _: limited, NOW).status("AI542", NOW.date())
    assert failed.value.retry_after == timedelta(hours=1)


async def _priced(amount: Any) -> Found:
    """Return the recorded trip with another price."""
    body = recorded("flightapi", "onewaytrip")
    for itinerary in body["itineraries"]:
        for option in itinerary["pricing_options"]:
            option["price"] = {"amount": amount}
    query = FlightQuery(("HEL",), ("OUL",), datetime(2024, 5, 20, tzinfo=UTC).date(), currency="USD")
    return await flightapi(json.dumps(body).encode(), NOW).search(query)


@pytest.mark.parametrize(
    "amount",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        "NaN",
        "sNaN",
        "-NaN",
        "Infinity",
        "1e400",
        "1e-400",
        10**400,
        0,
        -5,
        True,
        None,
        [],
        "",
        "a",
    ],
    ids=lambda value: str(value)[:20],
)
async def test_an_invalid_amount_is_no_offer_and_keeps_the_flight(amount: Any) -> None:
    found = await _priced(amount)
    assert (len(found.itineraries), list(found.offers)) == (1, [])


async def test_an_amount_is_read_as_it_was_written() -> None:
    for amount in (52.1, "52.10"):
        assert {offer.fare.total.amount for offer in (await _priced(amount)).offers} == {Decimal("52.10")}


@pytest.mark.parametrize(
    ("data", "full"),
    [
        ([{"x": 1}] * 100, True),
        ([{"x": 1}] * 99, False),
        ([[{"x": 1}] * 100], True),
        ([[{"x": 1}] * 60, [{"x": 1}] * 40], True),
        ([[{"x": 1}] * 99], False),
        ([[{"x": 1}] * 99 + [None]], True),
        ([], False),
    ],
    ids=[
        "flat",
        "flat and short",
        "nested",
        "nested twice",
        "nested and short",
        "nested with one that is none",
        "empty",
    ],
)
def test_a_page_is_full_in_every_shape_its_rows_are_read_in(data: list[Any], full: bool) -> None:
    answer = VendorAnswer(200, {"data": data}, "")
    assert is_full(answer, 100) is full
    assert len(rows(answer, "flights", NOW)) <= 100
