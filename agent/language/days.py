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
from typing import Protocol

MONDAY, SATURDAY = 0, 5


class ImpossibleDate(ValueError):
    """The calendar has no such day, for example 31 February."""


class DateExpression(Protocol):
    """A day as said."""

    def on(self, today: date, reference: date | None = None) -> date:
        """Return the date if today is `today` and the last mentioned day is `reference`.

        Raises:
            ImpossibleDate: the calendar has no such day.
            OverflowError: the date is beyond the years that Python knows.
        """


def shifted(day: date, days: int, months: int) -> date:
    """Return the day some calendar months and days later, or earlier if they are negative.

    A month after 31 January is the last day of February.
    """
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not date.min.year <= years <= date.max.year:
        raise OverflowError(f"year {years}")
    first = date(years, month + 1, min(day.day, monthrange(years, month + 1)[1]))
    return first + timedelta(days=days)


def _exists(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ImpossibleDate(f"{day} of month {month}") from None


@dataclass(frozen=True, slots=True)
class DaysAhead:
    """A number of days and calendar months after today, negative for the past."""

    days: int
    months: int = 0

    def on(self, today: date, reference: date | None = None) -> date:  # noqa: ARG002 - one signature for all expressions
        """Return the date if today is `today`."""
        return shifted(today, self.days, self.months)


@dataclass(frozen=True, slots=True)
class FromReference:
    """Days and months after the last mentioned day, or after today if there is none: "the next day"."""

    days: int
    months: int = 0

    def on(self, today: date, reference: date | None = None) -> date:
        """Return the date if today is `today` and the last mentioned day is `reference`."""
        return shifted(reference or today, self.days, self.months)


@dataclass(frozen=True, slots=True)
class Shifted:
    """Days and months after another day, negative for before: "two days before Christmas"."""

    anchor: DateExpression
    days: int
    months: int = 0

    def on(self, today: date, reference: date | None = None) -> date:
        """Return the date. Raises ImpossibleDate if the anchor doesn't exist."""
        return shifted(self.anchor.on(today, reference), self.days, self.months)


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
class WeekdayNear:
    """The weekday after another day (`side` 1), before it (-1), or in the same calendar week (0)."""

    anchor: DateExpression
    weekday: int
    side: int = 0

    def on(self, today: date, reference: date | None = None) -> date:
        """Return the date. Raises ImpossibleDate if the anchor doesn't exist."""
        day = self.anchor.on(today, reference)
        if self.side == 0:
            return day + timedelta(days=self.weekday - day.weekday())
        distance = (self.weekday - day.weekday()) * self.side % 7
        return day + timedelta(days=self.side * (distance or 7))


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day of a month. Without `month` or `year`, it is the next such day, which may be today.

    With `weekday`, it is the next such day that is this weekday: "Friday the thirteenth".
    """

    day: int
    month: int | None = None
    year: int | None = None
    weekday: int | None = None

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
            return _exists(self.year, self.month, self.day)
        years = (
            year
            for year in range(today.year, today.year + 9)
            if self.day != 29 or self.month != 2 or isleap(year)
        )
        return next(day for year in years if (day := _exists(year, self.month, self.day)) >= today)

    def _next_in_any_month(self, today: date) -> date:
        if not 1 <= self.day <= 31:
            raise ImpossibleDate(f"day {self.day}")
        # In 14 years, every day of a month falls on every weekday.
        for months in range(14 * 12):
            month = shifted(today.replace(day=1), 0, months)
            if self.day <= monthrange(month.year, month.month)[1]:
                day = month.replace(day=self.day)
                if day >= today and self.weekday in (None, day.weekday()):
                    return day
        raise ImpossibleDate(f"day {self.day} on weekday {self.weekday}")


@dataclass(frozen=True, slots=True)
class InMonth:
    """The `nth` day of a month, or its `nth` such `weekday`. Negative numbers count from its end.

    The month is the next `month` in which that day isn't over, or the one `months` after the current month.
    """

    nth: int
    weekday: int | None = None
    month: int | None = None
    months: int = 0

    def on(self, today: date, reference: date | None = None) -> date:  # noqa: ARG002 - one signature for all expressions
        """Return the date if today is `today`.

        Raises:
            ImpossibleDate: the month has no such day.
        """
        if self.month is None:
            return self._in(shifted(today.replace(day=1), 0, self.months))
        first = self._in(date(today.year, self.month, 1))
        return first if first >= today else self._in(date(today.year + 1, self.month, 1))

    def _in(self, month: date) -> date:
        length = monthrange(month.year, month.month)[1]
        days = [month.replace(day=day) for day in range(1, length + 1)]
        fitting = [day for day in days if self.weekday in (None, day.weekday())]
        if not 0 < abs(self.nth) <= len(fitting):
            raise ImpossibleDate(f"{self.nth} in month {month.month}")
        return fitting[self.nth - 1 if self.nth > 0 else self.nth]


def return_day(expression: DateExpression, today: date, leaving: date | None) -> date | None:
    """Return the date of a return flight. `leaving` is the day of departure, if known.

    In "Friday, returning Monday", the return is on the Monday after that Friday. Return None for "for a week"
    without a day of departure.

    Raises:
        ImpossibleDate: the calendar has no such day.
    """
    if isinstance(expression, FromReference):
        return expression.on(today, leaving) if leaving else None
    day = expression.on(today, leaving)
    same_weekday = isinstance(expression, Weekday) and day == leaving
    if leaving and not isinstance(expression, DaysAhead) and (day < leaving or same_weekday):
        return expression.on(leaving, leaving)
    return day
