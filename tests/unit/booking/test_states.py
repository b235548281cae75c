"""The three state machines: every pair of states."""

from __future__ import annotations

from enum import Enum
from itertools import product
from typing import Any

import pytest
from readback.booking.v1 import bookings_pb2, quotes_pb2

from services.booking.model.states import (
    BOOKINGS,
    CONTRADICTIONS,
    LIVE,
    PAYMENTS,
    QUOTES,
    BookingState,
    Failure,
    PaymentState,
    QuoteKind,
    QuoteState,
)
from services.booking.model.transitions import IllegalTransition, Machine

pytestmark = pytest.mark.unit

ALLOWED = {
    QUOTES: """
        OPEN: USED WITHDRAWN EXPIRED
    """,
    BOOKINGS: """
        PENDING: HELD TICKETED FAILED UNKNOWN
        UNKNOWN: HELD TICKETED FAILED
        HELD: TICKETED CHANGE_PENDING CANCELLING CANCELLED
        TICKETED: CHANGE_PENDING CANCELLING
        CHANGE_PENDING: HELD TICKETED
        CANCELLING: HELD TICKETED CANCELLED
    """,
    PAYMENTS: """
        NONE: REQUIRES_ACTION PROCESSING
        REQUIRES_ACTION: PROCESSING FAILED VOIDED
        PROCESSING: REQUIRES_ACTION AUTHORIZED CAPTURED FAILED UNKNOWN
        AUTHORIZED: CAPTURED VOIDED UNKNOWN
        CAPTURED: REFUND_PENDING
        REFUND_PENDING: CAPTURED PARTLY_REFUNDED REFUNDED UNKNOWN
        PARTLY_REFUNDED: REFUND_PENDING
        UNKNOWN: AUTHORIZED CAPTURED FAILED VOIDED PARTLY_REFUNDED REFUNDED
        FAILED: REQUIRES_ACTION PROCESSING
    """,
}
STATES: dict[Machine[Any], type[Enum]] = {QUOTES: QuoteState, BOOKINGS: BookingState, PAYMENTS: PaymentState}
PAIRS = [(machine, *pair) for machine, states in STATES.items() for pair in product(states, repeat=2)]
every_pair = pytest.mark.parametrize(("machine", "before", "after"), PAIRS)


def allowed(machine: Machine[Any]) -> set[tuple[str, str]]:
    lines = [line.split(":") for line in ALLOWED[machine].split("\n") if line.strip()]
    return {(before.strip(), after) for before, rest in lines for after in rest.split()}


@every_pair
def test_a_state_follows_another_only_as_listed(machine: Machine[Any], before: Enum, after: Enum) -> None:
    if before is after or (before.name, after.name) in allowed(machine):
        assert machine.move(before, after) is after
    else:
        with pytest.raises(IllegalTransition):
            machine.move(before, after)


@pytest.mark.parametrize(
    ("states", "contract"),
    [
        (QuoteState, quotes_pb2.QuoteState),
        (QuoteKind, quotes_pb2.QuoteKind),
        (BookingState, bookings_pb2.BookingState),
        (PaymentState, bookings_pb2.PaymentState),
        (Failure, bookings_pb2.BookingFailure),
    ],
)
def test_states_are_those_of_the_contract(states: type[Enum], contract) -> None:
    prefix = contract.keys()[0].removesuffix("UNSPECIFIED")
    assert [f"{prefix}{state.value}" for state in states] == contract.keys()[1:]


def test_a_booking_that_may_exist_blocks_another_one() -> None:
    assert BookingState.UNKNOWN in LIVE
    assert {state for state in BookingState if BOOKINGS.is_final(state)} == set(BookingState) - LIVE
    assert (BookingState.TICKETED, PaymentState.FAILED) in CONTRADICTIONS
