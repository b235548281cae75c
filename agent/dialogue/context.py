"""Context of an utterance: the caller's home and the conversation so far."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

from agent.dialogue.places import Place
from agent.language import Language, language_for
from agent.language.meanings import Expectation

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The parts of the conversation that change the meaning of words.

    `origin`, `destination` and `depart_date` belong to the current search; `asked` is the slot that the open
    question is about ("origin", "destination", …); `offered` means that there are flights for "the second
    one" to point at.
    """

    now: datetime
    home: CallerHome = field(default_factory=CallerHome)
    awaiting: Expectation = Expectation.NONE
    asked: str | None = None
    origin: Place | None = None
    destination: Place | None = None
    depart_date: date | None = None
    searched: bool = False
    offered: bool = False

    @property
    def language(self) -> Language:
        """The language of the conversation."""
        return self.home.language

    @property
    def under_way(self) -> bool:
        """True if there is a search, or a question about one, so that a wish can be withdrawn."""
        return self.searched or self.awaiting is not Expectation.NONE or self.asked is not None

    @classmethod
    def pinned(cls, today: date) -> Context:
        """Return the context at noon UTC on `today`, when nearly all the world has that date."""
        return cls(now=datetime.combine(today, time(12), UTC))

    def today_at(self, place: Place | None) -> date:
        """Return the current date at `place`; at home if the place is unknown."""
        return self.now.astimezone(place.zone if place else ZoneInfo(self.home.time_zone)).date()
