"""What was said before, as far as it changes what words mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from agent.dialogue.expectation import Expectation
from agent.dialogue.places import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What was said before, as far as it changes what words mean.

    `origin`, `destination` and `depart_date` are those of the search talked about; `asked` is the place slot ("origin" or "destination")
    that the last question was about; `offered` whether flights are on offer that "the second one" can point at.
    """

    now: datetime
    home_country: str = "IN"
    home_zone: str = "Asia/Kolkata"
    awaiting: Expectation = Expectation.NONE
    asked: str | None = None
    origin: Place | None = None
    destination: Place | None = None
    depart_date: date | None = None
    searched: bool = False
    offered: bool = False

    @property
    def under_way(self) -> bool:
        """Whether there is a search, or a question about one, from which something can be taken back."""
        return self.searched or self.awaiting is not Expectation.NONE or self.asked is not None

    @classmethod
    def pinned(cls, today: date) -> Context:
        """The context of a conversation that begins on `today`: noon UTC, when nearly all the world has that date."""
        return cls(now=datetime.combine(today, time(12), UTC))

    def today_at(self, place: Place | None) -> date:
        """The date now at `place`; at home when the place is not known yet."""
        return self.now.astimezone(place.zone if place else ZoneInfo(self.home_zone)).date()
