"""One exception for each error reason of the contracts. Generated."""

from __future__ import annotations

from readback_client.errors import ReadbackError


class AccessDenied(ReadbackError, reason="ACCESS_DENIED"):
    """The token is valid, but its kind may not call this RPC.

    PERMISSION_DENIED, from any RPC: don't retry; use a token of a kind that the RPC accepts.

    { "reason": "ACCESS_DENIED", "domain": "readback.errors.v1", "metadata": { "method":
    "/readback.conversation.v1.ConversationService/StartCall", "needs": "CUSTOMER" } }
    """


class AllowanceExhausted(ReadbackError, reason="ALLOWANCE_EXHAUSTED"):
    """The answer needs a paid lookup, and the caller has used up the day's allowance of these. The scope is
    `customer`, `customers` for all customers together, or `anonymous` for callers without an account, whose
    limit may be 0.

    RESOURCE_EXHAUSTED: wait as long as `google.rpc.RetryInfo` says, until the allowance is renewed; without
    an account, sign in.

    { "reason": "ALLOWANCE_EXHAUSTED", "domain": "readback.errors.v1", "metadata": { "scope": "customer",
    "limit": "50" } }
    """


class AlreadyBooked(ReadbackError, reason="ALREADY_BOOKED"):
    """One of the travellers has a booking of one of these flights, or one whose outcome isn't known yet.

    FAILED_PRECONDITION: show that booking; cancel it first, or wait until its state is known.

    { "reason": "ALREADY_BOOKED", "domain": "readback.errors.v1", "metadata": { "booking_id":
    "01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11" } }
    """


class BookingNotCancellable(ReadbackError, reason="BOOKING_NOT_CANCELLABLE"):
    """The booking can't be cancelled in its state, or by the supplier's rules.

    FAILED_PRECONDITION: wait if its state is PENDING, UNKNOWN or CHANGE_PENDING; otherwise don't retry.

    { "reason": "BOOKING_NOT_CANCELLABLE", "domain": "readback.errors.v1", "metadata": { "state": "FAILED" }
    }
    """


class BookingNotChangeable(ReadbackError, reason="BOOKING_NOT_CHANGEABLE"):
    """The booking can't be changed in its state, or by the supplier's rules.

    FAILED_PRECONDITION: wait if its state is PENDING, UNKNOWN or CHANGE_PENDING; otherwise don't retry.

    { "reason": "BOOKING_NOT_CHANGEABLE", "domain": "readback.errors.v1", "metadata": { "state": "CANCELLED"
    } }
    """


class BookingNotFound(ReadbackError, reason="BOOKING_NOT_FOUND"):
    """The caller has no such booking.

    NOT_FOUND: check the id; another customer's booking is not found either.

    { "reason": "BOOKING_NOT_FOUND", "domain": "readback.errors.v1", "metadata": {} }
    """


class CallEnded(ReadbackError, reason="CALL_ENDED"):
    """The call has ended. The metadata has the `CallEndReason`.

    FAILED_PRECONDITION: start another call in the same conversation.

    { "reason": "CALL_ENDED", "domain": "readback.errors.v1", "metadata": { "end_reason": "NO_AGENT" } }
    """


class CallNotFound(ReadbackError, reason="CALL_NOT_FOUND"):
    """The caller has no such call.

    NOT_FOUND: check the id; another customer's call is not found either.

    { "reason": "CALL_NOT_FOUND", "domain": "readback.errors.v1", "metadata": {} }
    """


class CallRunning(ReadbackError, reason="CALL_RUNNING"):
    """The customer already has a running call, in this or another conversation.

    FAILED_PRECONDITION: rejoin that call, or end it first.

    { "reason": "CALL_RUNNING", "domain": "readback.errors.v1", "metadata": { "call_id":
    "01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11", "conversation_id": "01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d10" } }
    """


