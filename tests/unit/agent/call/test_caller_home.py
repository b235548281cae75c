"""A caller's home: the country of their locale, the zone of their clock, and India where neither is known."""

import pytest

from agent.call.caller_home import home_of
from agent.dialogue.dialogue import Caller

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
    assert home_of(locale, "").home_country == country


def test_the_zone_is_the_callers_own() -> None:
    assert home_of("en-GB", "Europe/London") == Caller(home_country="GB", home_zone="Europe/London")


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd"])
def test_an_unknown_zone_is_not_taken(zone: str) -> None:
    assert home_of("en-GB", zone).home_zone == "Asia/Kolkata"
