"""What people type after --since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from cli.arguments import since
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
def test_point_in_time_is_what_a_person_means(text: str, meant: datetime) -> None:
    assert since(text, NOW) == meant


@pytest.mark.parametrize(
    "text", ["", "soon", "2 o'clock", "h", "99999999999d", "25:00", "2027-13-01", "2h ago", "-2h"]
)
def test_what_is_no_point_in_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="2h, 90m"):
        since(text, NOW)


def test_what_is_still_to_come_is_refused() -> None:
    with pytest.raises(UsageError, match="still to come"):
        since("2027-02-01", NOW)