class ConsentRequired(ReadbackError, reason="CONSENT_REQUIRED"):
    """The customer has not consented to exactly this quote. `problem` is `none` if there is no proof of
    consent, or another word for what is wrong with the proof.

    FAILED_PRECONDITION: read the quote back and ask, or show it in the web app.

    { "reason": "CONSENT_REQUIRED", "domain": "readback.errors.v1", "metadata": { "problem": "none" } }
    """


class ConsentUnavailable(ReadbackError, reason="CONSENT_UNAVAILABLE"):
    """The transcript can't be read, so the consent can't be checked. Nothing was sent.

    UNAVAILABLE: wait as long as `google.rpc.RetryInfo` says, then send the same request again.

    { "reason": "CONSENT_UNAVAILABLE", "domain": "readback.errors.v1", "metadata": {} }
    """


class ConversationEnded(ReadbackError, reason="CONVERSATION_ENDED"):
    """The conversation has ended and is read-only.

    FAILED_PRECONDITION: start another.

    { "reason": "CONVERSATION_ENDED", "domain": "readback.errors.v1", "metadata": {} }
    """


class ConversationNotFound(ReadbackError, reason="CONVERSATION_NOT_FOUND"):
    """The caller has no such conversation.

    NOT_FOUND: check the id; another customer's conversation is not found either.

    { "reason": "CONVERSATION_NOT_FOUND", "domain": "readback.errors.v1", "metadata": {} }
    """


class CursorExpired(ReadbackError, reason="CURSOR_EXPIRED"):
    """The position of the cursor is gone: the database was restored or replaced.

    OUT_OF_RANGE: follow from the earliest cursor, or from a time.

    { "reason": "CURSOR_EXPIRED", "domain": "readback.errors.v1", "metadata": { "earliest_cursor": "AQx…" }
    }
    """


class CustomerNotFound(ReadbackError, reason="CUSTOMER_NOT_FOUND"):
    """The customer of the token no longer exists.

    NOT_FOUND: drop the tokens; sign in or register.

    { "reason": "CUSTOMER_NOT_FOUND", "domain": "readback.errors.v1", "metadata": {} }
    """


class DateBeyondHorizon(ReadbackError, reason="DATE_BEYOND_HORIZON"):
    """The date is beyond the known schedules.

    FAILED_PRECONDITION: ask for a date up to `last_date`.

    { "reason": "DATE_BEYOND_HORIZON", "domain": "readback.errors.v1", "metadata": { "last_date":
    "2027-10-19" } }
    """


class DateInPast(ReadbackError, reason="DATE_IN_PAST"):
    """The date is in the past at the departure airport.

    FAILED_PRECONDITION: ask for a date from `today` on.

    { "reason": "DATE_IN_PAST", "domain": "readback.errors.v1", "metadata": { "today": "2026-11-23",
    "time_zone": "Asia/Kolkata" } }
    """


class EmailTaken(ReadbackError, reason="EMAIL_TAKEN"):
    """The e-mail address already has an account.

    ALREADY_EXISTS: sign in instead.

    { "reason": "EMAIL_TAKEN", "domain": "readback.errors.v1", "metadata": {} }
    """


class EntryConflict(ReadbackError, reason="ENTRY_CONFLICT"):
    """An entry with this id is in the log with other content.

    ALREADY_EXISTS: use a new entry id.

    { "reason": "ENTRY_CONFLICT", "domain": "readback.errors.v1", "metadata": { "number": "17" } }
    """


class EpochHeld(ReadbackError, reason="EPOCH_HELD"):
    """Another writer holds this epoch of the call.

    ABORTED: stop speaking, and don't retry.

    { "reason": "EPOCH_HELD", "domain": "readback.errors.v1", "metadata": { "epoch": "3" } }
    """


class EtagMismatch(ReadbackError, reason="ETAG_MISMATCH"):
    """The etag of the request is outdated: the resource has changed since the caller read it.

    ABORTED, from any RPC with an etag: read the resource again, then repeat the change.

    { "reason": "ETAG_MISMATCH", "domain": "readback.errors.v1", "metadata": {} }
    """


