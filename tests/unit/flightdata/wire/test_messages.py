"""Every domain value has its contract value, and messages are complete."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum

import pytest
from readback.flightdata.v1 import flight_status_pb2, flights_pb2

from services.flightdata.model.fares import Cabin, Fare, Money
from services.flightdata.model.flights import (
    Doubt,
    Endpoint,
    FlightStatus,
    Itinerary,
    Operator,
    Provenance,
    Segment,
    State,
)
from services.flightdata.model.instants import Convention, Instant
from services.flightdata.model.queries import Sort
from services.flightdata.model.search_results import Offer, Results
from services.flightdata.providers.errors import Problem
from services.flightdata.providers.routing import Progress
from services.flightdata.wire import messages
from services.flightdata.wire.requests import CABINS, SORTS

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SAID = Provenance("flightapi", NOW - timedelta(minutes=4), cached=True, vintage="2014")
LEAVES = Instant.of(datetime(2026, 11, 24, 15, 30, tzinfo=UTC), "Asia/Kolkata", Convention.LOCAL_LABELLED_UTC)


def _endpoint(airport: str, hours: float, **more: str) -> Endpoint:
    return Endpoint(airport, airport.title(), LEAVES.later(timedelta(hours=hours)), **more)


NIGHT = Segment(
    "AF", "Air France", "AF6001", _endpoint("BLR", 0, terminal="2", gate="A1"), _endpoint("DEL", 4, belt="7"),
    Operator("6E", "IndiGo", "6E2345"),
    ("KL3001", "QR4711"), "Airbus A321", frozenset({Doubt.CONTRADICTORY_TIMES}),
)  # fmt: skip
ONWARD = Segment("AF", "Air France", "AF225", _endpoint("DXN", 14), _endpoint("CDG", 23))


@pytest.mark.parametrize(
    ("table", "kind", "enum"),
    [
        (messages.STATES, State, flight_status_pb2.FlightState),
        (messages.DOUBTS, Doubt, flights_pb2.Doubt),
        (messages.CONVENTIONS, Convention, flights_pb2.TimeConvention),
        (messages.PROBLEMS, Problem, flights_pb2.ProviderProblem),
    ],
)
def test_every_value_has_its_own_contract_value(table: dict[Enum, int], kind: type[Enum], enum: type) -> None:
    assert set(table) - {None} == set(kind)
    assert len(set(table.values())) == len(table)
    assert set(table.values()) | {0} == set(enum.values())  # type: ignore[attr-defined]


def test_every_sort_and_cabin_can_be_asked_for() -> None:
    assert set(SORTS.values()) == set(Sort)
    assert set(CABINS.values()) == set(Cabin)
    assert set(SORTS) == set(flights_pb2.FlightSort.values())
    assert set(CABINS) | {flights_pb2.CABIN_UNSPECIFIED} == set(flights_pb2.Cabin.values())


def test_a_segment_has_its_operator_codeshares_and_doubts() -> None:
    message = messages.segment(NIGHT)
    assert (message.operator.carrier_code, message.operator.flight_number) == ("6E", "6E2345")
    assert list(message.also_sold_as) == ["KL3001", "QR4711"]
    assert (message.aircraft, message.days_later, list(message.doubts)) == (
        "Airbus A321",
        1,
        [flights_pb2.DOUBT_CONTRADICTORY_TIMES],
    )
    assert (message.departure.terminal, message.departure.gate, message.arrival.baggage_belt) == (
        "2",
        "A1",
        "7",
    )
    assert message.departure.local_time == "2026-11-24T21:00:00+05:30"
    assert message.departure.time_convention == flights_pb2.TIME_CONVENTION_LOCAL_LABELLED_UTC
    assert not messages.segment(ONWARD).HasField("operator")


def test_an_itinerary_names_its_layovers_and_its_days() -> None:
    message = messages.itinerary(Itinerary("an-id", (NIGHT, ONWARD), None, SAID), NOW)
    (layover,) = message.layovers
    assert (layover.airport_code, layover.next_airport_code, layover.overnight) == ("DEL", "DXN", True)
    assert layover.duration.ToTimedelta() == timedelta(hours=10)
    assert message.days_later == 1
    assert not message.HasField("fare")


def test_provenance_has_its_age_and_vintage() -> None:
    message = messages.provenance(SAID, NOW)
    assert (message.provider, message.cached, message.sample, message.vintage) == (
        "flightapi",
        True,
        False,
        "2014",
    )
    assert message.age.ToTimedelta() == timedelta(minutes=4)
    assert messages.provenance(SAID, NOW - timedelta(hours=1)).age.ToTimedelta() == timedelta(), (
        "clocks differ; ages don't go back"
    )


def test_an_offer_keeps_its_cents_and_its_expiry() -> None:
    total = Money("EUR", Decimal("123.45"))
    offer = Offer(
        "a-name",
        ("one-id", "another-id"),
        "Tripdesk",
        Fare(total, Money("EUR", Decimal("61.73")), Cabin.PREMIUM_ECONOMY),
        NOW + timedelta(minutes=15),
        SAID,
        tickets=2,
    )
    message = messages.offer(offer, NOW)
    assert (message.fare.total.units, message.fare.total.nanos) == (123, 450_000_000)
    assert (message.fare.per_adult.units, message.fare.per_adult.nanos) == (61, 730_000_000)
    assert (message.fare.cabin, message.ticket_count, message.seller) == (
        flights_pb2.CABIN_PREMIUM_ECONOMY,
        2,
        "Tripdesk",
    )
    assert list(message.itinerary_ids) == ["one-id", "another-id"]
    assert not message.fare.HasField("bags"), "they are unknown"
    assert message.expire_time.ToDatetime(UTC) == NOW + timedelta(minutes=15)
    results = messages.search_event(Results([], [offer]), NOW).results
    assert [o.offer_id for o in results.offers] == ["a-name"]


def test_a_status_message_is_complete() -> None:
    status = FlightStatus(
        NIGHT,
        date(2026, 11, 24),
        State.DIVERTED,
        None,
        NOW,
        timedelta(minutes=65, seconds=59),
        SAID,
        NOW,
        None,
        "diverted",
    )
    message = messages.status(status, NOW)
    assert (message.state, message.provider_state, message.departure_delay.ToTimedelta()) == (
        flight_status_pb2.FLIGHT_STATE_DIVERTED,
        "diverted",
        timedelta(minutes=65, seconds=59),
    )
    assert message.actual_departure_time.ToDatetime(UTC) == NOW
    assert not message.HasField("actual_arrival_time")
    assert (message.operator.carrier, list(message.also_sold_as), message.aircraft) == (
        "IndiGo",
        ["KL3001", "QR4711"],
        "Airbus A321",
    )
    assert list(message.doubts) == [flights_pb2.DOUBT_CONTRADICTORY_TIMES]


def test_a_failed_provider_is_reported() -> None:
    progress = messages.search_event(
        Progress("aviationstack", finished=True, problem=Problem.RATE_LIMITED), NOW
    ).progress
    assert progress.problem == flights_pb2.PROVIDER_PROBLEM_RATE_LIMITED
