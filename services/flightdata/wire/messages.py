"""Conversion of flights, offers, status and providers to contract messages. Ages are measured at `now`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise

from google.protobuf.timestamp_pb2 import Timestamp
from readback.flightdata.v1 import flight_status_pb2, flightdata_service_pb2, flights_pb2

from mesh.clock import timestamp
from services.flightdata.model.emissions import SOURCE
from services.flightdata.model.fares import Fare
from services.flightdata.model.flights import (
    Doubt,
    Endpoint,
    FlightStatus,
    Itinerary,
    Operator,
    Provenance,
    Segment,
    State,
    is_overnight,
)
from services.flightdata.model.instants import Convention
from services.flightdata.model.search_results import Journey, Limit, Offer, Results
from services.flightdata.providers.errors import Problem
from services.flightdata.providers.health import ProviderHealth
from services.flightdata.providers.protocol import Capability, FlightProvider
from services.flightdata.providers.routing import Progress
from services.flightdata.wire import values
from services.flightdata.wire.requests import CABINS

_CABIN_VALUES = {cabin: value for value, cabin in CABINS.items()}
STATES = {
    State.UNKNOWN: flight_status_pb2.FLIGHT_STATE_UNSPECIFIED,
    State.SCHEDULED: flight_status_pb2.FLIGHT_STATE_SCHEDULED,
    State.ON_TIME: flight_status_pb2.FLIGHT_STATE_ON_TIME,
    State.DELAYED: flight_status_pb2.FLIGHT_STATE_DELAYED,
    State.EN_ROUTE: flight_status_pb2.FLIGHT_STATE_EN_ROUTE,
    State.LANDED: flight_status_pb2.FLIGHT_STATE_LANDED,
    State.CANCELLED: flight_status_pb2.FLIGHT_STATE_CANCELLED,
    State.DIVERTED: flight_status_pb2.FLIGHT_STATE_DIVERTED,
}
DOUBTS = {
    Doubt.IMPOSSIBLE_DURATION: flights_pb2.DOUBT_IMPOSSIBLE_DURATION,
    Doubt.CONTRADICTORY_TIMES: flights_pb2.DOUBT_CONTRADICTORY_TIMES,
}
LIMITS = {
    Limit.RESULTS: flights_pb2.SEARCH_LIMIT_RESULTS,
    Limit.CONNECTIONS: flights_pb2.SEARCH_LIMIT_CONNECTIONS,
    Limit.DAYS: flights_pb2.SEARCH_LIMIT_DAYS,
    Limit.FLEXIBLE_LEGS: flights_pb2.SEARCH_LIMIT_FLEXIBLE_LEGS,
    Limit.JOURNEYS: flights_pb2.SEARCH_LIMIT_JOURNEYS,
    Limit.BAGS: flights_pb2.SEARCH_LIMIT_BAGS,
    Limit.PART: flights_pb2.SEARCH_LIMIT_PART,
}
CONVENTIONS = {
    Convention.EXACT: flights_pb2.TIME_CONVENTION_EXACT,
    Convention.LOCAL_LABELLED_UTC: flights_pb2.TIME_CONVENTION_LOCAL_LABELLED_UTC,
    Convention.LOCAL: flights_pb2.TIME_CONVENTION_LOCAL,
    Convention.LOCAL_CLOCK: flights_pb2.TIME_CONVENTION_LOCAL_CLOCK,
    Convention.UTC: flights_pb2.TIME_CONVENTION_UTC,
    Convention.OFFSET: flights_pb2.TIME_CONVENTION_OFFSET,
    Convention.EPOCH: flights_pb2.TIME_CONVENTION_EPOCH,
}
PROBLEMS = {
    None: flights_pb2.PROVIDER_PROBLEM_UNSPECIFIED,
    Problem.UNAVAILABLE: flights_pb2.PROVIDER_PROBLEM_UNAVAILABLE,
    Problem.RATE_LIMITED: flights_pb2.PROVIDER_PROBLEM_RATE_LIMITED,
    Problem.QUOTA_EXHAUSTED: flights_pb2.PROVIDER_PROBLEM_QUOTA_EXHAUSTED,
    Problem.RESTRICTED: flights_pb2.PROVIDER_PROBLEM_RESTRICTED,
    Problem.REJECTED: flights_pb2.PROVIDER_PROBLEM_REJECTED,
    Problem.BAD_ANSWER: flights_pb2.PROVIDER_PROBLEM_BAD_ANSWER,
}

CAPABILITIES = {
    Capability.SEARCH: flightdata_service_pb2.PROVIDER_CAPABILITY_SEARCH,
    Capability.OFFERS: flightdata_service_pb2.PROVIDER_CAPABILITY_OFFERS,
    Capability.CONNECTIONS: flightdata_service_pb2.PROVIDER_CAPABILITY_CONNECTIONS,
    Capability.ROUND_TRIPS: flightdata_service_pb2.PROVIDER_CAPABILITY_ROUND_TRIPS,
    Capability.STATUS: flightdata_service_pb2.PROVIDER_CAPABILITY_STATUS,
    Capability.ROUTE_STATUS: flightdata_service_pb2.PROVIDER_CAPABILITY_ROUTE_STATUS,
    Capability.BOARD: flightdata_service_pb2.PROVIDER_CAPABILITY_BOARD,
}


def search_event(
    event: Progress | Results | flights_pb2.SearchDone, now: datetime
) -> flights_pb2.SearchFlightsResponse:
    """Return an event of a search as a message."""
    match event:
        case Progress():
            problem = PROBLEMS[event.problem]
            progress = flights_pb2.SearchProgress(
                provider=event.provider, finished=event.finished, problem=problem
            )
            return flights_pb2.SearchFlightsResponse(progress=progress)
        case Results():
            results = flights_pb2.SearchResults(
                itineraries=[itinerary(i, now) for i in event.itineraries],
                offers=[offer(o, now) for o in event.offers],
                journeys=[_journey(j) for j in event.journeys],
            )
            return flights_pb2.SearchFlightsResponse(results=results)
        case flights_pb2.SearchDone():
            return flights_pb2.SearchFlightsResponse(done=event)


def _journey(journey: Journey) -> flights_pb2.Journey:
    total, ids = journey.fare, [itinerary.id for itinerary in journey.itineraries]
    return flights_pb2.Journey(itinerary_ids=ids, fare=fare(total) if total else None)


def itinerary(value: Itinerary, now: datetime) -> flights_pb2.Itinerary:
    """Return an itinerary as a message."""
    grams = value.emissions
    return flights_pb2.Itinerary(
        itinerary_id=value.id,
        segments=[segment(s) for s in value.segments],
        duration=values.duration(value.duration),
        fare=fare(value.fare) if value.fare else None,
        provenance=provenance(value.provenance, now),
        layovers=[_layover(a.arrival, b.departure) for a, b in pairwise(value.segments)],
        days_later=value.days_later,
        emissions=flights_pb2.Emissions(grams=grams, source=SOURCE) if grams is not None else None,
        seats_left=value.seats_left,
        leg_index=value.leg,
    )


def _layover(arrival: Endpoint, departure: Endpoint) -> flights_pb2.Layover:
    return flights_pb2.Layover(
        airport_code=arrival.airport,
        city=arrival.city,
        duration=values.duration(departure.at - arrival.at),
        overnight=is_overnight(arrival, departure),
        next_airport_code=departure.airport if departure.airport != arrival.airport else "",
    )


def offer(value: Offer, now: datetime) -> flights_pb2.Offer:
    """Return an offer as a message."""
    return flights_pb2.Offer(
        offer_id=value.id,
        itinerary_ids=value.itinerary_ids,
        seller=value.seller,
        fare=fare(value.fare),
        expire_time=timestamp(value.expires),
        provenance=provenance(value.provenance, now),
        ticket_count=value.tickets,
    )


def fare(value: Fare) -> flights_pb2.Fare:
    """Return a fare as a message."""
    return flights_pb2.Fare(
        total=values.money(value.total),
        per_adult=values.money(value.per_adult) if value.per_adult else None,
        cabin=_CABIN_VALUES[value.cabin],
        bags=value.bags,
    )


def segment(value: Segment) -> flights_pb2.Segment:
    """Return a segment as a message."""
    return flights_pb2.Segment(
        carrier_code=value.carrier_code,
        carrier=value.carrier,
        flight_number=value.flight,
        departure=_endpoint(value.departure),
        arrival=_endpoint(value.arrival),
        duration=values.duration(value.duration),
        operator=_operator(value.operator),
        also_sold_as=value.also_sold_as,
        aircraft=value.aircraft,
        days_later=value.days_later,
        doubts=_doubts(value.doubts),
    )


def status(value: FlightStatus, now: datetime) -> flight_status_pb2.FlightStatus:
    """Return the status of a flight as a message."""
    flight = value.segment
    return flight_status_pb2.FlightStatus(
        flight_number=flight.flight,
        carrier_code=flight.carrier_code,
        carrier=flight.carrier,
        departure_date=values.date_message(value.departure_date),
        state=STATES[value.state],
        scheduled_departure=_endpoint(flight.departure),
        scheduled_arrival=_endpoint(flight.arrival),
        estimated_departure_time=_timestamp(value.estimated_departure),
        estimated_arrival_time=_timestamp(value.estimated_arrival),
        actual_departure_time=_timestamp(value.actual_departure),
        actual_arrival_time=_timestamp(value.actual_arrival),
        departure_delay=None if value.delay is None else values.duration(value.delay),
        provenance=provenance(value.provenance, now),
        provider_state=value.vendor_state,
        operator=_operator(flight.operator),
        also_sold_as=flight.also_sold_as,
        aircraft=flight.aircraft,
        doubts=_doubts(flight.doubts),
    )


def provenance(value: Provenance, now: datetime) -> flights_pb2.Provenance:
    """Return provenance as a message."""
    return flights_pb2.Provenance(
        provider=value.provider,
        fetch_time=timestamp(value.fetched),
        cached=value.cached,
        sample=value.sample,
        age=values.duration(value.age(now)),
        vintage=value.vintage,
    )


def _operator(value: Operator | None) -> flights_pb2.Operator | None:
    if value is None:
        return None
    return flights_pb2.Operator(
        carrier_code=value.carrier_code, carrier=value.carrier, flight_number=value.flight
    )


def _timestamp(moment: datetime | None) -> Timestamp | None:
    return timestamp(moment) if moment else None


def _doubts(doubts: Iterable[Doubt]) -> list[flights_pb2.Doubt.ValueType]:
    return sorted(DOUBTS[doubt] for doubt in doubts)


def _endpoint(value: Endpoint) -> flights_pb2.FlightEndpoint:
    return flights_pb2.FlightEndpoint(
        airport_code=value.airport,
        city=value.city,
        time=timestamp(value.at.utc),
        time_zone=value.zone,
        terminal=value.terminal,
        gate=value.gate,
        baggage_belt=value.belt,
        local_time=value.time.isoformat(timespec="seconds"),
        time_convention=CONVENTIONS[value.at.convention],
    )


def provider(value: FlightProvider, health: ProviderHealth, now: datetime) -> flightdata_service_pb2.Provider:
    """Return a provider and its health as a message."""
    error, remaining = health.last_error, health.remaining
    return flightdata_service_pb2.Provider(
        name=value.name,
        sample=value.is_sample,
        capabilities=sorted(map(CAPABILITIES.__getitem__, value.capabilities())),
        off=health.disabled(now) is not None,
        last_success_time=_timestamp(health.last_success),
        last_failure_time=_timestamp(health.last_failure),
        last_problem=PROBLEMS[error.problem if error else None],
        last_error=error.detail if error else "",
        budget=remaining.of if remaining else None,
        budget_left=remaining.left if remaining else None,
        resting_capabilities=sorted(
            CAPABILITIES[c] for c, breaker in health.breakers.items() if breaker.is_open
        ),
    )
