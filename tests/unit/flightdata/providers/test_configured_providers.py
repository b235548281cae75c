"""The settings determine the providers; without any, there is only the sample."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mesh.settings import ConfigurationError, load
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.configured_providers import configured_providers
from services.flightdata.quota.store import MemoryQuotaStore
from services.flightdata.settings import FlightDataSettings
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ({}, ["sample-timetable"]),
        ({"AVIATIONSTACK_API_KEY": "a"}, ["aviationstack"]),
        ({"FLIGHTAPI_API_KEY": "f"}, ["flightapi"]),
        ({"FLIGHTAPI_API_KEY": "f", "AVIATIONSTACK_API_KEY": "a"}, ["aviationstack", "flightapi"]),
    ],
)
async def test_providers_are_those_with_a_key_in_their_order(
    tmp_path: Path, lexicon: Lexicon, keys: dict[str, str], names: list[str]
) -> None:
    settings = load(FlightDataSettings, home=tmp_path, **keys)
    clock = SimulatedClock(datetime(2026, 11, 23, tzinfo=UTC))
    async with configured_providers(settings, lexicon, clock, MemoryQuotaStore(clock)) as (providers, health):
        assert list(health) == names
        assert [provider.name for provider in providers] == names
        assert [provider.is_sample for provider in providers] == [
            name == "sample-timetable" for name in names
        ]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"AVIATIONSTACK_BASE_URL": "api.aviationstack.com"}, "AVIATIONSTACK_BASE_URL"),
        ({"FLIGHTAPI_BASE_URL": "ftp://elsewhere"}, "FLIGHTAPI_BASE_URL"),
        ({"AVIATIONSTACK_API_KEY": " a key "}, "AVIATIONSTACK_API_KEY"),
        ({"FLIGHTAPI_API_KEY": "kéy"}, "FLIGHTAPI_API_KEY"),
        ({"aviationstack_timeout_seconds": 0}, "READBACK_AVIATIONSTACK_TIMEOUT_SECONDS"),
    ],
)
def test_a_wrong_setting_is_named_and_a_key_is_not_repeated(
    tmp_path: Path, wrong: dict[str, str], named: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(FlightDataSettings, home=tmp_path, **wrong)
    assert named in str(refused.value)
    assert "kéy" not in str(refused.value)
    assert " a key " not in str(refused.value)


def test_a_base_url_may_be_of_the_vendors_second_host(tmp_path: Path) -> None:
    second = "https://api.apilayer.net/aviationstack/v1"
    assert (
        load(FlightDataSettings, home=tmp_path, AVIATIONSTACK_BASE_URL=second).aviationstack_base_url
        == second
    )
