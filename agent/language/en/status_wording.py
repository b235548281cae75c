"""What is said of how a flight does: nothing that nobody told, and what is worked out called so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from agent.dialogue.tools import FlightStatus, FlightStop
from agent.language.en.phrases import phrase, phrases
from agent.language.en.spoken_forms import clock, clock_after, day, duration, flight
from agent.language.expected_times import LATE, arrives_late, estimated_arrival, late, leaves, likely_arrival

_WITH_TIMES = frozenset({"SCHEDULED", "ON_TIME", "DELAYED", "EN_ROUTE", "LANDED"})


def status_sentences(status: FlightStatus, now: datetime) -> Iterator[str]:
    """How a flight does at a time (aware)."""
    yield from _OF_STATE.get(status.state, _plainly)(status, now)
    if status.data.get("doubts") and status.state in _WITH_TIMES:
        yield phrase("status_doubtful")


def route_line(status: FlightStatus) -> str:
    """One line of a list of flights of a route."""
    name = f"route_status_{status.state}"
    if status.state == "DELAYED" and not late(status):
        name = "route_status_DELAYED_unknown"
    return phrase(
        name if name in phrases() else "route_status_unknown",
        flight=flight(status.flight_number, carrier=status.carrier),
        departure=clock(status.departure.local),
        delay=duration(late(status)),
    )


def _plainly(status: FlightStatus, now: datetime) -> Iterator[str]:
    """A state that needs no times, and an unknown one."""
    name = f"status_{status.state}"
    yield _said(name if name in phrases() else "status_unknown", status, now)


def _scheduled(status: FlightStatus, now: datetime) -> Iterator[str]:
    if late(status) >= LATE:
        yield from _delayed(status, now)
    else:
        yield _said(
            "status_SCHEDULED_due" if status.departure.time < now else "status_SCHEDULED", status, now
        )


def _on_time(status: FlightStatus, now: datetime) -> Iterator[str]:
    if late(status) >= LATE:
        yield from _delayed(status, now)
    elif leaves(status) < now:
        yield _said("status_ON_TIME_due", status, now)
    else:
        yield _said("status_ON_TIME_but_late" if arrives_late(status) else "status_ON_TIME", status, now)


def _delayed(status: FlightStatus, now: datetime) -> Iterator[str]:
    if not late(status):
        yield _said("status_DELAYED_unknown", status, now)
        estimate = estimated_arrival(status)
        if estimate and estimate > max(now, status.arrival.time):
            yield _arrival("status_arrives", status, status.depart_date)
    elif leaves(status) < now:
        yield _said("status_DELAYED_due", status, now)
    else:
        yield _said("status_DELAYED", status, now)
        name = "status_arrives" if estimated_arrival(status) else "status_should_arrive"
        yield _arrival(name, status, _local(leaves(status), status.departure).date())


def _en_route(status: FlightStatus, now: datetime) -> Iterator[str]:
    yield _said("status_EN_ROUTE", status, now)
    estimate = estimated_arrival(status)
    if (estimate or likely_arrival(status)) < now:
        name = "status_arrival_overdue"
    elif estimate:
        name = "status_arrives"
    else:
        heard_of = status.actual_departure or status.estimated_departure or late(status)
        name = "status_should_arrive" if heard_of else "status_arrives_by_plan"
    yield _arrival(name, status, status.depart_date)


def _landed(status: FlightStatus, now: datetime) -> Iterator[str]:
    yield _said("status_LANDED", status, now)
    if status.actual_arrival and status.actual_arrival <= now:
        yield phrase(
            "status_arrived",
            arrival=clock_after(_local(status.actual_arrival, status.arrival), status.depart_date),
        )
    elif estimated_arrival(status):
        yield _arrival("status_was_expected", status, status.depart_date)


_OF_STATE: Mapping[str, Callable[[FlightStatus, datetime], Iterator[str]]] = {
    "SCHEDULED": _scheduled,
    "ON_TIME": _on_time,
    "DELAYED": _delayed,
    "EN_ROUTE": _en_route,
    "LANDED": _landed,
}


def _said(name: str, status: FlightStatus, now: datetime) -> str:
    """A phrase about both ends, each as it is expected, or as planned where nobody knows better."""
    leaving, today = _local(leaves(status), status.departure), _local(now, status.departure).date()
    planned = day(status.depart_date, today)
    return phrase(
        name,
        flight=flight(status.flight_number, carrier=status.carrier),
        day=planned,
        # Who asks about today needn't be told so; of another day a slip must be heard.
        other_day=f" {planned}" if status.depart_date != today else "",
        origin=status.departure.city,
        destination=status.arrival.city,
        planned_departure=clock(status.departure.local),
        planned_arrival=clock_after(status.arrival.local, status.depart_date),
        departure=clock_after(leaving, status.depart_date),
        arrival=clock_after(
            _local(estimated_arrival(status) or status.arrival.time, status.arrival), leaving.date()
        ),
        delay=duration(late(status)),
    )


def _arrival(name: str, status: FlightStatus, since: date) -> str:
    """A phrase about the arrival, whose day is told when it isn't the one talked about."""
    moment = estimated_arrival(status) or likely_arrival(status)
    return phrase(
        name, destination=status.arrival.city, arrival=clock_after(_local(moment, status.arrival), since)
    )


def _local(moment: datetime, stop: FlightStop) -> datetime:
    return moment.astimezone(ZoneInfo(stop.time_zone))
