"""Context of an utterance: the caller's home and the conversation so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from agent.dialogue.caller_home import CallerHome
from agent.dialogue.places import Place
from agent.language import Language
from agent.language.meanings import Expectation


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
