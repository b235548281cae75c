"""Legs: the common format of all vendors' rows.

Each vendor's adapter converts rows to legs. Segments and flight statuses are built from legs, so all vendors
share the code for codeshares, states and plausibility checks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.flightdata.model import carriers
from services.flightdata.model.flights import Doubt, Endpoint, FlightStatus, Operator, Provenance, Segment
from services.flightdata.model.instants import Instant
from services.flightdata.places import Airport
from services.flightdata.places.geography import distance_km
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.vendors.flight_state import Evidence, Movement, state_of
from services.flightdata.vendors.json_fields import NOTHING, Json, label, name
from services.flightdata.vendors.plausibility import doubts, flies, is_test_carrier

MOST_CODESHARES = 20
"""Maximum number of further flight numbers of one flight."""


@dataclass(frozen=True, slots=True)
class End:
    """The departure or arrival of a leg. `zone` is an IANA zone. The last three fields may be empty."""

    airport: str
    city: str
    zone: str
    movement: Movement
    terminal: str = ""
    gate: str = ""
    belt: str = ""


@dataclass(frozen=True, slots=True)
class Leg:
    """A flight from one airport to the next without a stop, under one flight number.

    `operator` is set for codeshares. `kilometres` is the great-circle distance, None if an airport is
    unknown.
    """

    carrier_code: str
    carrier: str
    flight: str
    departure: End
    arrival: End
    vendor_state: str = ""
    airborne: bool = False
    operator: Operator | None = None
    also_sold_as: tuple[str, ...] = ()
    aircraft: str = ""
    kilometres: float | None = None

    @property
    def planned(self) -> bool:
        """True if departure and arrival have a scheduled time, which segments and statuses need."""
        return self.departure.movement.scheduled is not None and self.arrival.movement.scheduled is not None

    @property
    def departure_date(self) -> date | None:
        """The local day of departure; None if unknown."""
        scheduled = self.departure.movement.scheduled
        return scheduled.local.date() if scheduled else None

    def segment(self) -> Segment:
        """Return the leg as a segment with its scheduled times. Call it only if `planned` is True."""
        departure, arrival = _endpoint(self.departure), _endpoint(self.arrival)
        movements = (self.departure.movement, self.arrival.movement)
        contradict = any(movement != movement.plausible() for movement in movements)
        contradictions = frozenset({Doubt.CONTRADICTORY_TIMES} if contradict else ())
        return Segment(
            carrier_code=self.carrier_code,
            carrier=self.carrier or self.carrier_code,
            flight=self.flight,
            departure=departure,
            arrival=arrival,
            operator=self.operator,
            also_sold_as=self.also_sold_as[:MOST_CODESHARES],
            aircraft=self.aircraft,
            doubts=doubts(departure.at, arrival.at, self.kilometres) | contradictions,
        )

    def status(self, now: datetime, provenance: Provenance) -> FlightStatus:
        """Return the status of the leg at `now`. Call it only if `planned` is True."""
        leaves, arrives = self.departure.movement.plausible(), self.arrival.movement.plausible()
        evidence = Evidence(leaves, arrives, self.vendor_state, airborne=self.airborne)
        segment = self.segment()
        return FlightStatus(
            segment=segment,
            departure_date=segment.departure.time.date(),
            state=state_of(evidence, now),
            estimated_departure=_utc(leaves.expected if leaves.is_updated else None),
            estimated_arrival=_utc(arrives.expected if arrives.is_updated else None),
            delay=max(timedelta(), leaves.late) if leaves.is_updated else None,
            provenance=provenance,
            actual_departure=_utc(leaves.actual),
            actual_arrival=_utc(arrives.actual),
            vendor_state=name(self.vendor_state),
        )


def leg_between(
    departure: End | None,
    arrival: End | None,
    lexicon: Lexicon,
    *,
    flight: str,
    vendor_carrier: str = "",
    vendor_state: str = "",
    airborne: bool = False,
    operator: Operator | None = None,
    also_sold_as: tuple[str, ...] = (),
    equipment: str = "",
    aircraft: str = "",
) -> Leg | None:
    """Return a leg. Return None if an end or the flight number is missing, or if it isn't a real flight.

    `vendor_carrier` is the vendor's name of the carrier. `equipment` is an IATA code, used to detect trains
    and buses.
    """
    carrier = flight[:2]
    if departure is None or arrival is None or not flight or not flies("", equipment):
        return None
    if is_test_carrier(carrier, vendor_carrier):
        return None
    origin, destination = lexicon.airports.get(departure.airport), lexicon.airports.get(arrival.airport)
    return Leg(
        carrier_code=carrier,
        carrier=carriers.name_of(carrier, vendor_carrier),
        flight=flight,
        departure=departure,
        arrival=arrival,
        vendor_state=vendor_state,
        airborne=airborne,
        operator=operator,
        also_sold_as=also_sold_as,
        aircraft=aircraft,
        kilometres=distance_km(origin, destination) if origin and destination else None,
    )


def end_at(airport: Airport | None, movement: Movement, row: Json = NOTHING) -> End | None:
    """Return an end at an airport, with the city and zone from our tables; None if `airport` is None."""
    if airport is None:
        return None
    return End(airport.code, airport.city, airport.zone, movement, *details(row))


def details(row: Json) -> tuple[str, str, str]:
    """Return terminal, gate and baggage belt of a row. Both vendors use the same field names."""
    return label(row.get("terminal")), label(row.get("gate")), label(row.get("baggage"))


def in_order(legs: Iterable[Leg]) -> list[Leg]:
    """Return the legs that have scheduled times, sorted by departure."""
    return sorted(
        (leg for leg in legs if leg.planned), key=lambda leg: (_endpoint(leg.departure).at.utc, leg.flight)
    )


def _endpoint(end: End) -> Endpoint:
    assert end.movement.scheduled is not None
    return Endpoint(end.airport, end.city, end.movement.scheduled, end.terminal, end.gate, end.belt)


def _utc(moment: Instant | None) -> datetime | None:
    return moment.utc if moment else None
