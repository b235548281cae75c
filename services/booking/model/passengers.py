"""Passengers: copies of travellers, and their ages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from google.type.date_pb2 import Date
from readback.booking.v1 import quotes_pb2
from readback.booking.v1.quotes_pb2 import BookingItem, Passenger, PassengerKind
from readback.booking.v1.travellers_pb2 import Traveller
from readback.flightdata.v1.flights_pb2 import Segment

ADULT_AGE, CHILD_AGE = 12, 2
"""Ages in years from which a passenger is an adult, or a child."""
COPIED = (
    "traveller_id",
    "title",
    "given_name",
    "family_name",
    "birth_date",
    "gender",
    "email",
    "phone_number",
)


def segments_of(items: Iterable[BookingItem]) -> list[Segment]:
    """Return the flights of all items, in the order of travel."""
    return [segment for item in items for segment in item.flights.segments]


def flight_key(segment: Segment) -> str:
    """Return the key of one flight on one day, for example `AI542/2026-11-24`."""
    return f"{segment.flight_number}/{local_date(segment)}"


def local_date(segment: Segment) -> date:
    """Return the date of a flight's departure, in the local time of its airport."""
    return datetime.fromisoformat(segment.departure.local_time).date()


def date_of(message: Date) -> date:
    """Return a date. Raises ValueError if there is no such day."""
    return date(message.year, message.month, message.day)


def age_on(birth: date, day: date) -> int:
    """Return a person's age in whole years on a day."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def kind_at(age: int) -> PassengerKind.ValueType:
    """Return the kind of a passenger of an age in years."""
    if age >= ADULT_AGE:
        return quotes_pb2.PASSENGER_KIND_ADULT
    return quotes_pb2.PASSENGER_KIND_CHILD if age >= CHILD_AGE else quotes_pb2.PASSENGER_KIND_INFANT


def passengers_of(travellers: Iterable[Traveller], last_flight: date) -> list[Passenger]:
    """Return travellers as passengers, with their kinds by the age on the day of the last flight."""
    return [
        Passenger(
            kind=kind_at(age_on(date_of(traveller.birth_date), last_flight)),
            **{name: getattr(traveller, name) for name in COPIED},
        )
        for traveller in travellers
    ]


def party_of(passengers: Sequence[Passenger]) -> tuple[int, int, int]:
    """Return the numbers of adults, children and infants."""
    kinds = Counter(passenger.kind for passenger in passengers)
    return (
        kinds[quotes_pb2.PASSENGER_KIND_ADULT],
        kinds[quotes_pb2.PASSENGER_KIND_CHILD],
        kinds[quotes_pb2.PASSENGER_KIND_INFANT],
    )
