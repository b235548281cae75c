"""Rules of the sandbox's policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from google.type.date_pb2 import Date
from readback.booking.v1 import quotes_pb2
from readback.booking.v1.quotes_pb2 import Amount, Passenger
from readback.flightdata.v1.flights_pb2 import CABIN_ECONOMY, CABIN_FIRST, CABIN_PREMIUM_ECONOMY, Segment

from services.booking.errors import PolicyRefused
from services.booking.model.passengers import age_on, date_of, kind_at
from services.booking.policies.policy import Policy

pytestmark = pytest.mark.unit
POLICY = Policy.named("sandbox")
NOW = datetime(2026, 12, 1, 6, tzinfo=UTC)
PRICE = Amount(currency_code="INR", minor_units=1_000_000, exponent=2)


def flight(leaves: datetime) -> Segment:
    segment = Segment(flight_number="AI542")
    segment.departure.time.FromDatetime(leaves)
    segment.departure.local_time = leaves.isoformat()
    return segment


def aged(*ages: int) -> list[Passenger]:
    people = []
    for age in ages:
        born = Date(year=2026 - age, month=1, day=1)
        kind = kind_at(age_on(date_of(born), NOW.date()))
        people.append(Passenger(birth_date=born, kind=kind))
    return people


@pytest.mark.parametrize(
    ("ages", "rule"),
    [
        ((30,), None),
        ((30, 8, 1), None),
        ((16,), None),
        ((15,), "unaccompanied_children"),
        ((17, 10), "unaccompanied_children"),
        ((30, 1, 1), "infants_on_laps"),
        ((30,) * 10, "most_passengers"),
        ((30,) * 9, None),
    ],
)
def test_parties(ages: tuple[int, ...], rule: str | None) -> None:
    segments = [flight(NOW + timedelta(hours=5))]
    if rule is None:
        POLICY.check(aged(*ages), segments, NOW)
    else:
        with pytest.raises(PolicyRefused) as refused:
            POLICY.check(aged(*ages), segments, NOW)
        assert refused.value.metadata == {"rule": rule}


def test_bookings_close_an_hour_before_the_departure() -> None:
    POLICY.check(aged(30), [flight(NOW + timedelta(minutes=61))], NOW)
    with pytest.raises(PolicyRefused):
        POLICY.check(aged(30), [flight(NOW + timedelta(minutes=60))], NOW)


def test_conditions_state_fees_or_say_that_they_are_not_stated() -> None:
    economy = POLICY.conditions(CABIN_ECONOMY, PRICE)
    assert (economy.refund.fee.minor_units, economy.change.fee.minor_units) == (250_000, 100_000)
    assert not POLICY.conditions(CABIN_PREMIUM_ECONOMY, PRICE).refund.HasField("fee")
    free = POLICY.conditions(CABIN_FIRST, PRICE).refund
    assert free.allowance == quotes_pb2.ALLOWANCE_ALLOWED
    assert free.HasField("fee")
    assert free.fee.minor_units == 0
