"""The caller's country, time zone and language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Self
from zoneinfo import available_timezones

from agent.language import Language, language_for

_REGION = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}(?:-[A-Za-z]{4})?-([A-Za-z]{2})(?:-|$)")
"""The region of a BCP 47 tag, an ISO 3166 country, after language, extended languages and script."""

_time_zones = cache(available_timezones)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerHome:
    """Decides the language, which "Kochi" is likelier, and which day "today" is before an origin is known."""

    country: str = "IN"
    time_zone: str = "Asia/Kolkata"
    locale: str = "en-IN"

    @property
    def language(self) -> Language:
        """The language to speak."""
        return language_for(self.locale)

    @classmethod
    def of(cls, locale: str, time_zone: str) -> Self:
        """Return the home for a BCP 47 locale and an IANA time zone.

        Empty or unknown values become India's.
        """
        home, region = cls(), _REGION.match(locale)
        return cls(
            country=region[1].upper() if region else home.country,
            time_zone=time_zone if time_zone in _time_zones() else home.time_zone,
            locale=locale or home.locale,
        )
