"""Where a caller is at home, from what their client said about itself."""

import re
from functools import cache
from zoneinfo import available_timezones

from agent.dialogue.dialogue import Caller

_REGION = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}(?:-[A-Za-z]{4})?-([A-Za-z]{2})(?:-|$)")
"""In a BCP 47 tag: language, extended languages, script, and then the region as an ISO 3166 country (RFC 5646, 2.1)."""

_zones = cache(available_timezones)


def home_of(locale: str, time_zone: str) -> Caller:
    """The country of a BCP 47 locale and an IANA time zone; what is empty or unknown is as for a caller from India."""
    region, default = _REGION.match(locale), Caller()
    return Caller(
        home_country=region[1].upper() if region else default.home_country,
        home_zone=time_zone if time_zone in _zones() else default.home_zone,
    )
