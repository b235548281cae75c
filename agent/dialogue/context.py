"""Context of an utterance: the caller's home, and facts about the conversation so far."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

from agent.dialogue.places import Place
from agent.language import Language, language_for
from agent.language.hearing import HeardPlace
from agent.language.meanings import Expectation

_REGION = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}(?:-[A-Za-z]{4})?-([A-Za-z]{2})(?:-|$)")
"""Pattern for a BCP 47 tag. Its group is the region, an ISO 3166 country code."""

_time_zones = cache(available_timezones)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerHome:
    """The caller's country, time zone and locale.

    They decide the language, the likelier of two places with the same name, and the date of "today" while the
    origin is unknown.
    """

    country: str = "IN"
    time_zone: str = "Asia/Kolkata"
    locale: str = "en-IN"

    @property
    def language(self) -> Language:
        """The language of the locale, or English."""
        return language_for(self.locale)

    @classmethod
    def of(cls, locale: str, time_zone: str) -> Self:
        """Return the home for a BCP 47 locale and an IANA time zone.

        Empty or unknown values are replaced by those of India.
        """
        home, region = cls(), _REGION.match(locale)
        return cls(
            country=region[1].upper() if region else home.country,
            time_zone=time_zone if time_zone in _time_zones() else home.time_zone,
            locale=locale or home.locale,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Facts about the conversation that change the meaning of words.

    `origin`, `destination` and `departure_date` belong to the current search. `asked` is the slot or subject
    of the open question ("origin", "destination", …). `offered` is True if there are found flights, so that
    "the second one" can refer to one. `heard` has the places that the recogniser heard in a spoken utterance.
    """

    now: datetime
    home: CallerHome = field(default_factory=CallerHome)
    awaiting: Expectation = Expectation.NONE
    asked: str | None = None
    origin: Place | None = None
    destination: Place | None = None
    departure_date: date | None = None
    searched: bool = False
    offered: bool = False
    heard: Sequence[HeardPlace] = ()

    @property
    def language(self) -> Language:
        """The language of the conversation."""
        return self.home.language

    @property
    def under_way(self) -> bool:
        """True if there is a search or an open question, so that the caller can withdraw a wish."""
        return self.searched or self.awaiting is not Expectation.NONE or self.asked is not None

    @classmethod
    def pinned(cls, today: date) -> Context:
        """Return a context at noon UTC on `today`, when it is that date in nearly all time zones."""
        return cls(now=datetime.combine(today, time(12), UTC))

    def today_at(self, place: Place | None) -> date:
        """Return the current date at `place`, or at the caller's home if `place` is None."""
        return self.now.astimezone(place.zone if place else ZoneInfo(self.home.time_zone)).date()
