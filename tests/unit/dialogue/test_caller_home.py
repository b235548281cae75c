"""The caller's country from their locale and their time zone; India where these are unknown."""

import pytest

from agent.dialogue.context import CallerHome

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("locale", "country"),
    [
        ("en-GB", "GB"),
        ("en-IN", "IN"),
        ("sr-Latn-RS", "RS"),
        ("en-us", "US"),
        ("en", "IN"),
        ("", "IN"),
        ("en-u-ca-gregory", "IN"),
    ],
)
def test_the_country_is_the_locales_region(locale: str, country: str) -> None:
    assert CallerHome.of(locale, "").country == country


def test_a_known_time_zone_is_used() -> None:
    assert CallerHome.of("en-GB", "Europe/London") == CallerHome(
        country="GB", time_zone="Europe/London", locale="en-GB"
    )


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd"])
def test_an_unknown_time_zone_becomes_the_default(zone: str) -> None:
    assert CallerHome.of("en-GB", zone).time_zone == "Asia/Kolkata"
