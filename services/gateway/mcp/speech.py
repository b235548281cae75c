"""One short English line that can be read aloud, from an answer's messages; nothing where the contract knows no line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from zoneinfo import ZoneInfo

from google.protobuf.message import Message
from google.type.money_pb2 import Money
from readback.flightdata.v1 import flightdata_service_pb2 as pb

SAMPLE = "This is a sample timetable, not real flights."
_STATES = {
    pb.FLIGHT_STATE_SCHEDULED: "is scheduled",
    pb.FLIGHT_STATE_ON_TIME: "is on time",
    pb.FLIGHT_STATE_DELAYED: "is delayed",
    pb.FLIGHT_STATE_EN_ROUTE: "is in the air",
    pb.FLIGHT_STATE_LANDED: "has landed",
    pb.FLIGHT_STATE_CANCELLED: "is cancelled",
    pb.FLIGHT_STATE_DIVERTED: "has been diverted",
}


def speech_of(messages: Sequence[Message]) -> str:
    """The line; empty when there is none."""
    match messages[-1] if messages else None:
        case pb.SearchFlightsResponse():
            return _search([message for message in messages if isinstance(message, pb.SearchFlightsResponse)])
        case pb.GetFlightStatusResponse() as answer:
            return _status(answer.status)
        case pb.ListRouteStatusResponse() as answer:
            return _route(answer.statuses)
        case pb.GetAirportResponse() as answer:
            return f"{answer.airport.name} serves {answer.airport.city}, {answer.airport.country}."
    return ""


def _search(messages: Sequence[pb.SearchFlightsResponse]) -> str:
    found = [itinerary for message in messages for itinerary in message.results.itineraries]
    done = messages[-1].done
    if not found:
        return "There is no flight like that that day." if done.total_unfiltered else "There is no flight there that day."
    first, last = found[0].segments[0], found[0].segments[-1]
    count = "One flight" if done.total == 1 else f"{done.total} flights"
    line = f"{count}. The first is {first.carrier} {first.flight_number}, leaving {first.departure.city} at {_clock(first.departure)}"
    line += f" and arriving in {last.arrival.city} at {_clock(last.arrival)}"
    fare = found[0].fare if found[0].HasField("fare") else None
    if journeys := [journey for message in messages for journey in message.results.journeys]:
        line, fare = _journey(journeys[0], found, done.total), journeys[0].fare if journeys[0].HasField("fare") else None
    if fare:
        line += f", for {_money(fare.total)}"
    return f"{line}. {SAMPLE}" if found[0].provenance.sample else f"{line}."


def _journey(journey: pb.Journey, found: Sequence[pb.Itinerary], total: int) -> str:
    """The first journey of several legs, each by its first flight."""
    by_id = {itinerary.itinerary_id: itinerary.segments[0] for itinerary in found}
    legs = [by_id[name] for name in journey.itinerary_ids]
    told = [f"{leg.carrier} {leg.flight_number} from {leg.departure.city} at {_clock(leg.departure)}" for leg in legs]
    return f"{'One journey' if total == 1 else f'{total} journeys'}. The first is {', then '.join(told)}"


def _route(statuses: Sequence[pb.FlightStatus]) -> str:
    """The first of them, and how many more there are."""
    if not statuses:
        return "No flight is known there that day."
    more = len(statuses) - 1
    return _status(statuses[0]) + (f" {more} more {'is' if more == 1 else 'are'} listed." if more else "")


def _status(status: pb.FlightStatus) -> str:
    line = f"{status.carrier} {status.flight_number} {_STATES.get(status.state, 'is of unknown state')}"
    if status.delay_minutes:
        line += f", {status.delay_minutes} minutes late"
    if status.HasField("estimated_departure_time") and status.state == pb.FLIGHT_STATE_DELAYED:
        leaving = pb.Stop(time=status.estimated_departure_time, time_zone=status.scheduled_departure.time_zone)
        line += f", now leaving at {_clock(leaving)}"
    return f"{line}. {SAMPLE}" if status.provenance.sample else f"{line}."


def _clock(stop: pb.Stop) -> str:
    """The time on the clock there, as `18:45`."""
    local = stop.time.ToDatetime(UTC).astimezone(ZoneInfo(stop.time_zone or "UTC"))
    return f"{local:%H:%M}"


def _money(money: Money) -> str:
    return f"{money.units:,} {money.currency_code}"
