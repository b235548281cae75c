"""No failure puts a key into a log line, an exception, stored state or a provider message."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from doubles.faults import AVIATIONSTACK, FLIGHTAPI
from mesh.errors import DomainError
from services.flightdata.model.queries import FlightQuery
from services.flightdata.places import load
from services.flightdata.providers.budgets import Meter, Plan
from services.flightdata.providers.errors import (
    ProviderError,
    ProviderRestricted,
    ProviderUnavailable,
)
from services.flightdata.providers.health import ProviderHealth
from services.flightdata.providers.protocol import Capability, FlightProvider
from services.flightdata.quota.store import MemoryQuotaStore
from services.flightdata.settings import FlightDataSettings
from services.flightdata.vendors.aviationstack.provider import AviationStack
from services.flightdata.vendors.flightapi.provider import FlightApi
from services.flightdata.vendors.learned_restrictions import LearnedRestrictions
from services.flightdata.vendors.vendor_client import KeyedTransport, VendorClient
from services.flightdata.wire.messages import provider as provider_message
from tests.integration.flightdata.vendors.conftest import (
    KEY,
    NOW,
    TODAY,
    OpenAviationStack,
    OpenFlightApi,
    StandingClock,
)

pytestmark = pytest.mark.integration

SPELLINGS = (KEY, quote(KEY, safe=""), quote(KEY), "s3cret")


def _results(error: BaseException | None) -> Iterator[str]:
    """Return everything that an exception and its causes print."""
    while error is not None:
        yield "".join(traceback.format_exception(error))
        yield repr(vars(error))
        yield repr(error.args)
        error = error.__cause__ or error.__context__


def _assert_secret(result: str) -> None:
    assert not [spelling for spelling in SPELLINGS if spelling in result], result


async def _failing(provider: FlightProvider, origins: Iterator[str] | list[str]) -> list[DomainError]:
    failures: list[DomainError] = []
    for origin in origins:
        try:
            await provider.search(FlightQuery((origin,), ("LHR",), TODAY))
        except ProviderError as error:
            failures.append(error)
    return failures


def _client(provider: str, inner: httpx.AsyncBaseTransport, url: str = "http://vendor.test") -> VendorClient:
    http = httpx.AsyncClient(transport=KeyedTransport(KEY, inner))
    return VendorClient(provider, url, KEY, http, timeout_seconds=1)


@pytest.fixture
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger=name)


@pytest.mark.usefixtures("_everything_is_logged")
async def test_no_failure_of_aviationstack_prints_the_key(
    open_aviationstack: OpenAviationStack, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_aviationstack(timeout=1) as (provider, double):
        failures = await _failing(provider, list(AVIATIONSTACK))
    assert len(failures) >= 11
    assert all(query["access_key"] == KEY for _, query in double.calls)
    for failure in failures:
        for result in _results(failure):
            _assert_secret(result)
        health = ProviderHealth(provider.name, StandingClock())
        assert isinstance(failure, ProviderError)
        await health.failed(Capability.SEARCH, failure)
        _assert_secret(str(provider_message(provider, health, NOW)))
    assert any("HTTP Request" in record.getMessage() for record in caplog.records), (
        "httpx's own lines are looked at too"
    )
    _assert_secret(
        "\n".join(
            f"{record.getMessage()} {record.__dict__}"
            for record in caplog.records
            if "uvicorn" not in record.name
        )
    )


@pytest.mark.usefixtures("_everything_is_logged")
async def test_no_failure_of_flightapi_prints_the_key(
    open_flightapi: OpenFlightApi, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_flightapi() as (provider, double):
        failures = await _failing(provider, list(FLIGHTAPI))
        double.terms = type(double.terms)(keys=frozenset())
        failures += await _failing(provider, ["MAA"])
    assert len(failures) >= 8
    for failure in failures:
        for result in _results(failure):
            _assert_secret(result)
    assert any("HTTP Request" in record.getMessage() for record in caplog.records)
    _assert_secret(
        "\n".join(
            f"{record.getMessage()} {record.__dict__}"
            for record in caplog.records
            if "uvicorn" not in record.name
        )
    )


ERRORS = [
    httpx.ConnectError,
    httpx.ReadTimeout,
    httpx.RemoteProtocolError,
    httpx.DecodingError,
    httpx.UnsupportedProtocol,
]


@pytest.mark.parametrize("kind", ERRORS)
async def test_an_exception_of_the_transport_carries_no_request_with_the_key(
    kind: type[httpx.TransportError],
) -> None:
    def fails(request: httpx.Request) -> httpx.Response:
        assert KEY in dict(request.url.params).values(), "the key does go out"
        raise kind(f"failed at {request.url}", request=request)

    with pytest.raises(ProviderUnavailable) as failed:
        await _client("aviationstack", httpx.MockTransport(fails)).get(
            "flights", {"access_key": "vendor-key"}
        )
    for result in _results(failed.value):
        _assert_secret(result)


async def test_a_vendor_that_repeats_the_key_is_not_quoted(clock: StandingClock) -> None:
    def repeats(request: httpx.Request) -> httpx.Response:
        text = f"Invalid key {KEY} or {quote(KEY, safe='')} at {request.url}"
        return httpx.Response(403, json={"error": {"code": text, "message": text}, "message": text})

    provider = AviationStack(
        _client("aviationstack", httpx.MockTransport(repeats)),
        load(),
        clock,
        LearnedRestrictions("a", KEY, clock),
    )
    other = FlightApi(
        _client("flightapi", httpx.MockTransport(repeats)),
        load(),
        clock,
        LearnedRestrictions("f", KEY, clock),
    )
    for failure in (*await _failing(provider, ["MAA"]), *await _failing(other, ["MAA"])):
        for result in _results(failure):
            _assert_secret(result)
    answer = await _client("aviationstack", httpx.MockTransport(repeats)).get(
        "flights", {"access_key": "vendor-key"}
    )
    _assert_secret(repr(answer))


async def test_a_redirect_is_not_followed_with_the_key(clock: StandingClock) -> None:
    asked: list[str] = []

    def elsewhere(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(302, headers={"location": f"http://elsewhere.test/?access_key={KEY}"})

    provider = AviationStack(
        _client("aviationstack", httpx.MockTransport(elsewhere)),
        load(),
        clock,
        LearnedRestrictions("a", KEY, clock),
    )
    (failure,) = await _failing(provider, ["MAA"])
    assert isinstance(failure, ProviderUnavailable)
    assert asked == ["vendor.test"]


async def test_shared_state_and_budget_of_a_key_are_stored_without_it(
    tmp_path: Path, clock: StandingClock
) -> None:
    path = tmp_path / "ledger.json"
    store = MemoryQuotaStore(clock, path)
    await LearnedRestrictions("aviationstack", KEY, clock, store).add("timetable")
    await Meter(
        "aviationstack", KEY, Plan(100, spacing={"timetable": timedelta(minutes=1)}), store, clock
    ).pay("timetable")
    _assert_secret(path.read_text())
    assert str(ProviderRestricted("aviationstack", "timetable"))


def test_settings_print_without_keys() -> None:
    settings = FlightDataSettings(AVIATIONSTACK_API_KEY=KEY, FLIGHTAPI_API_KEY=KEY)  # type: ignore[call-arg]
    assert settings.aviationstack_api_key == settings.flightapi_api_key == KEY
    _assert_secret(repr(settings))
    _assert_secret(str(settings))
