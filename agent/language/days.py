"""Expressions for days, as callers say them.

The date of "tomorrow" depends on the departure airport's time zone. So an expression is stored as said, and
`on` converts it to a date later. The name of a weekday means the next such day after today. "Next Friday"
means the Friday of the next calendar week (Monday to Sunday). Callers may mean another day, so the dialogue
reads the full date back.
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
    """A number of days after today, negative for days in the past."""

    days: int

    def on(self, today: date, reference: date | None = None) -> date:  # noqa: ARG002 - one signature for all expressions
        """Return the date if today is `today`."""
        return today + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class FromReference:
    """A number of days after the last mentioned day, or after today if there is none: "the next day"."""

    days: int

    def on(self, today: date, reference: date | None = None) -> date:
        """Return the date if today is `today` and the last mentioned day is `reference`."""
        return (reference or today) + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Weekday:
    """A weekday (Monday is 0): the next one, or the one in the calendar week `weeks` after the current one.

    With `or_today`, today counts as the next one.
    """

    weekday: int
    weeks: int | None = None
    or_today: bool = False

    def on(self, today: date, reference: date | None = None) -> date:  # noqa: ARG002 - one signature for all expressions
        """Return the date if today is `today`."""
        if self.weeks is not None:
            return today + timedelta(days=self.weekday - today.weekday() + 7 * self.weeks)
        ahead = (self.weekday - today.weekday()) % 7
        return today + timedelta(days=ahead if ahead or self.or_today else 7)


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day of a month. Without `month` or `year`, it is the next such day, which may be today."""

    day: int
    month: int | None = None
    year: int | None = None

    @classmethod
    def of(cls, day: date) -> CalendarDay:
        """Return the expression for this date."""
        return cls(day.day, day.month, day.year)

    def on(self, today: date, reference: date | None = None) -> date:  # noqa: ARG002 - one signature for all expressions
        """Return the date if today is `today`.

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
