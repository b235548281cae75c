"""The rules of a supplier, from its file. They judge facts from records, never from the caller."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

from readback.booking.v1 import quotes_pb2
from readback.booking.v1.quotes_pb2 import Amount, FareCondition, FareConditions, Passenger
from readback.flightdata.v1.flights_pb2 import Cabin, Segment

from services.booking.errors import PolicyRefused
from services.booking.model.amounts import percentage
from services.booking.model.passengers import age_on, date_of, local_date, party_of


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules about passengers and times, and the conditions of each cabin's fares."""

    most_passengers: int
    accompanied_below: int
    """Age below which a passenger needs a companion."""
    accompanying_age: int
    """Least age of a companion."""
    cut_off_minutes: int
    """Time before the first departure after which nothing is sold, changed or refunded."""
    offer_minutes: int
    """Time for which a price is kept."""
    cabins: Mapping[str, Mapping[str, Any]]
    """Name and conditions of the fare of each cabin, by the cabin's name in the contract."""

    @classmethod
    def named(cls, name: str) -> Policy:
        """Return the policy of a supplier."""
        text = (resources.files(__package__) / f"{name}.toml").read_text("utf-8")
        return cls(**tomllib.loads(text))

    def check(self, passengers: Sequence[Passenger], segments: Sequence[Segment], now: datetime) -> None:
        """Check a new booking, or a change of one.

        Raises:
            PolicyRefused: a rule forbids it.
        """
        self._check_party(passengers)
        self._check_ages(passengers, segments)
        if not self.is_before_cut_off(segments, now):
            text = f"Bookings close {self.cut_off_minutes} minutes before the departure."
            raise PolicyRefused("cut_off", text)

    def is_before_cut_off(self, segments: Sequence[Segment], now: datetime) -> bool:
        """Return whether there is still time to sell, change or refund flights."""
        departs = segments[0].departure.time.ToDatetime(UTC)
        return now < departs - timedelta(minutes=self.cut_off_minutes)

    def fare_name(self, cabin: Cabin.ValueType) -> str:
        """Return the name of a cabin's fare."""
        return str(self._cabin(cabin)["fare_name"])

    def conditions(self, cabin: Cabin.ValueType, price: Amount) -> FareConditions:
        """Return the conditions of a fare."""
        rules = self._cabin(cabin)
        return FareConditions(
            refund=_condition(rules["refund"], price), change=_condition(rules["change"], price)
        )

    def _cabin(self, cabin: Cabin.ValueType) -> Mapping[str, Any]:
        return self.cabins[Cabin.Name(cabin).removeprefix("CABIN_")]

    def _check_party(self, passengers: Sequence[Passenger]) -> None:
        adults, children, infants = party_of(passengers)
        if adults + children > self.most_passengers:
            text = f"At most {self.most_passengers} passengers can be booked together."
            raise PolicyRefused("most_passengers", text)
        if infants > adults:
            raise PolicyRefused("infants_on_laps", "Each infant travels on the lap of an adult of their own.")

    def _check_ages(self, passengers: Sequence[Passenger], segments: Sequence[Segment]) -> None:
        last = local_date(segments[-1])
        ages = [age_on(date_of(passenger.birth_date), last) for passenger in passengers]
        if min(ages) < self.accompanied_below and max(ages) < self.accompanying_age:
            below, companion = self.accompanied_below, self.accompanying_age
            text = f"Passengers under {below} need a companion of {companion} or older."
            raise PolicyRefused("unaccompanied_children", text)


def _condition(rule: Mapping[str, Any], price: Amount) -> FareCondition:
    allowed = quotes_pb2.ALLOWANCE_ALLOWED if rule["allowed"] else quotes_pb2.ALLOWANCE_NOT_ALLOWED
    percent = rule.get("fee_percent")
    return FareCondition(allowance=allowed, fee=None if percent is None else percentage(price, percent))
