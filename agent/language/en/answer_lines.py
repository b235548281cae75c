"""One-line summaries of flight-data answers, which can be read aloud."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from google.protobuf.message import Message
from google.type.money_pb2 import Money
from readback.flightdata.v1 import flight_status_pb2, flights_pb2, places_pb2

from agent.language.flight_times import instant, local

SAMPLE = "This is a sample timetable, not real flights."
PARTIAL = "Only some of the flights could be searched."
_STATES = {
    flight_status_pb2.FLIGHT_STATE_SCHEDULED: "is scheduled",
    flight_status_pb2.FLIGHT_STATE_ON_TIME: "is on time",
    flight_status_pb2.FLIGHT_STATE_DELAYED: "is delayed",
    flight_status_pb2.FLIGHT_STATE_EN_ROUTE: "is in the air",
    flight_status_pb2.FLIGHT_STATE_LANDED: "has landed",
    flight_status_pb2.FLIGHT_STATE_CANCELLED: "is cancelled",
    flight_status_pb2.FLIGHT_STATE_DIVERTED: "has been diverted",
}


def answer_line(messages: Sequence[Message]) -> str:
    """Return the summary of an answer's messages, or "" for messages of other types."""
    match messages[-1] if messages else None:
        case flights_pb2.SearchFlightsResponse():
            return _search(
                [message for message in messages if isinstance(message, flights_pb2.SearchFlightsResponse)]
            )
        case flight_status_pb2.GetFlightStatusResponse() as answer:
            return _status(answer.statuses[0])
        case flight_status_pb2.ListRouteFlightStatusesResponse() as answer:
            return _route(answer.statuses)
        case places_pb2.GetAirportResponse() as answer:
            return f"{answer.airport.name} serves {answer.airport.city}, {answer.airport.country}."
    return ""


def _search(messages: Sequence[flights_pb2.SearchFlightsResponse]) -> str:
    found = {
        itinerary.itinerary_id: itinerary for message in messages for itinerary in message.results.itineraries
    }
    journeys = [journey for message in messages for journey in message.results.journeys]
    done = messages[-1].done
    if not found:
        none = (
            "There is no flight like that that day."
            if done.unfiltered_count
            else "There is no flight there that day."
        )
        return " ".join([none, *_partly(done)])
    first = [found[name] for name in journeys[0].itinerary_ids] if journeys else [next(iter(found.values()))]
    line = _journey(first, done.result_count) if journeys else _flight(first[0], done.result_count)
    line += _costs(first, journeys[0] if journeys else first[0])
    return " ".join([f"{line}.", *([SAMPLE] if first[0].provenance.sample else []), *_partly(done)])


def _partly(done: flights_pb2.SearchDone) -> Sequence[str]:
    return [PARTIAL] if flights_pb2.SEARCH_LIMIT_PART in done.limits else []


def _flight(itinerary: flights_pb2.Itinerary, total: int) -> str:
    """Return the number of flights and a description of the first one."""
    first, last = itinerary.segments[0], itinerary.segments[-1]
    line = (
        f"{first.carrier} {first.flight_number}, leaving {first.departure.city} at {_clock(first.departure)}"
    )
    line += f" and arriving in {last.arrival.city} at {_clock(last.arrival, since=first.departure)}"
    return f"{'One flight' if total == 1 else f'{total} flights'}. The first is {line}"


def _journey(legs: Sequence[flights_pb2.Itinerary], total: int) -> str:
    """Return the number of journeys and a description of the first one, by the first flight of each leg."""
    flights = [leg.segments[0] for leg in legs]
    lines = [
        f"{one.carrier} {one.flight_number} from {one.departure.city} at {_clock(one.departure)}"
        for one in flights
    ]
    return f"{'One journey' if total == 1 else f'{total} journeys'}. The first is {', then '.join(lines)}"


def _costs(legs: Sequence[flights_pb2.Itinerary], priced: flights_pb2.Itinerary | flights_pb2.Journey) -> str:
    """Return the price, the words "but it is sold out", or "" if the price is unknown."""
    # If too few seats are left for the party, the itinerary has `seats_left` but no fare.
    if any(leg.HasField("seats_left") and not leg.HasField("fare") for leg in legs):
        return ", but it is sold out"
    return f", for {_money(priced.fare.total)}" if priced.HasField("fare") else ""


