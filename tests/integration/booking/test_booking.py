"""Quotes, consent and bookings over gRPC."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import grpc
import pytest
import rfc8785
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from google.protobuf import json_format
from readback.booking.v1 import bookings_pb2, quotes_pb2
from readback.booking.v1.bookings_pb2 import (
    BOOKING_STATE_CANCELLED,
    BOOKING_STATE_CANCELLING,
    BOOKING_STATE_CHANGE_PENDING,
    BOOKING_STATE_FAILED,
    BOOKING_STATE_HELD,
    BOOKING_STATE_PENDING,
    BOOKING_STATE_TICKETED,
    BOOKING_STATE_UNKNOWN,
)
from sqlalchemy import Connection, select

from mesh.database.migrations import migrated
from mesh.database.transactions import reading
from mesh.deleted_customers import NotYet
from mesh.ids import uuid7
from services.booking.app import MIGRATIONS
from services.booking.consent import Decision, Verdict
from services.booking.retention import erase
from services.booking.store.schema import attempts, bookings, claims, metadata, quotes, travellers
from services.booking.wording.read_backs import MOST_SECONDS, seconds_of
from tests.integration.booking.harness import AFFIRMED, Booking, Customer
from tests.integration.identity.harness import refused

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]
FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
CONSENT_REQUIRED = (FAILED_PRECONDITION, "CONSENT_REQUIRED")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_the_migrations_make_the_tables_the_store_uses(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    database_url = request.getfixturevalue("postgres").new_database() if kind == "postgresql" else ""
    engine = await migrated(database_url or f"sqlite+aiosqlite:///{tmp_path}/booking.db", MIGRATIONS)

    def differences(connection: Connection) -> list[object]:
        return list(
            compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)
        )

    async with reading(engine) as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_a_click_books_what_was_quoted(asha: Customer) -> None:
    quote = await asha.quote()
    document = json_format.MessageToDict(quote.terms)
    assert hashlib.sha256(rfc8785.dumps(document)).hexdigest() == quote.digest
    [text] = quote.terms.read_backs
    assert seconds_of(text.text) <= MOST_SECONDS
    assert text.text.endswith("Shall I?")
    assert text.text.count("?") == 1
    pending = await asha.confirm(quote)
    assert pending.state == BOOKING_STATE_PENDING
    booked = await asha.settled(pending.booking_id)
    assert booked.state == BOOKING_STATE_TICKETED
    assert booked.items == quote.terms.items
    assert booked.total == quote.terms.total
    assert len(booked.ticket_numbers) == 1
    assert booked.airline_reference
    assert booked == await asha.get(pending.booking_id)


async def test_a_quote_states_what_it_is_priced_from(asha: Customer) -> None:
    offers = await asha.offers()
    quote = await asha.quote()
    [item] = quote.terms.items
    money, price = offers[0].fare.total, item.flights.price
    assert price.minor_units == money.units * 10**price.exponent
    assert item.flights.conditions.refund.allowance == quotes_pb2.ALLOWANCE_ALLOWED
    assert quote.expire_time == quote.terms.clocks.offer_expire_time
    assert quote.terms.sandbox
    assert [passenger.phone_number for passenger in quote.terms.passengers] == ["+919876543210"]


async def test_no_token_alone_confirms(asha: Customer, booking: Booking) -> None:
    quote, other = await asha.quote(), await asha.quote("Iyer")
    assert await refused(asha.confirm(quote, "")) == CONSENT_REQUIRED
    assert await refused(asha.confirm(quote, "forged")) == CONSENT_REQUIRED
    assert await refused(asha.confirm(quote, await asha.click(other))) == CONSENT_REQUIRED
    _, agent = await asha.agent()
    assert await refused(asha.confirm(quote, "", agent)) == CONSENT_REQUIRED
    # An agent can't use a click either.
    assert await refused(asha.confirm(quote, await asha.click(quote), agent)) == CONSENT_REQUIRED
    stored = await booking.stub.ListBookings(bookings_pb2.ListBookingsRequest(), metadata=asha.headers)
    assert not stored.bookings


async def test_a_click_in_another_session_is_no_consent(asha: Customer, booking: Booking) -> None:
    quote = await asha.quote()
    proof = await asha.click(quote)
    elsewhere = await booking.identity.login(asha.signed_in.customer.email)
    assert await refused(asha.confirm(quote, proof, elsewhere.headers)) == CONSENT_REQUIRED


async def test_only_the_web_app_can_issue_confirmations(asha: Customer, booking: Booking) -> None:
    from readback.internal.booking.v1.booking_internal_service_pb2 import IssueConfirmationRequest

    quote = await asha.quote()
    request = IssueConfirmationRequest(
        customer_id=asha.customer_id, session_id=uuid7(), quote_id=quote.quote_id, digest=quote.digest
    )
    _, agent = await asha.agent()
    for headers in (asha.headers, agent):
        answer = await refused(booking.internal.IssueConfirmation(request, metadata=headers))
        assert answer == (grpc.StatusCode.PERMISSION_DENIED, "ACCESS_DENIED")


async def test_a_spoken_yes_books_after_it_has_settled(asha: Customer, booking: Booking) -> None:
    quote = await asha.quote()
    call_id, agent = await asha.agent()
    booking.transcript.decisions[quote.digest] = [
        Decision(Verdict.SETTLING),
        Decision(Verdict.SETTLING),
        AFFIRMED,
    ]
    pending = await asha.confirm(quote, "", agent)
    booked = await asha.settled(pending.booking_id)
    assert booked.state == BOOKING_STATE_TICKETED
    asked = [question for question in booking.transcript.asked if question[2] == quote.digest]
    assert asked == [(asha.customer_id, call_id, quote.digest)] * 3


async def test_a_yes_taken_back_sends_nothing(asha: Customer, booking: Booking) -> None:
    quote = await asha.quote()
    _, agent = await asha.agent()
    booking.transcript.decisions[quote.digest] = [
        Decision(Verdict.SETTLING),
        Decision(Verdict.REFUSED, "changed"),
    ]
    pending = await asha.confirm(quote, "", agent)
    failed = await asha.settled(pending.booking_id)
    assert (failed.state, failed.failure) == (
        BOOKING_STATE_FAILED,
        bookings_pb2.BOOKING_FAILURE_CONSENT_WITHDRAWN,
    )
    # The flight is free for another booking of the same traveller.
    again = await asha.quote()
    assert (await asha.settled((await asha.confirm(again)).booking_id)).state == BOOKING_STATE_TICKETED


async def test_an_unreadable_transcript_refuses(asha: Customer, booking: Booking) -> None:
    quote = await asha.quote()
    _, agent = await asha.agent()
    booking.transcript.available = False
    answer = await refused(asha.confirm(quote, "", agent))
    booking.transcript.available = True
    assert answer == (grpc.StatusCode.UNAVAILABLE, "CONSENT_UNAVAILABLE")


async def test_one_quote_books_once_whoever_confirms_it_at_the_same_time(asha: Customer) -> None:
    quote = await asha.quote()
    proof = await asha.click(quote)
    answers = await asyncio.gather(*(asha.confirm(quote, proof) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(answer, bookings_pb2.Booking) for answer in answers) == 1
    assert await refused(asha.confirm(quote, proof)) == (FAILED_PRECONDITION, "QUOTE_NOT_OPEN")


async def test_a_repeated_confirmation_gets_the_same_answer(asha: Customer) -> None:
    quote, request_id = await asha.quote(), uuid7()
    first = await asha.confirm(quote, request_id=request_id)
    assert await asha.confirm(quote, request_id=request_id) == first
    other = await asha.quote("Iyer")
    assert await refused(asha.confirm(other, request_id=request_id)) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "REQUEST_ID_REUSED",
    )


async def test_another_digest_is_refused(asha: Customer) -> None:
    quote = await asha.quote()
    answer = await refused(asha.confirm(quote, digest="0" * 64))
    assert answer == (grpc.StatusCode.INVALID_ARGUMENT, "QUOTE_DIGEST_MISMATCH")


async def test_a_traveller_has_a_flight_once(asha: Customer, booking: Booking) -> None:
    traveller, offers = await asha.traveller(), await asha.offers()
    request = quotes_pb2.QuoteBookingRequest(
        offer_ids=[offers[0].offer_id], traveller_ids=[traveller.traveller_id]
    )
    first, second = [
        (await booking.stub.QuoteBooking(request, metadata=asha.headers)).quote for _ in range(2)
    ]
    await asha.confirm(first)
    assert await refused(asha.confirm(second)) == (FAILED_PRECONDITION, "ALREADY_BOOKED")


@pytest.mark.parametrize(
    ("family_name", "state", "failure"),
    [
        ("Soldout", BOOKING_STATE_FAILED, bookings_pb2.BOOKING_FAILURE_SOLD_OUT),
        ("Pricechange", BOOKING_STATE_FAILED, bookings_pb2.BOOKING_FAILURE_PRICE_CHANGED),
        ("Hold", BOOKING_STATE_HELD, 0),
    ],
)
async def test_provoked_outcomes(asha: Customer, family_name: str, state: int, failure: int) -> None:
    pending = await asha.confirm(await asha.quote(family_name))
    booking = await asha.settled(pending.booking_id)
    assert (booking.state, booking.failure) == (state, failure)


async def test_an_order_without_an_answer_is_found_by_a_look_up(asha: Customer) -> None:
    pending = await asha.confirm(await asha.quote("Timeout"))
    unknown = await asha.settled(pending.booking_id, BOOKING_STATE_PENDING)
    assert unknown.state == BOOKING_STATE_UNKNOWN
    assert "don't book it again" in unknown.statements[0].text
    assert (await asha.settled(pending.booking_id)).state == BOOKING_STATE_TICKETED


async def test_a_cancellation_needs_its_own_consent_and_frees_the_flight(
    asha: Customer, booking: Booking
) -> None:
    booked = await asha.settled((await asha.confirm(await asha.quote())).booking_id)
    request = quotes_pb2.QuoteCancellationRequest(booking_id=booked.booking_id)
    quote = (await booking.stub.QuoteCancellation(request, metadata=asha.headers)).quote
    terms = quote.terms
    assert terms.fee.minor_units + terms.refund.minor_units == booked.total.minor_units
    assert await refused(asha.confirm(quote, "")) == CONSENT_REQUIRED
    cancelling = await asha.confirm(quote)
    assert cancelling.state == BOOKING_STATE_CANCELLING
    cancelled = await asha.settled(booked.booking_id, BOOKING_STATE_CANCELLING)
    assert cancelled.state == BOOKING_STATE_CANCELLED
    answer = await refused(booking.stub.QuoteCancellation(request, metadata=asha.headers))
    assert answer == (FAILED_PRECONDITION, "BOOKING_NOT_CANCELLABLE")


async def test_a_change_to_another_flight(asha: Customer, booking: Booking) -> None:
    booked = await asha.settled((await asha.confirm(await asha.quote())).booking_id)
    offers = await asha.offers()
    request = quotes_pb2.QuoteChangeRequest(booking_id=booked.booking_id, offer_ids=[offers[1].offer_id])
    quote = (await booking.stub.QuoteChange(request, metadata=asha.headers)).quote
    assert (await asha.confirm(quote)).state == BOOKING_STATE_CHANGE_PENDING
    changed = await asha.settled(booked.booking_id, BOOKING_STATE_CHANGE_PENDING)
    assert changed.state == BOOKING_STATE_TICKETED
    assert changed.items == quote.terms.items != booked.items
    assert changed.booking_code == booked.booking_code


async def test_a_change_of_a_name(asha: Customer, booking: Booking) -> None:
    booked = await asha.settled((await asha.confirm(await asha.quote())).booking_id)
    other = await asha.traveller(family_name="Iyer")
    request = quotes_pb2.QuoteChangeRequest(booking_id=booked.booking_id, traveller_ids=[other.traveller_id])
    quote = (await booking.stub.QuoteChange(request, metadata=asha.headers)).quote
    await asha.confirm(quote)
    changed = await asha.settled(booked.booking_id, BOOKING_STATE_CHANGE_PENDING)
    assert [passenger.family_name for passenger in changed.passengers] == ["Iyer"]
    assert changed.items == booked.items


async def test_a_withdrawn_quote_is_never_confirmed(asha: Customer, booking: Booking) -> None:
    quote = await asha.quote()
    request = quotes_pb2.WithdrawQuoteRequest(quote_id=quote.quote_id)
    answer = await booking.stub.WithdrawQuote(request, metadata=asha.headers)
    assert answer.quote.state == quotes_pb2.QUOTE_STATE_WITHDRAWN
    assert await refused(asha.confirm(quote)) == (FAILED_PRECONDITION, "QUOTE_NOT_OPEN")


async def test_a_withdrawal_stops_what_was_not_sent(asha: Customer, booking: Booking) -> None:
    quote = await asha.quote()
    _, agent = await asha.agent()
    booking.transcript.decisions[quote.digest] = [Decision(Verdict.SETTLING)]
    pending = await asha.confirm(quote, "", agent)
    request = quotes_pb2.WithdrawQuoteRequest(quote_id=quote.quote_id)
    await booking.stub.WithdrawQuote(request, metadata=asha.headers)
    stopped = await asha.settled(pending.booking_id)
    assert stopped.failure == bookings_pb2.BOOKING_FAILURE_CONSENT_WITHDRAWN


async def test_other_passengers_than_the_offer_is_for_are_refused(asha: Customer, booking: Booking) -> None:
    two = [(await asha.traveller(given_name=name)).traveller_id for name in ("Asha", "Priya")]
    offers = await asha.offers()
    request = quotes_pb2.QuoteBookingRequest(offer_ids=[offers[0].offer_id], traveller_ids=two)
    answer = await refused(booking.stub.QuoteBooking(request, metadata=asha.headers))
    assert answer == (FAILED_PRECONDITION, "PARTY_MISMATCH")


async def test_the_sandbox_sells_its_last_seats_once(asha: Customer, booking: Booking) -> None:
    people = [(await asha.traveller(given_name=f"Asha {letter}")).traveller_id for letter in "ABCDEFGHI"]
    offers = await asha.offers(adults=9)
    request = quotes_pb2.QuoteBookingRequest(offer_ids=[offers[0].offer_id], traveller_ids=people)
    quote = (await booking.stub.QuoteBooking(request, metadata=asha.headers)).quote
    assert not quote.terms.read_backs, "nine names can't be said in 25 seconds"
    assert (await asha.settled((await asha.confirm(quote)).booking_id)).state == BOOKING_STATE_TICKETED
    answer = await refused(booking.stub.QuoteBooking(request, metadata=asha.headers))
    assert answer == (FAILED_PRECONDITION, "SOLD_OUT")


async def test_anothers_things_are_not_found(asha: Customer, booking: Booking) -> None:
    ravi = await booking.customer()
    quote = await asha.quote()
    booked = await asha.settled((await asha.confirm(quote)).booking_id)
    stub = booking.stub
    not_found = grpc.StatusCode.NOT_FOUND
    get = quotes_pb2.GetQuoteRequest(quote_id=quote.quote_id)
    assert await refused(stub.GetQuote(get, metadata=ravi.headers)) == (not_found, "QUOTE_NOT_FOUND")
    assert await refused(ravi.confirm(quote, "x")) == (not_found, "QUOTE_NOT_FOUND")
    assert await refused(ravi.get(booked.booking_id)) == (not_found, "BOOKING_NOT_FOUND")
    cancel = quotes_pb2.QuoteCancellationRequest(booking_id=booked.booking_id)
    answer = await refused(stub.QuoteCancellation(cancel, metadata=ravi.headers))
    assert answer == (not_found, "BOOKING_NOT_FOUND")
    mine = await asha.traveller()
    use = quotes_pb2.QuoteBookingRequest(offer_ids=["x"], traveller_ids=[mine.traveller_id])
    assert await refused(stub.QuoteBooking(use, metadata=ravi.headers)) == (not_found, "TRAVELLER_NOT_FOUND")


async def test_pages_of_bookings(asha: Customer, booking: Booking) -> None:
    made = []
    for name in ("Rao", "Iyer", "Shah"):
        made.append((await asha.confirm(await asha.quote(name))).booking_id)
        await asha.settled(made[-1])
    first = await booking.stub.ListBookings(
        bookings_pb2.ListBookingsRequest(page_size=2), metadata=asha.headers
    )
    second = await booking.stub.ListBookings(
        bookings_pb2.ListBookingsRequest(page_size=2, page_token=first.next_page_token), metadata=asha.headers
    )
    assert [each.booking_id for each in (*first.bookings, *second.bookings)] == made[::-1]
    assert not second.next_page_token
    failed = bookings_pb2.ListBookingsRequest(states=[BOOKING_STATE_FAILED])
    assert not (await booking.stub.ListBookings(failed, metadata=asha.headers)).bookings


async def test_nothing_of_a_deleted_customer_is_left(asha: Customer, booking: Booking) -> None:
    quote = await asha.quote()
    await asha.settled((await asha.confirm(quote)).booking_id)
    await erase(booking.store, asha.customer_id)
    async with booking.store.reading() as tx:
        for table in (travellers, quotes, bookings, attempts, claims):
            query = select(table).where(table.c.customer_id == asha.customer_id)
            assert not (await tx.connection.execute(query)).all()


async def test_a_customer_is_not_deleted_while_an_outcome_is_missing(
    asha: Customer, booking: Booking
) -> None:
    pending = await asha.confirm(await asha.quote("Timeout"))
    await asha.settled(pending.booking_id, BOOKING_STATE_PENDING)
    with pytest.raises(NotYet):
        await erase(booking.store, asha.customer_id)
    await asha.settled(pending.booking_id)
    await erase(booking.store, asha.customer_id)