class FlightsQuotaExhausted(ReadbackError, reason="FLIGHTS_QUOTA_EXHAUSTED"):
    """The budgets of the configured keys are used up. Providers are in the metadata as for
    `FLIGHTS_UNAVAILABLE`.

    RESOURCE_EXHAUSTED: try again after `renew_time`, which `google.rpc.RetryInfo` says too.

    { "reason": "FLIGHTS_QUOTA_EXHAUSTED", "domain": "readback.errors.v1", "metadata": {
    "provider.aviationstack": "QUOTA_EXHAUSTED", "renew_time": "2026-12-01T00:00:00+00:00" } }
    """


class FlightsRestricted(ReadbackError, reason="FLIGHTS_RESTRICTED"):
    """No configured provider supports the request, or no key's plan includes it. Providers are in the
    metadata as for `FLIGHTS_UNAVAILABLE`.

    FAILED_PRECONDITION: don't retry; ask for less, or configure another provider.

    { "reason": "FLIGHTS_RESTRICTED", "domain": "readback.errors.v1", "metadata": {
    "provider.aviationstack": "RESTRICTED" } }
    """


class FlightsUnavailable(ReadbackError, reason="FLIGHTS_UNAVAILABLE"):
    """No provider that could answer gave an answer. The metadata has a key `provider.` and its name for
    each provider that failed; the value is a `ProviderProblem` without its prefix.

    UNAVAILABLE: try again after the time in `google.rpc.RetryInfo`; it is unknown whether there are
    flights.

    { "reason": "FLIGHTS_UNAVAILABLE", "domain": "readback.errors.v1", "metadata": {
    "provider.aviationstack": "UNAVAILABLE", "provider.flightapi": "RATE_LIMITED" } }
    """


class FlightNotFound(ReadbackError, reason="FLIGHT_NOT_FOUND"):
    """No flight has this number on this date. `next_date` is the next day on which one flies, if it is
    known.

    NOT_FOUND: check the number and the date.

    { "reason": "FLIGHT_NOT_FOUND", "domain": "readback.errors.v1", "metadata": { "flight_number": "AI9999"
    } }
    """


class GrantEnded(ReadbackError, reason="GRANT_ENDED"):
    """The grant is unknown, expired or revoked.

    UNAUTHENTICATED: leave the call.

    { "reason": "GRANT_ENDED", "domain": "readback.errors.v1", "metadata": {} }
    """


class Internal(ReadbackError, reason="INTERNAL"):
    """Internal error. Details are only in the log, under the correlation id.

    INTERNAL, from any RPC: don't retry; report the correlation id.

    { "reason": "INTERNAL", "domain": "readback.errors.v1", "metadata": { "correlation_id":
    "01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11" } }
    """


class InvalidCursor(ReadbackError, reason="INVALID_CURSOR"):
    """The cursor is malformed, belongs to another log, or was made by another installation.

    INVALID_ARGUMENT: follow from the beginning, or from a time.

    { "reason": "INVALID_CURSOR", "domain": "readback.errors.v1", "metadata": {} }
    """


class InvalidDate(ReadbackError, reason="INVALID_DATE"):
    """The date is not a day of the calendar.

    INVALID_ARGUMENT: ask for another date.

    { "reason": "INVALID_DATE", "domain": "readback.errors.v1", "metadata": {} }
    """


class InvalidPageToken(ReadbackError, reason="INVALID_PAGE_TOKEN"):
    """The page token is malformed, forged, or made for another request.

    INVALID_ARGUMENT: start the listing again, without a token.

    { "reason": "INVALID_PAGE_TOKEN", "domain": "readback.errors.v1", "metadata": {} }
    """


class InvalidRequest(ReadbackError, reason="INVALID_REQUEST"):
    """Fields of the request break their rules; `google.rpc.BadRequest` lists them.

    INVALID_ARGUMENT, from any RPC: correct the fields.

    { "reason": "INVALID_REQUEST", "domain": "readback.errors.v1", "metadata": {} }
    """


class OfferExpired(ReadbackError, reason="OFFER_EXPIRED"):
    """The offer's price is no longer valid.

    FAILED_PRECONDITION: search again.

    { "reason": "OFFER_EXPIRED", "domain": "readback.errors.v1", "metadata": { "expire_time":
    "2026-11-23T04:15:00+00:00" } }
    """


