"""Days, times and --since as users type them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest

from cli.arguments import parse_day, parse_since, parse_time
from cli.errors import UsageError

pytestmark = pytest.mark.unit

IST = timezone(timedelta(hours=5, minutes=30))
NOW = datetime(2027, 1, 31, 9, 0, tzinfo=IST)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("90m", NOW - timedelta(minutes=90)),
        ("1d12h", NOW - timedelta(hours=36)),
        ("1h 30m", NOW - timedelta(minutes=90)),
        ("45S", NOW - timedelta(seconds=45)),
        ("0s", NOW),
        ("07:30", NOW.replace(hour=7, minute=30)),
        ("7:30", NOW.replace(hour=7, minute=30)),
        ("23:15", NOW.replace(hour=23, minute=15) - timedelta(days=1)),
        ("2027-01-30", datetime(2027, 1, 30, tzinfo=IST)),
        ("2027-01-30T07:30", datetime(2027, 1, 30, 7, 30, tzinfo=IST)),
        ("2027-01-30 07:30", datetime(2027, 1, 30, 7, 30, tzinfo=IST)),
        ("2027-01-30T07:30:00Z", datetime(2027, 1, 30, 7, 30, tzinfo=UTC)),
    ],
)
def test_points_in_time_are_parsed(text: str, meant: datetime) -> None:
    assert parse_since(text, NOW) == meant


@pytest.mark.parametrize(
    "text", ["", "soon", "2 o'clock", "h", "99999999999d", "25:00", "2027-13-01", "2h ago", "-2h"]
)
def test_a_text_that_is_no_point_in_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="2h, 90m"):
        parse_since(text, NOW)


def test_a_point_in_the_future_is_refused() -> None:
    with pytest.raises(UsageError, match="in the future"):
        parse_since("2027-02-01", NOW)


@pytest.mark.parametrize(
    ("words", "day"),
    [("today", date(2027, 2, 28)), ("Tomorrow", date(2027, 3, 1)), ("2027-12-24", date(2027, 12, 24))],
)
def test_days_are_parsed(words: str, day: date) -> None:
    assert parse_day(words, date(2027, 2, 28)) == day


@pytest.mark.parametrize("words", ["soon", "2027-02-30", "", "24.12.2027"])
def test_a_text_that_is_no_day_is_refused(words: str) -> None:
    with pytest.raises(UsageError, match="YYYY-MM-DD"):
        parse_day(words, date(2027, 2, 28))


def test_a_time_of_day_is_parsed() -> None:
    assert parse_time("18:05") == time(18, 5)


@pytest.mark.parametrize("words", ["evening", "25:00", ""])
def test_a_text_that_is_no_time_of_day_is_refused(words: str) -> None:
    with pytest.raises(UsageError, match="HH:MM"):
        parse_time(words)