def _route(statuses: Sequence[flight_status_pb2.FlightStatus]) -> str:
    """Return the first flight's status, and the number of further flights."""
    if not statuses:
        return "No flight is known there that day."
    more = len(statuses) - 1
    return _status(statuses[0]) + (f" {more} more {'is' if more == 1 else 'are'} listed." if more else "")


def _status(status: flight_status_pb2.FlightStatus) -> str:
    """Return the state and, for a delayed, flying or landed flight, its relevant time."""
    line = f"{status.carrier} {status.flight_number} {_STATES.get(status.state, 'is of unknown state')}"
    match status.state:
        case flight_status_pb2.FLIGHT_STATE_DELAYED:
            line += _delay(status)
        case flight_status_pb2.FLIGHT_STATE_EN_ROUTE if status.HasField("scheduled_arrival"):
            line += _under_way(status)
        case flight_status_pb2.FLIGHT_STATE_LANDED:
            line += _landing(status)
    return f"{line}. {SAMPLE}" if status.provenance.sample else f"{line}."


def _delay(status: flight_status_pb2.FlightStatus) -> str:
    """Return the delay and the new time of departure, as far as they are known."""
    late = status.departure_delay.ToTimedelta()
    words = f", {_minutes(late)} late" if late else ""
    if status.HasField("estimated_departure_time"):
        leaving = instant(status.estimated_departure_time)
        plan = status.scheduled_departure
        words += f", now leaving at {_clock(plan, leaving, since=plan)}"
    return words


def _under_way(status: flight_status_pb2.FlightStatus) -> str:
    """Return the estimated arrival. If it is unknown, return the plan plus the delay at departure."""
    there, late = status.scheduled_arrival, status.departure_delay.ToTimedelta()
    if expected := _arrival(status, "estimated_arrival_time"):
        return f", and expected in {there.city} at {expected}"
    if not late:
        return f", and planned to arrive in {there.city} at {_clock(there, since=status.scheduled_departure)}"
    moment = instant(there.time) + late
    likely = _clock(there, moment, since=status.scheduled_departure)
    return f", and should be in {there.city} at about {likely}; it left {_minutes(late)} late"


def _landing(status: flight_status_pb2.FlightStatus) -> str:
    """Return the actual or estimated arrival, or "" if only the plan is known."""
    city = status.scheduled_arrival.city
    if arrived := _arrival(status, "actual_arrival_time"):
        return f" in {city}; it arrived at {arrived}"
    expected = _arrival(status, "estimated_arrival_time")
    return f" in {city}; it was expected at {expected}" if expected else ""


def _arrival(
    status: flight_status_pb2.FlightStatus, known: Literal["actual_arrival_time", "estimated_arrival_time"]
) -> str:
    """Return an arrival in local time, or "" if it is unknown."""
    if not status.HasField(known):
        return ""
    moment = instant(getattr(status, known))
    return _clock(status.scheduled_arrival, moment, since=status.scheduled_departure)


def _minutes(late: timedelta) -> str:
    count = late // timedelta(minutes=1)
    return f"{count} minute{'' if count == 1 else 's'}"


def _clock(
    endpoint: flights_pb2.FlightEndpoint,
    moment: datetime | None = None,
    *,
    since: flights_pb2.FlightEndpoint | None = None,
) -> str:
    """Return the time of a departure or arrival, or `moment` if given, in local time: "18:45".

    Add the day if it isn't the local day of the departure `since`: "06:30 the next day".
    """
    there = local(endpoint, moment)
    if since is None or not since.HasField("time"):
        return f"{there:%H:%M}"
    return f"{there:%H:%M}{_day(there, local(since))}"


def _day(there: datetime, departure: datetime) -> str:
    """Return the day of an arrival relative to the day of the departure, or "" on the same day."""
    match (there.date() - departure.date()).days:
        case 0:
            return ""
        case 1:
            return " the next day"
        case -1:
            return " the previous day"  # eastwards over the date line
        case days:
            return f" {days} days later" if days > 0 else f" {-days} days earlier"


def _money(money: Money) -> str:
    """Return the exact amount, "129.90 EUR". Whole amounts have no fraction."""
    fraction = "." + f"{money.nanos:09}".rstrip("0").ljust(2, "0") if money.nanos else ""
    return f"{money.units:,}{fraction} {money.currency_code}"