class OfferGone(ReadbackError, reason="OFFER_GONE"):
    """The offer is no longer sold.

    FAILED_PRECONDITION: choose another offer.

    { "reason": "OFFER_GONE", "domain": "readback.errors.v1", "metadata": {} }
    """


class OfferNotBookable(ReadbackError, reason="OFFER_NOT_BOOKABLE"):
    """No configured supplier sells this offer; only its price is known.

    FAILED_PRECONDITION: don't retry; choose another offer.

    { "reason": "OFFER_NOT_BOOKABLE", "domain": "readback.errors.v1", "metadata": { "provider": "flightapi"
    } }
    """


class OfferNotFound(ReadbackError, reason="OFFER_NOT_FOUND"):
    """This service never made this offer.

    NOT_FOUND: check the id, or search again.

    { "reason": "OFFER_NOT_FOUND", "domain": "readback.errors.v1", "metadata": {} }
    """


class Overloaded(ReadbackError, reason="OVERLOADED"):
    """Too many RPCs at the same time, from this caller (`scope` is `caller`), in total, or in another
    service.

    RESOURCE_EXHAUSTED, from any RPC: wait as long as `google.rpc.RetryInfo` says, then try again.

    { "reason": "OVERLOADED", "domain": "readback.errors.v1", "metadata": { "scope": "caller" } }
    """


class PartyMismatch(ReadbackError, reason="PARTY_MISMATCH"):
    """The offers are priced for other numbers of adults, children and infants than the travellers are, by
    their age at the last flight.

    FAILED_PRECONDITION: search again for these travellers.

    { "reason": "PARTY_MISMATCH", "domain": "readback.errors.v1", "metadata": { "adults": "2", "children":
    "0", "infants": "1" } }
    """


class PlaceNotFound(ReadbackError, reason="PLACE_NOT_FOUND"):
    """No airport or city has this code.

    NOT_FOUND: check the code, or find it with `ResolvePlace`.

    { "reason": "PLACE_NOT_FOUND", "domain": "readback.errors.v1", "metadata": { "code": "XQZ" } }
    """


class PlaceNotRecognized(ReadbackError, reason="PLACE_NOT_RECOGNIZED"):
    """The words don't name a known place.

    NOT_FOUND: ask for the place in other words.

    { "reason": "PLACE_NOT_RECOGNIZED", "domain": "readback.errors.v1", "metadata": {} }
    """


class PolicyRefused(ReadbackError, reason="POLICY_REFUSED"):
    """A rule of the supplier forbids it; the message says which.

    FAILED_PRECONDITION: don't retry; tell the customer.

    { "reason": "POLICY_REFUSED", "domain": "readback.errors.v1", "metadata": { "rule":
    "unaccompanied_children" } }
    """


class QuoteDigestMismatch(ReadbackError, reason="QUOTE_DIGEST_MISMATCH"):
    """The digest isn't the one of the quote.

    INVALID_ARGUMENT: get the quote again, and read it back.

    { "reason": "QUOTE_DIGEST_MISMATCH", "domain": "readback.errors.v1", "metadata": {} }
    """


class QuoteExpired(ReadbackError, reason="QUOTE_EXPIRED"):
    """The time of the quote is over.

    FAILED_PRECONDITION: make a new quote, and read it back.

    { "reason": "QUOTE_EXPIRED", "domain": "readback.errors.v1", "metadata": { "expire_time":
    "2026-11-23T04:15:00+00:00" } }
    """


class QuoteNotFound(ReadbackError, reason="QUOTE_NOT_FOUND"):
    """The caller has no such quote.

    NOT_FOUND: check the id; another customer's quote is not found either.

    { "reason": "QUOTE_NOT_FOUND", "domain": "readback.errors.v1", "metadata": {} }
    """


