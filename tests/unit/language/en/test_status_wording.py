"""Status wording: most providers estimate no arrival, and the plan must not replace an estimate."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from readback.flightdata.v1 import flight_status_pb2

from agent.language.en.status_wording import route_line, status_sentences

pytestmark = pytest.mark.unit

LEAVES = datetime.fromisoformat("2026-11-23T10:00:00+05:30")
ARRIVES = datetime.fromisoformat("2026-11-23T12:45:00+05:30")
NOON_BEFORE, EARLIER = LEAVES - timedelta(hours=22), LEAVES - timedelta(hours=2)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FLIGHT = "Air India five four two"


def status(
    state: str,
    *,
    leaves: datetime = LEAVES,
    arrives: datetime = ARRIVES,
    zone: str = "Asia/Kolkata",
    **known: Any,
) -> flight_status_pb2.FlightStatus:
    """Return the status of AI542 from Chennai to Delhi (in `zone`): the plan and the `known` facts."""
    day = leaves.date()
    ends = {
        "departure": ("MAA", "Chennai", "Asia/Kolkata", leaves),
        "arrival": ("DEL", "Delhi", zone, arrives),
    }
    stops = {
        f"scheduled_{end}": {"airport_code": code, "city": city, "time_zone": at, "time": moment.isoformat()}
        for end, (code, city, at, moment) in ends.items()
    }
    times = {name: _json(value) for name, value in known.items() if value is not None}
    facts = {
        "flight_number": "AI542",
        "departure_date": {"year": day.year, "month": day.month, "day": day.day},
        "state": 99 if state == "SOMETHING_NEW" else f"FLIGHT_STATE_{state}",
    }
    return ParseDict({**facts, **stops, **times}, flight_status_pb2.FlightStatus())


def _json(value: Any) -> Any:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.0f}s"
    return value.isoformat() if isinstance(value, datetime) else value


def spoken(state: str, now: datetime = EARLIER, **known: Any) -> str:
    return " ".join(status_sentences(status(state, **known), now))


def test_a_late_flight_without_an_estimate_of_its_arrival_does_not_arrive_before_it_leaves() -> None:
    late = LEAVES + 3 * HOUR
    leaving = f"{FLIGHT} is three hours late: it is now expected to leave Chennai at one in the afternoon."
    text = spoken("DELAYED", departure_delay=timedelta(minutes=180), estimated_departure_time=late)
    assert text == f"{leaving} It should arrive in Delhi at about three forty five in the afternoon."
    assert spoken("DELAYED", departure_delay=timedelta(minutes=180)) == text
    assert spoken("DELAYED", estimated_departure_time=late) == text


def test_a_late_flights_arrival_estimate_equal_to_the_plan_is_ignored() -> None:
    text = spoken("DELAYED", departure_delay=timedelta(minutes=60), estimated_arrival_time=ARRIVES)
    assert text.endswith("It should arrive in Delhi at about one forty five in the afternoon.")


def test_an_estimated_arrival_of_a_late_flight_is_stated() -> None:
    text = spoken(
        "DELAYED", departure_delay=timedelta(minutes=60), estimated_arrival_time=ARRIVES + 50 * MINUTE
    )
    assert text == (
        f"{FLIGHT} is one hour late: it is now expected to leave Chennai at eleven in the morning. "
        "It is expected in Delhi at one thirty five in the afternoon."
    )


@pytest.mark.parametrize("known", [{}, {"estimated_departure_time": LEAVES}])
def test_an_unknown_delay_is_called_unknown(known: dict[str, Any]) -> None:
    assert (
        spoken("DELAYED", **known)
        == f"{FLIGHT} is delayed, but I don't know by how long. It was to leave Chennai at ten in the "
        f"morning."
    )
    assert route_line(status("DELAYED", **known)) == f"{FLIGHT} at ten in the morning is delayed."


def test_a_late_arrival_is_stated_if_the_delay_at_departure_is_unknown() -> None:
    assert spoken("DELAYED", estimated_arrival_time=ARRIVES + HOUR).endswith(
        "It is expected in Delhi at one forty five in the afternoon."
    )


def test_a_known_delay_on_a_route_is_stated() -> None:
    assert (
        route_line(status("DELAYED", departure_delay=timedelta(minutes=40)))
        == f"{FLIGHT} at ten in the morning is forty minutes late."
    )
    assert route_line(status("UNSPECIFIED")) == f"I don't know how {FLIGHT} at ten in the morning is doing."


def test_a_flight_that_left_late_is_not_expected_by_plan() -> None:
    left = LEAVES + 3 * HOUR
    text = spoken(
        "EN_ROUTE",
        left + HOUR,
        actual_departure_time=left,
        estimated_departure_time=left,
        departure_delay=timedelta(minutes=180),
    )
    assert (
        text
        == f"{FLIGHT} is in the air. It should arrive in Delhi at about three forty five in the afternoon."
    )


def test_a_flight_in_the_air_is_expected_when_its_provider_expects_it() -> None:
    text = spoken("EN_ROUTE", LEAVES + HOUR, estimated_arrival_time=ARRIVES - 5 * MINUTE)
    assert text == f"{FLIGHT} is in the air. It is expected in Delhi at twelve forty in the afternoon."


def test_a_flight_with_a_state_only_arrives_by_plan() -> None:
    assert (
        spoken("EN_ROUTE", LEAVES + HOUR)
        == f"{FLIGHT} is in the air. By plan it arrives in Delhi at twelve forty five in the afternoon."
    )


@pytest.mark.parametrize("known", [{}, {"estimated_arrival_time": ARRIVES}])
def test_a_flight_still_in_the_air_after_its_arrival_is_not_expected_in_the_past(
    known: dict[str, Any],
) -> None:
    text = spoken("EN_ROUTE", ARRIVES + HOUR, **known)
    assert text == (
        f"{FLIGHT} is in the air. It was due in Delhi at about twelve forty five in the afternoon, but I "
        f"haven't heard that it has landed."
    )


def test_a_landing_is_stated_with_its_known_time() -> None:
    after = ARRIVES + HOUR
    assert spoken("LANDED", after) == f"{FLIGHT} has landed in Delhi."
    assert (
        spoken("LANDED", after, departure_delay=timedelta(minutes=30), estimated_arrival_time=ARRIVES)
        == f"{FLIGHT} has landed in Delhi."
    )
    expected, arrived = ARRIVES + 5 * MINUTE, ARRIVES + 10 * MINUTE
    text = spoken("LANDED", after, estimated_arrival_time=expected)
    assert text == f"{FLIGHT} has landed in Delhi. It was expected at twelve fifty in the afternoon."
    text = spoken("LANDED", after, estimated_arrival_time=arrived, actual_arrival_time=arrived)
    assert text == f"{FLIGHT} has landed in Delhi. It arrived at twelve fifty five in the afternoon."


def test_a_flight_on_time_leaves_when_it_is_expected_to() -> None:
    text = spoken(
        "ON_TIME", departure_delay=timedelta(minutes=5), estimated_departure_time=LEAVES + 5 * MINUTE
    )
    assert text == (
        f"{FLIGHT} is on time: it leaves Chennai at ten oh five in the morning and arrives in Delhi at "
        f"twelve forty five in the afternoon."
    )


def test_a_flight_that_leaves_on_time_and_arrives_late_is_not_called_on_time_all_the_way() -> None:
    text = spoken("ON_TIME", estimated_departure_time=LEAVES, estimated_arrival_time=ARRIVES + HOUR)
    assert text == (
        f"{FLIGHT} leaves Chennai on time, at ten in the morning. But it is expected late in Delhi, at "
        f"one forty five in the afternoon."
    )


@pytest.mark.parametrize(
    ("state", "known", "text"),
    [
        (
            "SCHEDULED",
            {},
            " was scheduled to leave Chennai at ten in the morning, but I haven't heard that it has.",
        ),
        (
            "ON_TIME",
            {},
            " is on time, as far as I know. It was to leave Chennai at ten in the morning, but I haven't "
            "heard that it has.",
        ),
        (
            "DELAYED",
            {"departure_delay": timedelta(minutes=20)},
            " is twenty minutes late: it was expected to leave Chennai at ten twenty in the morning, but "
            "I haven't heard that it has.",
        ),
    ],
)
def test_a_flight_that_should_have_left_is_not_announced_to_leave(
    state: str, known: dict[str, Any], text: str
) -> None:
    assert spoken(state, LEAVES + 30 * MINUTE, **known) == FLIGHT + text


@pytest.mark.parametrize(
    ("state", "begins"),
    [
        (
            "SCHEDULED",
            f"{FLIGHT} is scheduled to leave Chennai tomorrow, Monday the twenty-third, at ten in the "
            "morning",
        ),
        (
            "ON_TIME",
            f"{FLIGHT} is on time tomorrow, Monday the twenty-third: it leaves Chennai at ten in the morning",
        ),
        ("DELAYED", f"{FLIGHT} is delayed tomorrow, Monday the twenty-third, but I don't know by how long."),
        (
            "CANCELLED",
            f"{FLIGHT} tomorrow, Monday the twenty-third, from Chennai to Delhi, has been cancelled.",
        ),
        ("UNSPECIFIED", f"I don't know how {FLIGHT} is doing tomorrow, Monday the twenty-third."),
    ],
)
def test_a_day_that_is_not_today_is_named(state: str, begins: str) -> None:
    assert spoken(state, NOON_BEFORE).startswith(begins)


def test_a_flight_of_an_earlier_day_is_stated_with_its_day() -> None:
    day_after = ARRIVES + 24 * HOUR
    assert (
        spoken("LANDED", day_after) == f"{FLIGHT} on Monday the twenty-third of November has landed in Delhi."
    )


def test_days_that_pass_on_the_way_are_stated() -> None:
    arrives = datetime.fromisoformat("2026-11-24T00:10:00+05:30")
    leaves = arrives - 2 * HOUR
    text = spoken("DELAYED", leaves=leaves, arrives=arrives, departure_delay=timedelta(minutes=120))
    assert "leave Chennai at twelve ten at night the next day." in text
    assert text.endswith("It should arrive in Delhi at about two ten at night.")
    text = spoken("EN_ROUTE", leaves + HOUR, leaves=leaves, arrives=arrives)
    assert text.endswith("By plan it arrives in Delhi at twelve ten at night the next day.")
    text = spoken("SCHEDULED", arrives=LEAVES + 20 * HOUR, zone="Pacific/Auckland")
    assert text.endswith("and to arrive in Delhi at one thirty in the afternoon the next day.")


def test_contradictory_times_are_called_doubtful() -> None:
    doubts = ["DOUBT_CONTRADICTORY_TIMES"]
    assert spoken("SCHEDULED", doubts=doubts).endswith(
        "Some of that may be wrong: what I was told doesn't fit together."
    )
    assert "wrong" not in spoken("CANCELLED", doubts=doubts)


STATES = (
    "SCHEDULED",
    "ON_TIME",
    "DELAYED",
    "EN_ROUTE",
    "LANDED",
    "CANCELLED",
    "DIVERTED",
    "UNSPECIFIED",
    "SOMETHING_NEW",
)
LATER = (None, timedelta(), 3 * HOUR)
PLANNED_ARRIVAL = "twelve forty five in the afternoon"


@pytest.mark.parametrize("state", STATES)
def test_nothing_is_made_up_from_any_combination_of_facts(state: str) -> None:
    ends = itertools.product(LATER, repeat=4)
    for (leaving, left, arriving, arrived), delay, hours in itertools.product(
        ends, (0, 180), (-20, -2, 1, 4, 7, 30)
    ):
        known = {
            "estimated_departure_time": None if leaving is None else LEAVES + leaving,
            "actual_departure_time": None if left is None else LEAVES + left,
            "estimated_arrival_time": None if arriving is None else ARRIVES + arriving,
            "actual_arrival_time": None if arrived is None else ARRIVES + arrived,
            "departure_delay": timedelta(minutes=delay),
        }
        now = LEAVES + hours * HOUR
        text = spoken(state, now, **known)
        case = (known, now, text)
        assert "no time" not in text, case
        assert "It arrived" not in text or arrived is not None, case
        assert (
            PLANNED_ARRIVAL not in text
            or "scheduled" in text
            or not _is_late(left, leaving, delay)
            or arrived == timedelta()
        ), case
        assert "now expected to leave" not in text or now < LEAVES + 3 * HOUR, case
        assert "It is expected in" not in text or now < ARRIVES + 3 * HOUR, case
        assert text.endswith("."), case


def _is_late(left: timedelta | None, leaving: timedelta | None, delay: int) -> bool:
    return bool(left) if left is not None else bool(leaving or delay)
