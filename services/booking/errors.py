"""Errors of the booking domain.

DomainError
├── QuoteNotFound          also if it belongs to another customer
├── QuoteExpired
├── QuoteNotOpen           it was used or withdrawn
├── QuoteDigestMismatch
├── ConsentRequired        there is no consent to exactly this quote
├── ConsentUnavailable     the transcript can't be read; nothing was sent
├── AlreadyBooked          a traveller has one of these flights, or may have it
├── BookingNotFound        also if it belongs to another customer
├── BookingNotCancellable
├── BookingNotChangeable
├── TravellerNotFound      also if it belongs to another customer
├── TooManyTravellers
├── PartyMismatch          the offers are for other passengers
├── PolicyRefused          a rule of the supplier forbids it
├── OfferNotFound, OfferExpired, OfferGone, FlightsUnavailable    errors of flight data, passed on
├── OfferNotBookable       no supplier sells the offer
├── SoldOut
├── TooManyQuotes
└── SupplierUnavailable
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import grpc

from mesh.errors import DomainError, ErrorTable, Unavailable

RETRY_AFTER = timedelta(seconds=1)


class QuoteNotFound(DomainError):
    """The customer has no such quote."""

    text = "There is no such quote."


class QuoteExpired(DomainError):
    """The quote could be confirmed until `at` (UTC)."""

    def __init__(self, at: datetime) -> None:
        super().__init__("This quote has expired; make a new one.", metadata={"expire_time": at.isoformat()})


class QuoteNotOpen(DomainError):
    """The quote was used or withdrawn; `state` is its state."""

    def __init__(self, state: str) -> None:
        super().__init__("This quote can no longer be confirmed.", metadata={"state": state})


class QuoteDigestMismatch(DomainError):
    """The digest isn't the one of the quote."""

    def __init__(self) -> None:
        super().__init__("This digest isn't the one of the quote; get the quote again.", field="digest")


class ConsentRequired(DomainError):
    """The customer hasn't consented to exactly this quote. `problem` says what is missing."""

    security_event = "consent missing"

    def __init__(self, problem: str) -> None:
        super().__init__(
            "This needs the customer's consent: a yes after the read-back, or a click in the web app.",
            metadata={"problem": problem},
        )


class ConsentUnavailable(Unavailable):
    """The transcript can't be read, so the consent can't be checked."""

    def __init__(self) -> None:
        super().__init__("The consent can't be checked just now; nothing was sent.", retry_after=RETRY_AFTER)


class AlreadyBooked(DomainError):
    """A traveller has one of these flights, or may have it, in the booking `booking_id`."""

    def __init__(self, booking_id: str) -> None:
        super().__init__(
            "One of these travellers already has one of these flights, or may have it.",
            metadata={"booking_id": booking_id},
        )


class BookingNotFound(DomainError):
    """The customer has no such booking."""

    text = "There is no such booking."


class BookingNotCancellable(DomainError):
    """The booking can't be cancelled in its state, or by the supplier's rules."""

    def __init__(self, state: str) -> None:
        super().__init__("This booking can't be cancelled now.", metadata={"state": state})


class BookingNotChangeable(DomainError):
    """The booking can't be changed in its state, or by the supplier's rules."""

    def __init__(self, state: str) -> None:
        super().__init__("This booking can't be changed now.", metadata={"state": state})


class TravellerNotFound(DomainError):
    """The customer has no such traveller."""

    text = "There is no such traveller."


class TooManyTravellers(DomainError):
    """The customer has saved `limit` travellers."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"You have saved {limit} travellers; delete one first.", metadata={"limit": str(limit)}
        )


class PartyMismatch(DomainError):
    """The offers are priced for other numbers of adults, children and infants than the travellers are."""

    def __init__(self, adults: int, children: int, infants: int) -> None:
        counts = {"adults": str(adults), "children": str(children), "infants": str(infants)}
        super().__init__(
            "The offers are for other passengers, by their age at the last flight; search again for these.",
            metadata=counts,
        )


class PolicyRefused(DomainError):
    """A rule of the supplier forbids it; `rule` is its name."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text, metadata={"rule": rule})