class QuoteNotOpen(ReadbackError, reason="QUOTE_NOT_OPEN"):
    """The quote was used or withdrawn. The metadata has its `QuoteState` without the prefix.

    FAILED_PRECONDITION: don't retry; make a new quote, unless the first one made the booking.

    { "reason": "QUOTE_NOT_OPEN", "domain": "readback.errors.v1", "metadata": { "state": "USED" } }
    """


class RecordOutOfOrder(ReadbackError, reason="RECORD_OUT_OF_ORDER"):
    """The first message of a Record stream must be `open`, and no later message may be.

    FAILED_PRECONDITION: open another stream.

    { "reason": "RECORD_OUT_OF_ORDER", "domain": "readback.errors.v1", "metadata": {} }
    """


class RefreshTokenReused(ReadbackError, reason="REFRESH_TOKEN_REUSED"):
    """A refresh token was used again, so the session was ended.

    UNAUTHENTICATED: drop the tokens and sign in again; if this repeats, change the password.

    { "reason": "REFRESH_TOKEN_REUSED", "domain": "readback.errors.v1", "metadata": {} }
    """


class RequestIdReused(ReadbackError, reason="REQUEST_ID_REUSED"):
    """The request id was used for another payload.

    ALREADY_EXISTS, from any RPC with a `request_id`: choose a new id.

    { "reason": "REQUEST_ID_REUSED", "domain": "readback.errors.v1", "metadata": { "request_id":
    "0b6e3c1a-6a3a-4f5f-8b29-4f8a2f0c7a11" } }
    """


class SamePlace(ReadbackError, reason="SAME_PLACE"):
    """Origin and destination are the same airport, or airports of the same city.

    INVALID_ARGUMENT: ask for another place.

    { "reason": "SAME_PLACE", "domain": "readback.errors.v1", "metadata": { "code": "MAA" } }
    """


class SessionEnded(ReadbackError, reason="SESSION_ENDED"):
    """The refresh token is unknown, or its session has expired or ended.

    UNAUTHENTICATED: drop the tokens and sign in again.

    { "reason": "SESSION_ENDED", "domain": "readback.errors.v1", "metadata": {} }
    """


class SessionNotFound(ReadbackError, reason="SESSION_NOT_FOUND"):
    """The customer has no such session.

    NOT_FOUND: don't retry; list the sessions again.

    { "reason": "SESSION_NOT_FOUND", "domain": "readback.errors.v1", "metadata": {} }
    """


class SoldOut(ReadbackError, reason="SOLD_OUT"):
    """There are no seats left for these passengers.

    FAILED_PRECONDITION: choose another offer.

    { "reason": "SOLD_OUT", "domain": "readback.errors.v1", "metadata": {} }
    """


class StaleEpoch(ReadbackError, reason="STALE_EPOCH"):
    """Another agent holds the call: the writer's epoch is lower than the call's.

    ABORTED: stop speaking, and don't retry.

    { "reason": "STALE_EPOCH", "domain": "readback.errors.v1", "metadata": { "epoch": "3" } }
    """


class StoreUnavailable(ReadbackError, reason="STORE_UNAVAILABLE"):
    """The database can't be reached, or did not answer in time. A write that was in progress may or may not
    be stored.

    UNAVAILABLE, from any RPC: wait as long as `google.rpc.RetryInfo` says, then send the same request
    again, with the same request id; it is stored once.

    { "reason": "STORE_UNAVAILABLE", "domain": "readback.errors.v1", "metadata": {} }
    """


class SupplierUnavailable(ReadbackError, reason="SUPPLIER_UNAVAILABLE"):
    """The supplier can't be reached; nothing was booked, cancelled or changed.

    UNAVAILABLE: try again after the time in `google.rpc.RetryInfo`.

    { "reason": "SUPPLIER_UNAVAILABLE", "domain": "readback.errors.v1", "metadata": { "supplier": "sandbox"
    } }
    """


class TooManyAttempts(ReadbackError, reason="TOO_MANY_ATTEMPTS"):
    """Too many failed sign-ins or registrations from this network address, or failed sign-ins to this
    account.

    RESOURCE_EXHAUSTED: wait as long as `google.rpc.RetryInfo` says, then try again.

    { "reason": "TOO_MANY_ATTEMPTS", "domain": "readback.errors.v1", "metadata": {} }
    """


