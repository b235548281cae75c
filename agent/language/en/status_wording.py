"""Wording for flight status.

It states only reported facts as facts. Calculated times get a cautious wording ("should arrive").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime

from readback.flightdata.v1 import flight_status_pb2

from agent.language.en.phrases import phrase, phrases
from agent.language.en.spoken_forms import clock, clock_after, day, duration, flight
from agent.language.flight_times import (
    LATE,
    arrives_late,
    day_of,
    departure_delay,
    estimated_arrival,
    expected_departure,
    instant,
    likely_arrival,
    local,
    planned_arrival,
    planned_departure,
    state_of,
)

_Sentences = Callable[[flight_status_pb2.FlightStatus, datetime], Iterator[str]]


def status_sentences(status: flight_status_pb2.FlightStatus, now: datetime) -> Iterator[str]:
    """Yield sentences about the status of a flight. `now` must be an aware datetime."""
    state = state_of(status)
    if state in _OF_STATE:
        yield from _OF_STATE[state](status, now)
        if status.doubts:
            yield phrase("status_doubtful")
    else:
        name = f"status_{state}"
        yield _sentence(name if name in phrases() else "status_unknown", status, now)


def route_line(status: flight_status_pb2.FlightStatus) -> str:
    """Return the sentence for the status of one flight of a route."""
    state = state_of(status)
    if state == "DELAYED" and not departure_delay(status):
        state = "DELAYED_unknown"
    name = f"route_status_{state}"
    return phrase(
        name if name in phrases() else "route_status_unknown",
        flight=flight(status.flight_number, carrier=status.carrier),
        departure=clock(local(status.scheduled_departure)),
        delay=duration(departure_delay(status)),
    )


def _scheduled(status: flight_status_pb2.FlightStatus, now: datetime) -> Iterator[str]:
    if departure_delay(status) >= LATE:
        yield from _delayed(status, now)
    else:
        overdue = planned_departure(status) < now
        yield _sentence("status_SCHEDULED_due" if overdue else "status_SCHEDULED", status, now)


def _on_time(status: flight_status_pb2.FlightStatus, now: datetime) -> Iterator[str]:
    if departure_delay(status) >= LATE:
        yield from _delayed(status, now)
    elif expected_departure(status) < now:
        yield _sentence("status_ON_TIME_due", status, now)
    else:
        yield _sentence("status_ON_TIME_but_late" if arrives_late(status) else "status_ON_TIME", status, now)


def _delayed(status: flight_status_pb2.FlightStatus, now: datetime) -> Iterator[str]:
    if not departure_delay(status):
        yield _sentence("status_DELAYED_unknown", status, now)
        estimate = estimated_arrival(status)
        if estimate and estimate > max(now, planned_arrival(status)):
            yield _arrival("status_arrives", status, day_of(status.departure_date))
    elif expected_departure(status) < now:
        yield _sentence("status_DELAYED_due", status, now)
    else:
        yield _sentence("status_DELAYED", status, now)
        name = "status_arrives" if estimated_arrival(status) else "status_should_arrive"
        yield _arrival(name, status, local(status.scheduled_departure, expected_departure(status)).date())


def _en_route(status: flight_status_pb2.FlightStatus, now: datetime) -> Iterator[str]:
    yield _sentence("status_EN_ROUTE", status, now)
    estimate = estimated_arrival(status)
    if (estimate or likely_arrival(status)) < now:
        name = "status_arrival_overdue"
    elif estimate:
        name = "status_arrives"
    else:
        departure_reported = (
            status.HasField("actual_departure_time")
            or status.HasField("estimated_departure_time")
            or departure_delay(status)
        )
        name = "status_should_arrive" if departure_reported else "status_arrives_by_plan"
    yield _arrival(name, status, day_of(status.departure_date))


def _landed(status: flight_status_pb2.FlightStatus, now: datetime) -> Iterator[str]:
    yield _sentence("status_LANDED", status, now)
    since = day_of(status.departure_date)
    if status.HasField("actual_arrival_time") and (arrived := instant(status.actual_arrival_time)) <= now:
        yield phrase("status_arrived", arrival=clock_after(local(status.scheduled_arrival, arrived), since))
    elif estimated_arrival(status):
        yield _arrival("status_was_expected", status, since)


_OF_STATE: Mapping[str, _Sentences] = {
    "SCHEDULED": _scheduled,
    "ON_TIME": _on_time,
    "DELAYED": _delayed,
    "EN_ROUTE": _en_route,
    "LANDED": _landed,
}
"""Functions for the states whose sentences need times."""


def _sentence(name: str, status: flight_status_pb2.FlightStatus, now: datetime) -> str:
    """Return the phrase called `name`, filled with the flight and its planned and expected times."""
    since, today = day_of(status.departure_date), local(status.scheduled_departure, now).date()
    leaving = local(status.scheduled_departure, expected_departure(status))
    return phrase(
        name,
        flight=flight(status.flight_number, carrier=status.carrier),
        day=day(since, today),
        # Without a date the caller assumes today. Another day is said, so that they notice mistakes.
        other_day=f" {day(since, today)}" if since != today else "",
        origin=status.scheduled_departure.city,
        destination=status.scheduled_arrival.city,
        planned_departure=clock(local(status.scheduled_departure)),
        planned_arrival=clock_after(local(status.scheduled_arrival), since),
        departure=clock_after(leaving, since),
        arrival=clock_after(local(status.scheduled_arrival, estimated_arrival(status)), leaving.date()),
        delay=duration(departure_delay(status)),
    )


def _arrival(name: str, status: flight_status_pb2.FlightStatus, since: date) -> str:
    """Return the phrase called `name` about the arrival. If its date isn't `since`, add the day."""
    moment = local(status.scheduled_arrival, estimated_arrival(status) or likely_arrival(status))
    return phrase(name, destination=status.scheduled_arrival.city, arrival=clock_after(moment, since))
