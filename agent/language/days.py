"""Days as callers name them, kept as said and resolved on a given today.

"Tomorrow" has no date until the departure airport is known, so an expression is stored and resolved later
with `on`. A weekday's name is the next such day after today. "Next Friday" is the Friday of the next calendar
week, Monday to Sunday; the dialogue reads the full date back, so a caller who meant another day hears the
difference.
"""

from __future__ import annotations

from calendar import isleap, monthrange
from dataclasses import dataclass
from datetime import date, timedelta

SATURDAY = 5


class ImpossibleDate(ValueError):
    """The calendar has no such day, for example 31 February."""


@dataclass(frozen=True, slots=True)
class DaysAhead:
    """A number of days after today; negative for the past."""

    days: int

    def on(self, today: date, reference: date | None = None) -> date:  # noqa: ARG002 - one signature for all expressions
        """Return the day meant when it is `today`."""
        return today + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class FromReference:
    """A number of days after the day mentioned before, or after today if there was none: "the next day"."""

    days: int

    def on(self, today: date, reference: date | None = None) -> date:
        """Return the day meant when it is `today` and `reference` was the last day mentioned."""
        return (reference or today) + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Weekday:
    """A day of the week, Monday 0: the next one, or the one in the calendar week `weeks` from now."""

    weekday: int
    weeks: int | None = None
    or_today: bool = False

    def on(self, today: date, reference: date | None = None) -> date:  # noqa: ARG002 - one signature for all expressions
        """Return the day meant when it is `today`."""
        if self.weeks is not None:
            return today + timedelta(days=self.weekday - today.weekday() + 7 * self.weeks)
        ahead = (self.weekday - today.weekday()) % 7
        return today + timedelta(days=ahead if ahead or self.or_today else 7)


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day of a month; without month or year, the next such day, today included."""

    day: int
    month: int | None = None
    year: int | None = None

    @classmethod
    def of(cls, day: date) -> CalendarDay:
        """Return the expression for exactly this date."""
        return cls(day.day, day.month, day.year)

    def on(self, today: date, reference: date | None = None) -> date:  # noqa: ARG002 - one signature for all expressions
        """Return the day meant when it is `today`.

        Raises:
            ImpossibleDate: the calendar has no such day.
        """
        if self.month is None:
            return self._next_in_any_month(today)
        if self.year is not None:
            return self._in(self.year, self.month)
        years = (
            year
            for year in range(today.year, today.year + 9)
            if self.day != 29 or self.month != 2 or isleap(year)
        )
        return next(day for year in years if (day := self._in(year, self.month)) >= today)

    def _in(self, year: int, month: int) -> date:
        try:
            return date(year, month, self.day)
        except ValueError:
            raise ImpossibleDate(f"{self.day} of month {month}") from None

    def _next_in_any_month(self, today: date) -> date:
        if not 1 <= self.day <= 31:
            raise ImpossibleDate(f"day {self.day}")
        year, month = today.year, today.month
        while self.day > monthrange(year, month)[1] or date(year, month, self.day) < today:
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        return date(year, month, self.day)


DateExpression = DaysAhead | FromReference | Weekday | CalendarDay
