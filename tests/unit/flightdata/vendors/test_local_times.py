"""Each time format is read correctly, and anything else is None."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.flightdata.model.instants import Convention, Instant
from services.flightdata.vendors.local_times import (
    arrival_at,
    at_clock,
    clock_and_day,
    clock_face,
    epoch,
    labelled_utc,
    naive,
    true_utc,
    zone_named,
)

pytestmark = pytest.mark.unit

DELHI, DOHA, NEW_YORK, SYDNEY, AUCKLAND = (
    "Asia/Kolkata",
    "Asia/Qatar",
    "America/New_York",
    "Australia/Sydney",
    "Pacific/Auckland",
)


def _utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_the_label_of_utc_is_not_believed_and_the_digits_are() -> None:
    leaves, arrives = (
        labelled_utc("2025-07-16T20:15:00+00:00", DOHA),
        labelled_utc("2025-07-17T02:50:00+00:00", DELHI),
    )
    assert leaves
    assert arrives
    assert (leaves.utc, arrives - leaves) == (_utc(2025, 7, 16, 17, 15), timedelta(hours=4, minutes=5))
    assert leaves.convention is Convention.LOCAL_LABELLED_UTC
    assert f"{leaves.local:%H:%M %Z}" == "20:15 +03"


def test_an_offset_of_its_own_is_believed() -> None:
    for read in (labelled_utc, naive, true_utc):
        instant = read("2025-07-16T20:15:00+05:30", NEW_YORK)
        assert instant
        assert (instant.utc, instant.convention, instant.zone) == (
            _utc(2025, 7, 16, 14, 45),
            Convention.OFFSET,
            NEW_YORK,
        )


def test_a_live_positions_time_is_utc() -> None:
    instant = true_utc("2021-02-08T02:14:00+00:00", NEW_YORK)
    assert instant
    assert (instant.utc, instant.convention) == (_utc(2021, 2, 8, 2, 14), Convention.UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2026-10-01 20:00:00",
        "2026-10-01T20:00:00",
        "2026-10-01T20:00",
        "2026-10-01T20:00:00.000",
        " 2026-10-01 20:00 ",
    ],
)
def test_local_digits_are_read_in_the_zone_of_their_place(written: str) -> None:
    instant = naive(written, NEW_YORK)
    assert instant
    assert (instant.utc, instant.convention) == (_utc(2026, 10, 2), Convention.LOCAL)


def test_an_hour_that_the_clocks_skip_is_the_one_after_and_one_that_comes_twice_the_first() -> None:
    skipped, twice = naive("2026-03-08T02:30:00", NEW_YORK), naive("2026-11-01T01:30:00", NEW_YORK)
    assert skipped
    assert twice
    assert (skipped.utc, f"{skipped.local:%H:%M}") == (_utc(2026, 3, 8, 7, 30), "03:30")
    assert twice.utc == _utc(2026, 11, 1, 5, 30)


@pytest.mark.parametrize("value", [1763874000, 1763874000.0])
def test_seconds_since_1970_are_utc(value: float) -> None:
    instant = epoch(value, DELHI)
    assert instant
    assert (instant.utc, f"{instant.local:%H:%M}") == (_utc(2025, 11, 23, 5), "10:30")


@pytest.mark.parametrize(
    "value", [0, -5, None, True, "1763874000", 1763874000000, 1e308, float("nan"), float("inf"), []]
)
def test_invalid_unix_times_are_none(value: Any) -> None:
    assert epoch(value, DELHI) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("20:00", time(20)),
        ("7:05", time(7, 5)),
        ("10:30AM", time(10, 30)),
        ("10:30 pm", time(22, 30)),
        ("12:00 AM", time(0)),
        ("12:15 p.m.", time(12, 15)),
        ("20:00:00", time(20)),
        ("24:00", None),
        ("13:00 PM", None),
        ("0:30 AM", None),
        ("10:61", None),
        ("half past ten", None),
    ],
)
def test_clock_faces_of_both_kinds_are_read(written: str, read: time | None) -> None:
    assert clock_face(written) == read


@pytest.mark.parametrize(
    ("written", "near", "year"),
    [
        ("10:30, Jul 24", date(2023, 7, 24), 2023),
        ("10:30 AM, Dec 31", date(2026, 1, 1), 2025),
        ("10:30, Jan 1", date(2025, 12, 31), 2026),
        ("10:30, Feb 29", date(2024, 3, 1), 2024),
    ],
)
def test_a_day_without_a_year_is_the_nearest(written: str, near: date, year: int) -> None:
    instant = clock_and_day(written, DELHI, near)
    assert instant
    assert (instant.local.year, instant.convention) == (year, Convention.LOCAL_CLOCK)
    assert f"{instant.local:%H:%M}" == "10:30"


@pytest.mark.parametrize(
    "written", ["10:30, Feb 31", "10:30, Foo 12", "99:30, Jul 24", "Jul 24", "", ", ", "10:30, Jul 0"]
)
def test_invalid_days_are_none(written: str) -> None:
    assert clock_and_day(written, DELHI, date(2026, 7, 24)) is None


@pytest.mark.parametrize(
    ("leaves", "here", "there", "face", "hours", "arrives"),
    [
        (_utc(2026, 10, 2, 1, 30), NEW_YORK, "Europe/London", time(9, 35), 7, _utc(2026, 10, 2, 8, 35)),
        (_utc(2026, 10, 2, 4), NEW_YORK, "America/Los_Angeles", time(23, 13), 6, _utc(2026, 10, 2, 6, 13)),
        # Auckland to Los Angeles arrives on the calendar day before.
        (_utc(2026, 6, 2, 7), AUCKLAND, "America/Los_Angeles", time(12), 13, _utc(2026, 6, 2, 19)),
        (_utc(2026, 6, 2, 5), "America/Los_Angeles", SYDNEY, time(6), 15, _utc(2026, 6, 2, 20)),
    ],
)
def test_an_arrival_without_a_day_is_on_the_day_that_fits_the_distance(
    leaves: datetime, here: str, there: str, face: time, hours: int, arrives: datetime
) -> None:
    found = arrival_at(face, there, Instant.of(leaves, here), timedelta(hours=hours))
    assert found
    assert found.utc == arrives


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("Asia/Kolkata", "Asia/Kolkata"),
        ("Asia/Chongqing", "Asia/Chongqing"),
        ("+8", "Etc/GMT-8"),
        ("-03:00", "Etc/GMT+3"),
        ("UTC+5", "Etc/GMT-5"),
        ("GMT-11", "Etc/GMT+11"),
        ("+99", ""),
        ("Moon/Tycho", ""),
        ("", ""),
        ("../../etc/passwd", ""),
        ("\0", ""),
    ],
)
def test_zones_are_named_or_none(written: str, zone: str) -> None:
    assert zone_named(written) == zone


def test_eight_hours_east_are_eight_hours_ahead() -> None:
    instant = naive("2026-07-16T07:30:00", zone_named("+8"))
    assert instant
    assert instant.utc == _utc(2026, 7, 15, 23, 30)


@settings(deadline=None)
@given(
    st.text(max_size=40)
    | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?([+-]\d\d:\d\d)?", fullmatch=True),
    st.sampled_from([DELHI, "", "UTC"]),
)
def test_no_text_breaks_a_reading(written: str, zone: str) -> None:
    for read in (labelled_utc, naive, true_utc):
        instant = read(written, zone)
        assert instant is None or 1989 <= instant.utc.year <= 2101
    clock_and_day(written, zone, date(2026, 1, 1))
    zone_named(written)


@settings(deadline=None)
@given(
    st.times().map(lambda t: t.replace(second=0, microsecond=0)), st.dates(date(1995, 1, 1), date(2095, 1, 1))
)
def test_local_times_round_trip(face: time, day: date) -> None:
    instant = at_clock(face, day, DELHI)
    assert instant
    assert instant.local.replace(tzinfo=None) == datetime.combine(day, face)
    again = naive(f"{day.isoformat()}T{face:%H:%M}:00", DELHI)
    assert again
    assert again.utc == instant.utc