class OfferNotFound(DomainError):
    """Flight data never made this offer."""

    text = "There is no such offer; search again."


class OfferExpired(DomainError):
    """The offer's price is no longer valid."""

    def __init__(self, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__("This offer has expired; search again.", metadata=metadata)


class OfferGone(DomainError):
    """The offer is no longer sold."""

    text = "This offer is no longer sold; choose another one."


class OfferNotBookable(DomainError):
    """No configured supplier sells the offers of this provider of flight data."""

    def __init__(self, provider: str) -> None:
        super().__init__("This offer can't be booked here.", metadata={"provider": provider})


class SoldOut(DomainError):
    """There are no seats left for these passengers."""

    text = "There are no seats left for these passengers; choose another offer."


class TooManyQuotes(DomainError):
    """The customer must wait before the next quote."""

    text = "Too many quotes in a short time; wait a moment."

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__(retry_after=retry_after)


class SupplierUnavailable(Unavailable):
    """The supplier can't be reached; nothing was booked, cancelled or changed."""

    def __init__(self, supplier: str) -> None:
        super().__init__("The supplier can't be reached just now; nothing was done.")
        self.metadata["supplier"] = supplier


_FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
ERRORS: ErrorTable = {
    QuoteNotFound: (grpc.StatusCode.NOT_FOUND, "QUOTE_NOT_FOUND"),
    QuoteExpired: (_FAILED_PRECONDITION, "QUOTE_EXPIRED"),
    QuoteNotOpen: (_FAILED_PRECONDITION, "QUOTE_NOT_OPEN"),
    QuoteDigestMismatch: (grpc.StatusCode.INVALID_ARGUMENT, "QUOTE_DIGEST_MISMATCH"),
    ConsentRequired: (_FAILED_PRECONDITION, "CONSENT_REQUIRED"),
    ConsentUnavailable: (grpc.StatusCode.UNAVAILABLE, "CONSENT_UNAVAILABLE"),
    AlreadyBooked: (_FAILED_PRECONDITION, "ALREADY_BOOKED"),
    BookingNotFound: (grpc.StatusCode.NOT_FOUND, "BOOKING_NOT_FOUND"),
    BookingNotCancellable: (_FAILED_PRECONDITION, "BOOKING_NOT_CANCELLABLE"),
    BookingNotChangeable: (_FAILED_PRECONDITION, "BOOKING_NOT_CHANGEABLE"),
    TravellerNotFound: (grpc.StatusCode.NOT_FOUND, "TRAVELLER_NOT_FOUND"),
    TooManyTravellers: (_FAILED_PRECONDITION, "TOO_MANY_TRAVELLERS"),
    PartyMismatch: (_FAILED_PRECONDITION, "PARTY_MISMATCH"),
    PolicyRefused: (_FAILED_PRECONDITION, "POLICY_REFUSED"),
    OfferNotFound: (grpc.StatusCode.NOT_FOUND, "OFFER_NOT_FOUND"),
    OfferExpired: (_FAILED_PRECONDITION, "OFFER_EXPIRED"),
    OfferGone: (_FAILED_PRECONDITION, "OFFER_GONE"),
    OfferNotBookable: (_FAILED_PRECONDITION, "OFFER_NOT_BOOKABLE"),
    SoldOut: (_FAILED_PRECONDITION, "SOLD_OUT"),
    TooManyQuotes: (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_QUOTES"),
    SupplierUnavailable: (grpc.StatusCode.UNAVAILABLE, "SUPPLIER_UNAVAILABLE"),
}
"""gRPC code and reason of each error. A new reason also goes into `ErrorReason` of the contracts."""
