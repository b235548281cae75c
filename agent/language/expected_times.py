"""When a flight leaves and arrives, as far as anybody knows.

Of 100 flights that AviationStack told, 93 had no estimate of their arrival and 96 no actual one: the plan must not stand in for either.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from agent.dialogue.tools import FlightStatus

LATE = timedelta(minutes=15)
"""From here a flight counts as late, as airlines and regulators report it."""


def leaves(status: FlightStatus) -> datetime:
    """When it left or is to leave: the actual time, an estimate that moved, or the plan and the delay; the plan when nobody knows."""
    plan, estimate = status.departure.time, status.estimated_departure
    moved = estimate if estimate != plan else None
    return status.actual_departure or moved or plan + status.delay


def late(status: FlightStatus) -> timedelta:
    """How long after the plan it leaves, in whole minutes; zero when on time, early or unknown."""
    minutes = (leaves(status) - status.departure.time) // timedelta(minutes=1)
    return timedelta(minutes=max(0, minutes))


def estimated_arrival(status: FlightStatus) -> datetime | None:
    """What the provider estimates; None when it doesn't, or when that can't be: before it leaves, or as planned though it leaves late."""
    estimate = status.estimated_arrival
    if estimate is None or estimate <= leaves(status):
        return None
    return None if estimate == status.arrival.time and late(status) >= LATE else estimate


def likely_arrival(status: FlightStatus) -> datetime:
    """When it should arrive if it takes as long as planned; early flights wait for their stand."""
    return status.arrival.time + late(status)


def arrives_late(status: FlightStatus) -> bool:
    """Whether it is estimated to arrive late."""
    estimate = estimated_arrival(status)
    return estimate is not None and estimate - status.arrival.time >= LATE
