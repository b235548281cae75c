"""Times of flights from the contract's messages: local, planned and expected times.

Of 100 flights reported by AviationStack, 93 had no estimated arrival and 96 no actual arrival. So these
functions never present the planned arrival as an estimated or actual one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay
from readback.flightdata.v1 import flight_status_pb2, flights_pb2

LATE = timedelta(minutes=15)
"""Minimum delay of a flight that counts as late, as in the statistics of airlines and regulators."""


def instant(moment: Timestamp) -> datetime:
    """Return an aware datetime in UTC."""
    return moment.ToDatetime(UTC)


def local(endpoint: flights_pb2.FlightEndpoint, moment: datetime | None = None) -> datetime:
    """Return the time of a departure or arrival, or `moment` if given, in local time; UTC without a zone."""
    return (moment or instant(endpoint.time)).astimezone(ZoneInfo(endpoint.time_zone or "UTC"))


def day_of(message: Date) -> date:
    """Return a date of the contract as a Python date."""
    return date(message.year, message.month, message.day)


def date_message(day: date | None) -> Date | None:
    """Return a date as a message of the contract."""
    return Date(year=day.year, month=day.month, day=day.day) if day else None


def time_message(moment: time | None) -> TimeOfDay | None:
    """Return a time of day as a message of the contract."""
    return TimeOfDay(hours=moment.hour, minutes=moment.minute) if moment else None


def state_of(status: flight_status_pb2.FlightStatus) -> str:
    """Return the flight state, such as "ON_TIME". A missing state or a newer enum value gives "UNKNOWN"."""
    known = (
        status.state in flight_status_pb2.FlightState.values()
        and status.state != flight_status_pb2.FLIGHT_STATE_UNSPECIFIED
    )
    return (
        flight_status_pb2.FlightState.Name(status.state).removeprefix("FLIGHT_STATE_") if known else "UNKNOWN"
    )


def planned_departure(status: flight_status_pb2.FlightStatus) -> datetime:
    """Return the scheduled instant of departure."""
    return instant(status.scheduled_departure.time)


def planned_arrival(status: flight_status_pb2.FlightStatus) -> datetime:
    """Return the scheduled instant of arrival."""
    return instant(status.scheduled_arrival.time)


def expected_departure(status: flight_status_pb2.FlightStatus) -> datetime:
    """Return the actual departure, else an estimate other than the plan, else the plan plus the delay."""
    plan = planned_departure(status)
    if status.HasField("actual_departure_time"):
        return instant(status.actual_departure_time)
    if (
        status.HasField("estimated_departure_time")
        and (estimate := instant(status.estimated_departure_time)) != plan
    ):
        return estimate
    return plan + status.departure_delay.ToTimedelta()


def departure_delay(status: flight_status_pb2.FlightStatus) -> timedelta:
    """Return the delay at departure in whole minutes, or zero if it is on time, early or unknown."""
    minutes = (expected_departure(status) - planned_departure(status)) // timedelta(minutes=1)
    return timedelta(minutes=max(0, minutes))


def estimated_arrival(status: flight_status_pb2.FlightStatus) -> datetime | None:
    """Return the provider's estimate of the arrival, or None if there is none or it is implausible.

    It is implausible if it is before departure, or equal to the plan although the flight departs late.
    """
    if not status.HasField("estimated_arrival_time"):
        return None
    estimate = instant(status.estimated_arrival_time)
    if estimate <= expected_departure(status):
        return None
    return None if estimate == planned_arrival(status) and departure_delay(status) >= LATE else estimate


def likely_arrival(status: flight_status_pb2.FlightStatus) -> datetime:
    """Return the scheduled arrival plus the departure delay.

    A flight that departs early doesn't arrive early, because it must wait for its parking position.
    """
    return planned_arrival(status) + departure_delay(status)


def arrives_late(status: flight_status_pb2.FlightStatus) -> bool:
    """Return whether the flight has an estimated arrival that is late."""
    estimate = estimated_arrival(status)
    return estimate is not None and estimate - planned_arrival(status) >= LATE
