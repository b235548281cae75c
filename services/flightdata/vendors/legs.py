"""A flight as one row of a vendor's answer tells it, before it is anybody's segment or status.

Adapters read their vendor's rows into these; codeshares, state and plausibility are then worked out in one way for all vendors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from services.flightdata.model.flights import Doubt, FlightStatus, Operator, Provenance, Segment, Stop
from services.flightdata.model.instants import Instant
from services.flightdata.places import Airport
from services.flightdata.places.geography import distance_km
from services.flightdata.vendors.flight_state import Evidence, Movement, state_of
from services.flightdata.vendors.plausibility import contradictions, doubts


@dataclass(frozen=True, slots=True)
class End:
    """One end of a leg: the airport's code, city and zone, what is planned and known of it. Anything may be unknown but the place."""

    airport: str
    city: str
    zone: str
    movement: Movement
    terminal: str = ""
    gate: str = ""
    belt: str = ""


@dataclass(frozen=True, slots=True)
class Leg:
    """One aircraft from one airport to the next, under one flight number.

    `operator` is set on a codeshare's row. `kilometres` is the great circle, None when an airport is unknown.
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
        """Whether both ends have a planned time; without them it is nobody's segment."""
        return self.departure.movement.scheduled is not None and self.arrival.movement.scheduled is not None

    @property
    def depart_date(self) -> date | None:
        """Day of departure on the airport's calendar."""
        planned = self.departure.movement.scheduled
        return planned.local.date() if planned else None

    def segment(self) -> Segment:
        """The leg as planned. Call only when `planned`."""
        departure, arrival = _stop(self.departure), _stop(self.arrival)
        return Segment(
            carrier_code=self.carrier_code,
            carrier=self.carrier or self.carrier_code,
            flight=self.flight,
            departure=departure,
            arrival=arrival,
            operator=self.operator,
            also_sold_as=self.also_sold_as,
            aircraft=self.aircraft,
            doubts=doubts(departure.at, arrival.at, self.kilometres) | self._contradictions(),
        )

    def _contradictions(self) -> frozenset[Doubt]:
        ends = (self.departure.movement, self.arrival.movement)
        return frozenset(
            d for m in ends if m.scheduled for d in contradictions(m.scheduled, m.estimated, m.actual)
        )

    def status(self, now: datetime, provenance: Provenance) -> FlightStatus:
        """How the leg does at a time. Call only when `planned`."""
        leaves, arrives = self.departure.movement.believed(), self.arrival.movement.believed()
        evidence = Evidence(leaves, arrives, self.vendor_state, airborne=self.airborne)
        segment = self.segment()
        return FlightStatus(
            segment=segment,
            depart_date=segment.departure.time.date(),
            state=state_of(evidence, now),
            estimated_departure=_utc(leaves.expected if leaves.is_expected else None),
            estimated_arrival=_utc(arrives.expected if arrives.is_expected else None),
            delay=max(timedelta(), leaves.late),
            provenance=provenance,
            actual_departure=_utc(leaves.actual),
            actual_arrival=_utc(arrives.actual),
            vendor_state=self.vendor_state,
        )


def end_at(
    airport: Airport, movement: Movement, *, terminal: str = "", gate: str = "", belt: str = ""
) -> End:
    """An end at an airport we know: its city and zone are ours, whatever the vendor calls them."""
    return End(airport.code, airport.city, airport.zone, movement, terminal, gate, belt)


def measured(leg: Leg, origin: Airport | None, destination: Airport | None) -> Leg:
    """The leg with its distance."""
    return replace(leg, kilometres=distance_km(origin, destination)) if origin and destination else leg


def in_order(legs: Iterable[Leg]) -> list[Leg]:
    """Legs whose times are known, in the order they leave."""
    return sorted((leg for leg in legs if leg.planned), key=lambda leg: (_leaves(leg).utc, leg.flight))


def _leaves(leg: Leg) -> Instant:
    assert leg.departure.movement.scheduled is not None
    return leg.departure.movement.scheduled


def _stop(end: End) -> Stop:
    assert end.movement.scheduled is not None
    return Stop(end.airport, end.city, end.movement.scheduled, end.terminal, end.gate, end.belt)


def _utc(instant: Instant | None) -> datetime | None:
    return instant.utc if instant else None
