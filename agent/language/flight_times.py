"""Times of flights from the contract's messages: on the clock of the airport, and as expected.

Of 100 flights reported by AviationStack, 93 had no estimate of their arrival and 96 no actual arrival, so the
plan must never stand in for either.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay
from readback.flightdata.v1 import flightdata_service_pb2 as pb

LATE = timedelta(minutes=15)
"""A flight this late counts as late, as airlines and regulators report it."""


def instant(moment: Timestamp) -> datetime:
    """Return an aware datetime in UTC."""
    return moment.ToDatetime(UTC)


def local(stop: pb.Stop, moment: datetime | None = None) -> datetime:
    """Return a stop's time, or another `moment`, on the airport's clock; in UTC if its zone is unknown."""
    return (moment or instant(stop.time)).astimezone(ZoneInfo(stop.time_zone or "UTC"))


def day_of(message: Date) -> date:
    """Return a contract's date as a Python date."""
    return date(message.year, message.month, message.day)


def date_message(day: date | None) -> Date | None:
    """Return a date as the contract writes it."""
    return Date(year=day.year, month=day.month, day=day.day) if day else None


def time_message(moment: time | None) -> TimeOfDay | None:
    """Return a time of day as the contract writes it."""
    return TimeOfDay(hours=moment.hour, minutes=moment.minute) if moment else None


def state_of(status: pb.FlightStatus) -> str:
    """Return "ON_TIME", "CANCELLED" and so on; "UNKNOWN" for no state, or one of a later contract."""
    known = status.state in pb.FlightState.values() and status.state != pb.FLIGHT_STATE_UNSPECIFIED
    return pb.FlightState.Name(status.state).removeprefix("FLIGHT_STATE_") if known else "UNKNOWN"


def planned_departure(status: pb.FlightStatus) -> datetime:
    """Return the scheduled instant of departure."""
    return instant(status.scheduled_departure.time)


def planned_arrival(status: pb.FlightStatus) -> datetime:
    """Return the scheduled instant of arrival."""
    return instant(status.scheduled_arrival.time)


def expected_departure(status: pb.FlightStatus) -> datetime:
    """Return the actual departure, else an estimate unlike the plan, else the plan plus the delay."""
    plan = planned_departure(status)
    if status.HasField("actual_departure_time"):
        return instant(status.actual_departure_time)
    if (
        status.HasField("estimated_departure_time")
        and (estimate := instant(status.estimated_departure_time)) != plan
    ):
        return estimate
    return plan + timedelta(minutes=status.delay_minutes)


def departure_delay(status: pb.FlightStatus) -> timedelta:
    """Return the delay at departure in whole minutes; zero when on time, early or unknown."""
    minutes = (expected_departure(status) - planned_departure(status)) // timedelta(minutes=1)
    return timedelta(minutes=max(0, minutes))


def estimated_arrival(status: pb.FlightStatus) -> datetime | None:
    """Return the provider's estimate.

    None without an estimate, and for an impossible one: before departure, or as planned although the flight
    leaves late.
    """
    if not status.HasField("estimated_arrival_time"):
        return None
    estimate = instant(status.estimated_arrival_time)
    if estimate <= expected_departure(status):
        return None
    return None if estimate == planned_arrival(status) and departure_delay(status) >= LATE else estimate


def likely_arrival(status: pb.FlightStatus) -> datetime:
    """Return the arrival if the flight takes as long as planned.

    A flight that leaves early waits for its stand.
    """
    return planned_arrival(status) + departure_delay(status)


def arrives_late(status: pb.FlightStatus) -> bool:
    """Return whether the estimated arrival is late."""
    estimate = estimated_arrival(status)
    return estimate is not None and estimate - planned_arrival(status) >= LATE
