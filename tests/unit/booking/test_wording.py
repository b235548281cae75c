"""Read-backs of quotes, and statements about bookings."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from readback.booking.v1 import quotes_pb2
from readback.booking.v1.quotes_pb2 import (
    ALLOWANCE_ALLOWED,
    ALLOWANCE_NOT_ALLOWED,
    Amount,
    FareCondition,
    Passenger,
    QuoteKind,
    QuoteTerms,
)
from readback.flightdata.v1.flights_pb2 import CABIN_ECONOMY

from consent.reading import consenting_phrases
from services.booking.model.records import Booking
from services.booking.model.states import BookingState, Failure, PaymentState
from services.booking.wording.phrases import phrases_of
from services.booking.wording.read_backs import MOST_SECONDS, read_backs, seconds_of
from services.booking.wording.statements import statement

pytestmark = pytest.mark.unit
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def rupees(minor_units: int) -> Amount:
    return Amount(currency_code="INR", minor_units=minor_units, exponent=2)


def terms(
    kind: QuoteKind.ValueType = quotes_pb2.QUOTE_KIND_BOOKING,
    flights: int = 1,
    names: int = 1,
    **fields: Amount,
) -> QuoteTerms:
    made = QuoteTerms(kind=kind, sandbox=True, total=rupees(412350))
    for name, amount in fields.items():
        getattr(made, name).CopyFrom(amount)
    item = made.items.add().flights
    item.cabin, item.bags = CABIN_ECONOMY, 1
    item.conditions.refund.CopyFrom(FareCondition(allowance=ALLOWANCE_ALLOWED, fee=rupees(100000)))
    item.price.CopyFrom(rupees(412350))
    for number in range(flights):
        segment = item.segments.add(flight_number=f"AI54{number}", carrier="Air India")
        for end, city, hour in ((segment.departure, "Chennai", 8), (segment.arrival, "Delhi", 11)):
            end.city = city
            end.local_time = (NOW + timedelta(days=9, hours=hour)).isoformat()
    given = ("Asha", "Priya", "Ravi", "Meera", "Arjun", "Kavya", "Nikhil", "Divya", "Rohan")
    people = [Passenger(given_name=name, family_name="Rao") for name in given]
    made.passengers.extend(people[:names])
    return made


def test_the_read_back_of_a_booking() -> None:
    [text] = read_backs(terms())
    assert text.text == (
        "Practice booking. I can book Air India five four zero from Chennai to Delhi on Thursday the "
        "tenth of December, leaving at eight in the morning and arriving at eleven in the morning. "
        "For Asha Rao, in economy. One checked bag each. Cancelling costs one thousand rupees. "
        "In all, four thousand one hundred twenty-three rupees and fifty paise. Shall I?"
    )


@pytest.mark.parametrize("kind", QuoteKind.values()[1:])
@pytest.mark.parametrize("names", [1, 2])
def test_every_read_back_is_short_and_asks_once(kind: QuoteKind.ValueType, names: int) -> None:
    for text in read_backs(terms(kind, names=names, fee=rupees(1000), refund=rupees(2000))):
        assert seconds_of(text.text) <= MOST_SECONDS
        assert text.text.endswith("Shall I?")
        assert text.text.count("?") == 1


@pytest.mark.parametrize("kind", QuoteKind.values()[1:])
def test_no_part_of_a_read_back_consents(kind: QuoteKind.ValueType) -> None:
    [text] = read_backs(terms(kind, fee=rupees(1000), refund=rupees(2000)))
    assert not list(consenting_phrases(text.text, text.locale))


def test_a_name_that_would_consent_is_not_read_back() -> None:
    made = terms()
    made.passengers[0].family_name = "Yes"
    assert not read_backs(made)


def test_terms_that_take_too_long_have_no_read_back() -> None:
    assert not read_backs(terms(names=9))


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (FareCondition(), "Refunds aren't stated."),
        (FareCondition(allowance=ALLOWANCE_ALLOWED), "the fee isn't stated"),
        (FareCondition(allowance=ALLOWANCE_ALLOWED, fee=rupees(0)), "costs nothing"),
        (FareCondition(allowance=ALLOWANCE_NOT_ALLOWED), "There is no refund."),
    ],
)
def test_unstated_conditions_are_said(condition: FareCondition, words: str) -> None:
    made = terms()
    made.items[0].flights.conditions.refund.CopyFrom(condition)
    assert words in read_backs(made)[0].text


def test_an_unstated_refund_of_a_cancellation_is_said() -> None:
    [text] = read_backs(terms(quotes_pb2.QUOTE_KIND_CANCELLATION))
    assert "doesn't state the fee" in text.text
    assert "doesn't state the refund" in text.text


BOOKED = re.compile(r"\b(it's booked|your code is|it's cancelled|was changed)\b", re.IGNORECASE)
MAY_CLAIM = {
    BookingState.TICKETED: "booked",
    BookingState.HELD: "code",
    BookingState.CANCELLED: "cancelled",
}


def booking(state: BookingState, failure: Failure | None = None) -> Booking:
    return Booking(
        booking_id="b", customer_id="c", code="ABC234", state=state, payment_state=PaymentState.NONE,
        failure=failure, quote_id="q", supplier="sandbox", terms=terms(), order_id="o",
        airline_reference="XYZ789", tickets=(), hold_expires_at=None, version=1, created_at=NOW,
        changed_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("state", BookingState)
def test_a_statement_claims_no_more_than_the_state(state: BookingState) -> None:
    failure = Failure.SOLD_OUT if state is BookingState.FAILED else None
    text = statement(booking(state, failure), phrases_of("en"))
    assert bool(BOOKED.search(text)) == (state in MAY_CLAIM)
    assert ("A B C" in text) == (state in {BookingState.TICKETED, BookingState.HELD})


@pytest.mark.parametrize("failure", Failure)
def test_every_failure_has_words(failure: Failure) -> None:
    failed = statement(booking(BookingState.FAILED, failure), phrases_of("en"))
    standing = statement(replace(booking(BookingState.TICKETED), failure=failure), phrases_of("en"))
    assert failed.startswith("It isn't booked: ")
    assert "The booking stands." in standing


def test_every_state_has_a_phrase() -> None:
    path = Path(__file__).parents[3] / "services/booking/wording/en.json"
    assert set(json.loads(path.read_text())["statements"]) == {*BookingState, "stands"}