class TooManyQuotes(ReadbackError, reason="TOO_MANY_QUOTES"):
    """The customer has made too many quotes in a short time.

    RESOURCE_EXHAUSTED: wait as long as `google.rpc.RetryInfo` says, then try again.

    { "reason": "TOO_MANY_QUOTES", "domain": "readback.errors.v1", "metadata": {} }
    """


class TooManyStarts(ReadbackError, reason="TOO_MANY_STARTS"):
    """The customer has started too many conversations or calls in a short time.

    RESOURCE_EXHAUSTED: wait as long as `google.rpc.RetryInfo` says, then try again.

    { "reason": "TOO_MANY_STARTS", "domain": "readback.errors.v1", "metadata": {} }
    """


class TooManyTravellers(ReadbackError, reason="TOO_MANY_TRAVELLERS"):
    """The customer has saved as many travellers as are allowed.

    FAILED_PRECONDITION: delete a traveller first.

    { "reason": "TOO_MANY_TRAVELLERS", "domain": "readback.errors.v1", "metadata": { "limit": "50" } }
    """


class TravellerNotFound(ReadbackError, reason="TRAVELLER_NOT_FOUND"):
    """The customer has no such traveller.

    NOT_FOUND: list the travellers again.

    { "reason": "TRAVELLER_NOT_FOUND", "domain": "readback.errors.v1", "metadata": {} }
    """


class Unauthenticated(ReadbackError, reason="UNAUTHENTICATED"):
    """The RPC requires a token, and none was sent or the token is expired, malformed, or from another
    issuer.

    UNAUTHENTICATED, from any RPC: get another token, by `RefreshSession` or `Login`, and send the request
    again.

    { "reason": "UNAUTHENTICATED", "domain": "readback.errors.v1", "metadata": { "problem": "expired" } }
    """


class Unavailable(ReadbackError, reason="UNAVAILABLE"):
    """The server is shutting down, or a required part of the system can't be reached.

    UNAVAILABLE, from any RPC: try again.

    { "reason": "UNAVAILABLE", "domain": "readback.errors.v1", "metadata": {} }
    """


class UnknownActor(ReadbackError, reason="UNKNOWN_ACTOR"):
    """The assertion has an unknown key, is expired, was used before, or is for another audience.

    UNAUTHENTICATED: sign a new assertion; check the key and the clock.

    { "reason": "UNKNOWN_ACTOR", "domain": "readback.errors.v1", "metadata": {} }
    """


class WatcherTooSlow(ReadbackError, reason="WATCHER_TOO_SLOW"):
    """The watcher read too slowly for too long.

    RESOURCE_EXHAUSTED: resume from the cursor.

    { "reason": "WATCHER_TOO_SLOW", "domain": "readback.errors.v1", "metadata": { "cursor": "AQx…" } }
    """


class WeakPassword(ReadbackError, reason="WEAK_PASSWORD"):
    """The password is too short, too long, or easy to guess. `problem` is `short`, `long`, `repetitive`,
    `common` or `personal`.

    INVALID_ARGUMENT: ask for another password; the message has advice.

    { "reason": "WEAK_PASSWORD", "domain": "readback.errors.v1", "metadata": { "problem": "common" } }
    """


class WrongCredentials(ReadbackError, reason="WRONG_CREDENTIALS"):
    """The e-mail address or the password is wrong; the error never says which.

    UNAUTHENTICATED: ask for both again.

    { "reason": "WRONG_CREDENTIALS", "domain": "readback.errors.v1", "metadata": {} }
    """


class WrongPassword(ReadbackError, reason="WRONG_PASSWORD"):
    """The password of the signed-in customer is wrong. The token stays valid.

    INVALID_ARGUMENT: ask for the password again; the field is named.

    { "reason": "WRONG_PASSWORD", "domain": "readback.errors.v1", "metadata": {} }
    """
