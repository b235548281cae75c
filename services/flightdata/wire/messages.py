"""Flights, offers and status as the contract's messages. `now` is the moment that ages are counted to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from readback.flightdata.v1 import flightdata_service_pb2 as pb

from services.flightdata.model.fares import Fare
from services.flightdata.model.flights import (
    Doubt,
    FlightStatus,
    Itinerary,
    Operator,
    Provenance,
    Segment,
    State,
    Stop,
)
from services.flightdata.model.found import Limit, Offer
from services.flightdata.model.instants import Convention
from services.flightdata.model.layovers import Layover, layovers
from services.flightdata.providers.errors import Problem
from services.flightdata.providers.routing import Progress
from services.flightdata.search.journeys import Journey
from services.flightdata.search.searching import Done, Part, Results, SearchEvent
from services.flightdata.wire import values as values
from services.flightdata.wire.requests import CABINS

_CABIN_VALUES = {cabin: value for value, cabin in CABINS.items()}
STATES = {
    State.UNKNOWN: pb.FLIGHT_STATE_UNSPECIFIED,
    State.SCHEDULED: pb.FLIGHT_STATE_SCHEDULED,
    State.ON_TIME: pb.FLIGHT_STATE_ON_TIME,
    State.DELAYED: pb.FLIGHT_STATE_DELAYED,
    State.EN_ROUTE: pb.FLIGHT_STATE_EN_ROUTE,
    State.LANDED: pb.FLIGHT_STATE_LANDED,
    State.CANCELLED: pb.FLIGHT_STATE_CANCELLED,
    State.DIVERTED: pb.FLIGHT_STATE_DIVERTED,
}
DOUBTS = {
    Doubt.IMPOSSIBLE_DURATION: pb.DOUBT_IMPOSSIBLE_DURATION,
    Doubt.CONTRADICTORY_TIMES: pb.DOUBT_CONTRADICTORY_TIMES,
}
LIMITS = {
    Limit.RESULTS: pb.SEARCH_LIMIT_RESULTS,
    Limit.CONNECTIONS: pb.SEARCH_LIMIT_CONNECTIONS,
    Limit.DAYS: pb.SEARCH_LIMIT_DAYS,
    Limit.FLEXIBLE_LEGS: pb.SEARCH_LIMIT_FLEXIBLE_LEGS,
    Limit.JOURNEYS: pb.SEARCH_LIMIT_JOURNEYS,
    Limit.BAGS: pb.SEARCH_LIMIT_BAGS,
    Limit.PART: pb.SEARCH_LIMIT_PART,
}
CONVENTIONS = {
    Convention.EXACT: pb.TIME_CONVENTION_UNSPECIFIED,
    Convention.LOCAL_LABELLED_UTC: pb.TIME_CONVENTION_LOCAL_LABELLED_UTC,
    Convention.LOCAL: pb.TIME_CONVENTION_LOCAL,
    Convention.LOCAL_CLOCK: pb.TIME_CONVENTION_LOCAL_CLOCK,
    Convention.UTC: pb.TIME_CONVENTION_UTC,
    Convention.OFFSET: pb.TIME_CONVENTION_OFFSET,
    Convention.EPOCH: pb.TIME_CONVENTION_EPOCH,
}
PROBLEMS = {
    None: pb.PROVIDER_PROBLEM_UNSPECIFIED,
    Problem.UNAVAILABLE: pb.PROVIDER_PROBLEM_UNAVAILABLE,
    Problem.RATE_LIMITED: pb.PROVIDER_PROBLEM_RATE_LIMITED,
    Problem.QUOTA_EXHAUSTED: pb.PROVIDER_PROBLEM_QUOTA_EXHAUSTED,
    Problem.RESTRICTED: pb.PROVIDER_PROBLEM_RESTRICTED,
    Problem.REJECTED: pb.PROVIDER_PROBLEM_REJECTED,
    Problem.BAD_ANSWER: pb.PROVIDER_PROBLEM_BAD_ANSWER,
}


def event(of: SearchEvent, now: datetime) -> pb.SearchFlightsResponse:
    """One message of a search."""
    match of:
        case Progress():
            progress = pb.SearchProgress(
                provider=of.provider, finished=of.finished, problem=PROBLEMS[of.problem]
            )
            return pb.SearchFlightsResponse(progress=progress)
        case Results():
            found = [itinerary(i, now) for i in of.itineraries]
            offers, together = [offer(o, now) for o in of.offers], [_journey(j) for j in of.journeys]
            return pb.SearchFlightsResponse(
                results=pb.SearchResults(itineraries=found, offers=offers, journeys=together)
            )
        case Done():
            return pb.SearchFlightsResponse(done=_done(of, now))


def _done(of: Done, now: datetime) -> pb.SearchDone:
    return pb.SearchDone(
        outcome=pb.SEARCH_OUTCOME_FOUND if of.total else pb.SEARCH_OUTCOME_EMPTY,
        total=of.total,
        provenance=provenance(of.provenance, now),
        total_unfiltered=of.total_unfiltered,
        implausible=of.implausible,
        sold_out=of.sold_out,
        limits=sorted(LIMITS[limit] for limit in of.limits),
        parts=[_part(part) for part in of.parts],
    )


def _part(of: Part) -> pb.SearchPart:
    return pb.SearchPart(
        leg=of.leg,
        depart_date=values.day(of.day),
        total=of.total,
        total_unfiltered=of.total_unfiltered,
        cheapest=fare(of.cheapest) if of.cheapest else None,
    )


def _journey(of: Journey) -> pb.Journey:
    total = of.fare
    return pb.Journey(
        itinerary_ids=[itinerary.id for itinerary in of.itineraries], fare=fare(total) if total else None
    )


def itinerary(of: Itinerary, now: datetime) -> pb.Itinerary:
    """Flights that fit a request."""
    return pb.Itinerary(
        itinerary_id=of.id,
        segments=[segment(s) for s in of.segments],
        duration=values.duration(of.duration),
        fare=fare(of.fare) if of.fare else None,
        provenance=provenance(of.provenance, now),
        layovers=[_layover(between) for between in layovers(of)],
        days_later=_days_later(of.segments),
        emissions=pb.Emissions(grams=of.emissions.grams, source=of.emissions.source)
        if of.emissions
        else None,
        seats_left=of.seats_left,
        leg=of.leg,
    )


def offer(of: Offer, now: datetime) -> pb.Offer:
    """An itinerary at a price."""
    return pb.Offer(
        offer_id=of.id,
        itinerary_id=of.itinerary_id,
        seller=of.seller,
        fare=fare(of.fare),
        expire_time=values.timestamp(of.expires),
        provenance=provenance(of.provenance, now),
        tickets=of.tickets,
        return_itinerary_id=of.return_id,
    )


def segment(of: Segment) -> pb.Segment:
    """One flight of one aircraft."""
    return pb.Segment(
        carrier_code=of.carrier_code,
        carrier=of.carrier,
        flight_number=of.flight,
        departure=_stop(of.departure),
        arrival=_stop(of.arrival),
        duration=values.duration(of.duration),
        operator=_operator(of.operator),
        also_sold_as=of.also_sold_as,
        aircraft=of.aircraft,
        days_later=of.days_later,
        doubts=_doubts(of.doubts),
    )


def status(of: FlightStatus, now: datetime) -> pb.FlightStatus:
    """How one flight is doing on one day."""
    return pb.FlightStatus(
        flight_number=of.segment.flight,
        carrier=of.segment.carrier,
        depart_date=values.day(of.depart_date),
        state=STATES[of.state],
        scheduled_departure=_stop(of.segment.departure),
        scheduled_arrival=_stop(of.segment.arrival),
        estimated_departure_time=values.timestamp(of.estimated_departure) if of.estimated_departure else None,
        estimated_arrival_time=values.timestamp(of.estimated_arrival) if of.estimated_arrival else None,
        actual_departure_time=values.timestamp(of.actual_departure) if of.actual_departure else None,
        actual_arrival_time=values.timestamp(of.actual_arrival) if of.actual_arrival else None,
        delay_minutes=int(of.delay.total_seconds() // 60),
        provenance=provenance(of.provenance, now),
        provider_state=of.vendor_state,
        operator=_operator(of.segment.operator),
        also_sold_as=of.segment.also_sold_as,
        aircraft=of.segment.aircraft,
        doubts=_doubts(of.segment.doubts),
    )


def provenance(of: Provenance, now: datetime) -> pb.Provenance:
    """Who said so and when."""
    return pb.Provenance(
        provider=of.provider,
        fetch_time=values.timestamp(of.fetched),
        cached=of.cached,
        sample=of.sample,
        age=values.duration(of.age(now)),
        vintage=of.vintage,
    )


def _operator(of: Operator | None) -> pb.Operator | None:
    return (
        pb.Operator(carrier_code=of.carrier_code, carrier=of.carrier, flight_number=of.flight) if of else None
    )


def _doubts(of: Iterable[Doubt]) -> list[pb.Doubt.ValueType]:
    return sorted(DOUBTS[doubt] for doubt in of)


def _days_later(segments: Sequence[Segment]) -> int:
    return (segments[-1].arrival.time.date() - segments[0].departure.time.date()).days


def _layover(of: Layover) -> pb.Layover:
    return pb.Layover(
        airport_code=of.arrival.airport,
        city=of.arrival.city,
        duration=values.duration(of.duration),
        overnight=of.overnight,
        next_airport_code=of.departure.airport if of.changes_airport else "",
    )


def _stop(of: Stop) -> pb.Stop:
    return pb.Stop(
        airport_code=of.airport,
        city=of.city,
        time=values.timestamp(of.at.utc),
        time_zone=of.zone,
        terminal=of.terminal,
        gate=of.gate,
        baggage_belt=of.belt,
        local_time=of.time.replace(tzinfo=None).isoformat(timespec="seconds"),
        time_convention=CONVENTIONS[of.at.convention],
    )


def fare(of: Fare) -> pb.Fare:
    """What it costs, for one and for all."""
    return pb.Fare(
        total=values.money(of.total),
        per_passenger=values.money(of.per_passenger),
        cabin=_CABIN_VALUES[of.cabin],
        bags=of.bags,
    )
