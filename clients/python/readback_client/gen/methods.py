"""Methods of the services, with requests and responses as dataclasses. Generated."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from readback_client.gen.readback.booking import v1 as booking
from readback_client.gen.readback.conversation import v1 as conversation
from readback_client.gen.readback.flightdata import v1 as flightdata
from readback_client.gen.readback.identity import v1 as identity
from readback_client.connection import Service


class BookingService(Service):
    """Quotes, consent and bookings, and the people who travel.

    Nothing is sent to a supplier without a quote, the customer's consent to exactly this quote, and a check
    of the consent right before. Each quote is sent at most once; an unknown outcome is looked up, not sent
    again.

    The token names the customer. Another customer's quote, booking or traveller is NOT_FOUND.
    """

    async def quote_booking(
        self, request: booking.QuoteBookingRequest, *, timeout: float | None = None
    ) -> booking.QuoteBookingResponse:
        """Asks the seller of offers for their current price and terms, and makes a quote for these
        travellers. The same request id gives the same quote; another request gives another quote.

        Errors: NOT_FOUND `OFFER_NOT_FOUND`, `TRAVELLER_NOT_FOUND`; FAILED_PRECONDITION `OFFER_EXPIRED`,
        `OFFER_GONE`, `OFFER_NOT_BOOKABLE`, `PARTY_MISMATCH`, `POLICY_REFUSED`, `SOLD_OUT`; ALREADY_EXISTS
        `REQUEST_ID_REUSED`; RESOURCE_EXHAUSTED `TOO_MANY_QUOTES`, with RetryInfo.
        """
        return await self._unary("/readback.booking.v1.BookingService/QuoteBooking", request, booking.QuoteBookingResponse, timeout)

    async def quote_cancellation(
        self, request: booking.QuoteCancellationRequest, *, timeout: float | None = None
    ) -> booking.QuoteCancellationResponse:
        """Asks the supplier of a booking what its cancellation costs and refunds, and makes a quote for it.

        Errors: NOT_FOUND `BOOKING_NOT_FOUND`; FAILED_PRECONDITION `BOOKING_NOT_CANCELLABLE`; ALREADY_EXISTS
        `REQUEST_ID_REUSED`; RESOURCE_EXHAUSTED `TOO_MANY_QUOTES`, with RetryInfo; UNAVAILABLE
        `SUPPLIER_UNAVAILABLE`, with RetryInfo.
        """
        return await self._unary("/readback.booking.v1.BookingService/QuoteCancellation", request, booking.QuoteCancellationResponse, timeout)

    async def quote_change(
        self, request: booking.QuoteChangeRequest, *, timeout: float | None = None
    ) -> booking.QuoteChangeResponse:
        """Asks the supplier of a booking what a change costs, and makes a quote for it: other flights,
        another cabin or other bags by other offers, or other names by other travellers.

        Errors: NOT_FOUND `BOOKING_NOT_FOUND`, `OFFER_NOT_FOUND`, `TRAVELLER_NOT_FOUND`; FAILED_PRECONDITION
        `BOOKING_NOT_CHANGEABLE`, `OFFER_EXPIRED`, `OFFER_GONE`, `OFFER_NOT_BOOKABLE`, `PARTY_MISMATCH`,
        `POLICY_REFUSED`, `SOLD_OUT`; ALREADY_EXISTS `REQUEST_ID_REUSED`; RESOURCE_EXHAUSTED
        `TOO_MANY_QUOTES`, with RetryInfo; UNAVAILABLE `SUPPLIER_UNAVAILABLE`, with RetryInfo.
        """
        return await self._unary("/readback.booking.v1.BookingService/QuoteChange", request, booking.QuoteChangeResponse, timeout)

    async def get_quote(
        self, request: booking.GetQuoteRequest, *, timeout: float | None = None
    ) -> booking.GetQuoteResponse:
        """Returns one quote.

        Errors: NOT_FOUND `QUOTE_NOT_FOUND`.
        """
        return await self._unary("/readback.booking.v1.BookingService/GetQuote", request, booking.GetQuoteResponse, timeout)

    async def confirm_quote(
        self, request: booking.ConfirmQuoteRequest, *, timeout: float | None = None
    ) -> booking.ConfirmQuoteResponse:
        """Confirms a quote with the customer's consent: books, cancels or changes. Answers at once, before
        the supplier does; a voice call can't wait for a supplier that may take minutes.

        A token alone is no consent. With an agent's token, the transcript of its call must hold the read-
        back of this quote, delivered, and after it the customer's yes. With a customer's token,
        `confirmation` must prove a click in the web app in the same session. Other clients can quote and
        never confirm.

        Errors: NOT_FOUND `QUOTE_NOT_FOUND`; INVALID_ARGUMENT `QUOTE_DIGEST_MISMATCH`; FAILED_PRECONDITION
        `CONSENT_REQUIRED`, `QUOTE_EXPIRED`, `QUOTE_NOT_OPEN`, `ALREADY_BOOKED`, `BOOKING_NOT_CANCELLABLE`,
        `BOOKING_NOT_CHANGEABLE`; UNAVAILABLE `CONSENT_UNAVAILABLE`, with RetryInfo; ALREADY_EXISTS
        `REQUEST_ID_REUSED`.
        """
        return await self._unary("/readback.booking.v1.BookingService/ConfirmQuote", request, booking.ConfirmQuoteResponse, timeout)

    async def withdraw_quote(
        self, request: booking.WithdrawQuoteRequest, *, timeout: float | None = None
    ) -> booking.WithdrawQuoteResponse:
        """Withdraws an open quote, because the customer declined it. Withdrawing a quote that isn't open
        any more changes nothing; the answer has its state. It stops a confirmed quote that wasn't sent yet.

        Errors: NOT_FOUND `QUOTE_NOT_FOUND`; ALREADY_EXISTS `REQUEST_ID_REUSED`.
        """
        return await self._unary("/readback.booking.v1.BookingService/WithdrawQuote", request, booking.WithdrawQuoteResponse, timeout)

    async def get_booking(
        self, request: booking.GetBookingRequest, *, timeout: float | None = None
    ) -> booking.GetBookingResponse:
        """Returns one booking.

        Errors: NOT_FOUND `BOOKING_NOT_FOUND`.
        """
        return await self._unary("/readback.booking.v1.BookingService/GetBooking", request, booking.GetBookingResponse, timeout)

    async def list_bookings(
        self, request: booking.ListBookingsRequest, *, timeout: float | None = None
    ) -> booking.ListBookingsResponse:
        """Lists the customer's bookings, newest first.

        Errors: INVALID_ARGUMENT `INVALID_PAGE_TOKEN`.
        """
        return await self._unary("/readback.booking.v1.BookingService/ListBookings", request, booking.ListBookingsResponse, timeout)

    def watch_bookings(
        self, request: booking.WatchBookingsRequest, *, timeout: float | None = None
    ) -> AsyncGenerator[booking.WatchBookingsResponse]:
        """Streams one booking, or all of the customer's, now and after every change. A state that lasted a
        moment may be skipped; the last one never is. The stream ends when the server stops or the token
        expires; a new watch begins with every booking.

        Errors: NOT_FOUND `BOOKING_NOT_FOUND`.
        """
        return self._stream("/readback.booking.v1.BookingService/WatchBookings", request, booking.WatchBookingsResponse, timeout)

    async def create_traveller(
        self, request: booking.CreateTravellerRequest, *, timeout: float | None = None
    ) -> booking.CreateTravellerResponse:
        """Saves a traveller. The e-mail address and the telephone number must be possible ones.

        Errors: FAILED_PRECONDITION `TOO_MANY_TRAVELLERS`; ALREADY_EXISTS `REQUEST_ID_REUSED`.
        """
        return await self._unary("/readback.booking.v1.BookingService/CreateTraveller", request, booking.CreateTravellerResponse, timeout)

    async def list_travellers(
        self, request: booking.ListTravellersRequest, *, timeout: float | None = None
    ) -> booking.ListTravellersResponse:
        """Lists the customer's travellers, in the order of their creation.

        Errors: INVALID_ARGUMENT `INVALID_PAGE_TOKEN`.
        """
        return await self._unary("/readback.booking.v1.BookingService/ListTravellers", request, booking.ListTravellersResponse, timeout)

    async def update_traveller(
        self, request: booking.UpdateTravellerRequest, *, timeout: float | None = None
    ) -> booking.UpdateTravellerResponse:
        """Changes a traveller. Quotes and bookings keep the names that they were made with. A traveller who
        already has the new values stays unchanged, whatever the etag, so that a repeated request succeeds.

        Errors: NOT_FOUND `TRAVELLER_NOT_FOUND`; ABORTED `ETAG_MISMATCH`.
        """
        return await self._unary("/readback.booking.v1.BookingService/UpdateTraveller", request, booking.UpdateTravellerResponse, timeout)

    async def delete_traveller(
        self, request: booking.DeleteTravellerRequest, *, timeout: float | None = None
    ) -> booking.DeleteTravellerResponse:
        """Deletes a traveller. Quotes and bookings keep the names that they were made with. A second
        deletion with the same request id succeeds.

        Errors: NOT_FOUND `TRAVELLER_NOT_FOUND`; ABORTED `ETAG_MISMATCH`; ALREADY_EXISTS
        `REQUEST_ID_REUSED`.
        """
        return await self._unary("/readback.booking.v1.BookingService/DeleteTraveller", request, booking.DeleteTravellerResponse, timeout)


class ConversationService(Service):
    """Conversations between a customer and the voice agent, their calls, and the log of everything said and
    done.

    The token names the customer. Another customer's conversation or call is NOT_FOUND.
    """

    async def start_conversation(
        self, request: conversation.StartConversationRequest, *, timeout: float | None = None
    ) -> conversation.StartConversationResponse:
        """Starts a conversation.

        Errors: ALREADY_EXISTS `REQUEST_ID_REUSED`; RESOURCE_EXHAUSTED `TOO_MANY_STARTS`, with RetryInfo.
        """
        return await self._unary("/readback.conversation.v1.ConversationService/StartConversation", request, conversation.StartConversationResponse, timeout)

    async def get_conversation(
        self, request: conversation.GetConversationRequest, *, timeout: float | None = None
    ) -> conversation.GetConversationResponse:
        """Returns one conversation.

        Errors: NOT_FOUND `CONVERSATION_NOT_FOUND`.
        """
        return await self._unary("/readback.conversation.v1.ConversationService/GetConversation", request, conversation.GetConversationResponse, timeout)

    async def list_conversations(
        self, request: conversation.ListConversationsRequest, *, timeout: float | None = None
    ) -> conversation.ListConversationsResponse:
        """Lists the customer's conversations, newest first.

        Errors: INVALID_ARGUMENT `INVALID_PAGE_TOKEN`.
        """
        return await self._unary("/readback.conversation.v1.ConversationService/ListConversations", request, conversation.ListConversationsResponse, timeout)

    async def update_conversation(
        self, request: conversation.UpdateConversationRequest, *, timeout: float | None = None
    ) -> conversation.UpdateConversationResponse:
        """Changes the title of a conversation, also of an ended one. The agent names a conversation after
        its first request only if it has no title. A conversation that already has the title stays
        unchanged, whatever the etag, so that a repeated request succeeds.

        Errors: NOT_FOUND `CONVERSATION_NOT_FOUND`; ABORTED `ETAG_MISMATCH`.
        """
        return await self._unary("/readback.conversation.v1.ConversationService/UpdateConversation", request, conversation.UpdateConversationResponse, timeout)

    async def end_conversation(
        self, request: conversation.EndConversationRequest, *, timeout: float | None = None
    ) -> conversation.EndConversationResponse:
        """Ends a conversation and its running call, if any. Ending an ended conversation succeeds.

        Errors: NOT_FOUND `CONVERSATION_NOT_FOUND`; ABORTED `ETAG_MISMATCH`.
        """
        return await self._unary("/readback.conversation.v1.ConversationService/EndConversation", request, conversation.EndConversationResponse, timeout)

    async def delete_conversation(
        self, request: conversation.DeleteConversationRequest, *, timeout: float | None = None
    ) -> conversation.DeleteConversationResponse:
        """Deletes a conversation permanently: its entries, its calls and its open utterances. A running
        call ends, and watchers get an event. A second deletion with the same request id succeeds.

        Errors: NOT_FOUND `CONVERSATION_NOT_FOUND`; ABORTED `ETAG_MISMATCH`.
        """
        return await self._unary("/readback.conversation.v1.ConversationService/DeleteConversation", request, conversation.DeleteConversationResponse, timeout)

    async def start_call(
        self, request: conversation.StartCallRequest, *, timeout: float | None = None
    ) -> conversation.StartCallResponse:
        """Starts a call: creates a room and a token to join it, and dispatches an agent. A repeated request
        id returns the same call with a new token, or `CALL_ENDED` after its end.

        By default, a customer has one running call at a time, in all conversations together. `CALL_RUNNING`
        names the running call: rejoin it, or start with `end_running_call`.

        Errors: NOT_FOUND `CONVERSATION_NOT_FOUND`; FAILED_PRECONDITION `CONVERSATION_ENDED`,
        `CALL_RUNNING`, `CALL_ENDED`; ALREADY_EXISTS `REQUEST_ID_REUSED`; RESOURCE_EXHAUSTED
        `TOO_MANY_STARTS`, with RetryInfo.
        """
        return await self._unary("/readback.conversation.v1.ConversationService/StartCall", request, conversation.StartCallResponse, timeout)

    async def get_call(
        self, request: conversation.GetCallRequest, *, timeout: float | None = None
    ) -> conversation.GetCallResponse:
        """Returns one call. An agent may read the call that it acts in.

        Errors: NOT_FOUND `CALL_NOT_FOUND`.
        """
        return await self._unary("/readback.conversation.v1.ConversationService/GetCall", request, conversation.GetCallResponse, timeout)

    async def list_calls(
        self, request: conversation.ListCallsRequest, *, timeout: float | None = None
    ) -> conversation.ListCallsResponse:
        """Lists the calls of one conversation, or of all of the customer's conversations, newest first.

        Errors: NOT_FOUND `CONVERSATION_NOT_FOUND`; INVALID_ARGUMENT `INVALID_PAGE_TOKEN`.
        """
        return await self._unary("/readback.conversation.v1.ConversationService/ListCalls", request, conversation.ListCallsResponse, timeout)

    async def rejoin_call(
        self, request: conversation.RejoinCallRequest, *, timeout: float | None = None
    ) -> conversation.RejoinCallResponse:
        """Issues a new token for a running call, for a page that was reloaded or a second device. The
        customer is in the room once: an earlier participant with the same identity is removed. Takes no
        request id: each request issues another token, and all are valid.

        Errors: NOT_FOUND `CALL_NOT_FOUND`; FAILED_PRECONDITION `CALL_ENDED`.
        """
        return await self._unary("/readback.conversation.v1.ConversationService/RejoinCall", request, conversation.RejoinCallResponse, timeout)

    async def end_call(
        self, request: conversation.EndCallRequest, *, timeout: float | None = None
    ) -> conversation.EndCallResponse:
        """Ends a call: the agent leaves, its grant is revoked, the room is closed. Ending an ended call
        succeeds.

        Errors: NOT_FOUND `CALL_NOT_FOUND`.
        """
        return await self._unary("/readback.conversation.v1.ConversationService/EndCall", request, conversation.EndCallResponse, timeout)

    def watch(
        self, request: conversation.WatchRequest, *, timeout: float | None = None
    ) -> AsyncGenerator[conversation.WatchResponse]:
        """Follows the log of one conversation, or of all of the customer's conversations, from a cursor, a
        time, the beginning or now. Sends every entry once, in order; on request also live text and changes
        of the conversations themselves. The server may end the stream at any time (`end`); resume from the
        last cursor.

        Entries of one conversation come in the order of its log, entries of several in the order of their
        commits. An agent may follow only the conversation of its call.

        Errors: NOT_FOUND `CONVERSATION_NOT_FOUND`; INVALID_ARGUMENT `INVALID_CURSOR`; OUT_OF_RANGE
        `CURSOR_EXPIRED`; RESOURCE_EXHAUSTED `WATCHER_TOO_SLOW`.
        """
        return self._stream("/readback.conversation.v1.ConversationService/Watch", request, conversation.WatchResponse, timeout)

    async def list_entries(
        self, request: conversation.ListEntriesRequest, *, timeout: float | None = None
    ) -> conversation.ListEntriesResponse:
        """Lists the entries of a conversation, page by page.

        Errors: NOT_FOUND `CONVERSATION_NOT_FOUND`; INVALID_ARGUMENT `INVALID_PAGE_TOKEN`.
        """
        return await self._unary("/readback.conversation.v1.ConversationService/ListEntries", request, conversation.ListEntriesResponse, timeout)

    async def search_entries(
        self, request: conversation.SearchEntriesRequest, *, timeout: float | None = None
    ) -> conversation.SearchEntriesResponse:
        """Finds entries by their words, newest first, with snippets.

        Errors: NOT_FOUND `CONVERSATION_NOT_FOUND`; INVALID_ARGUMENT `INVALID_PAGE_TOKEN`.
        """
        return await self._unary("/readback.conversation.v1.ConversationService/SearchEntries", request, conversation.SearchEntriesResponse, timeout)

    def export_transcript(
        self, request: conversation.ExportTranscriptRequest, *, timeout: float | None = None
    ) -> AsyncGenerator[conversation.ExportTranscriptResponse]:
        """Exports a whole transcript as a file, in chunks.

        Errors: NOT_FOUND `CONVERSATION_NOT_FOUND`; RESOURCE_EXHAUSTED `OVERLOADED` if the customer has too
        many exports, searches or deletions running at once.
        """
        return self._stream("/readback.conversation.v1.ConversationService/ExportTranscript", request, conversation.ExportTranscriptResponse, timeout)


class FlightDataService(Service):
    """Places, flights and their status. Every record states its provider, the time it was fetched, and
    whether it is a sample.

    A search without results is an outcome; a failed provider is an error. They are never confused.
    """

    async def annotate_places(
        self, request: flightdata.AnnotatePlacesRequest, *, timeout: float | None = None
    ) -> flightdata.AnnotatePlacesResponse:
        """Finds every place named in a sentence, even one garbled by a speech recogniser, with alternatives
        and scores.
        """
        return await self._unary("/readback.flightdata.v1.FlightDataService/AnnotatePlaces", request, flightdata.AnnotatePlacesResponse, timeout)

    async def resolve_place(
        self, request: flightdata.ResolvePlaceRequest, *, timeout: float | None = None
    ) -> flightdata.ResolvePlaceResponse:
        """Finds the places that a few words may mean: a code, a name, an alias, or something that sounds
        like one.

        Errors: NOT_FOUND `PLACE_NOT_RECOGNIZED`.
        """
        return await self._unary("/readback.flightdata.v1.FlightDataService/ResolvePlace", request, flightdata.ResolvePlaceResponse, timeout)

    async def get_airport(
        self, request: flightdata.GetAirportRequest, *, timeout: float | None = None
    ) -> flightdata.GetAirportResponse:
        """Returns one airport.

        Errors: NOT_FOUND `PLACE_NOT_FOUND`.
        """
        return await self._unary("/readback.flightdata.v1.FlightDataService/GetAirport", request, flightdata.GetAirportResponse, timeout)

    def search_flights(
        self, request: flightdata.SearchFlightsRequest, *, timeout: float | None = None
    ) -> AsyncGenerator[flightdata.SearchFlightsResponse]:
        """Searches for the flights of a journey of one or more legs. Streams progress and results; `done`
        is sent once and last.

        An empty outcome means that every provider that could know has answered; if one failed, the search
        fails.

        Errors: NOT_FOUND `PLACE_NOT_FOUND`; INVALID_ARGUMENT `SAME_PLACE`, `INVALID_DATE`;
        FAILED_PRECONDITION `DATE_IN_PAST`, `DATE_BEYOND_HORIZON`, `FLIGHTS_RESTRICTED`; UNAVAILABLE
        `FLIGHTS_UNAVAILABLE`; RESOURCE_EXHAUSTED `FLIGHTS_QUOTA_EXHAUSTED`, `ALLOWANCE_EXHAUSTED`.
        """
        return self._stream("/readback.flightdata.v1.FlightDataService/SearchFlights", request, flightdata.SearchFlightsResponse, timeout)

    async def get_flight_status(
        self, request: flightdata.GetFlightStatusRequest, *, timeout: float | None = None
    ) -> flightdata.GetFlightStatusResponse:
        """Returns the status of one flight on one day.

        Errors: NOT_FOUND `FLIGHT_NOT_FOUND`; INVALID_ARGUMENT `INVALID_DATE`; FAILED_PRECONDITION
        `DATE_BEYOND_HORIZON`, `FLIGHTS_RESTRICTED`; UNAVAILABLE `FLIGHTS_UNAVAILABLE`; RESOURCE_EXHAUSTED
        `FLIGHTS_QUOTA_EXHAUSTED`, `ALLOWANCE_EXHAUSTED`.
        """
        return await self._unary("/readback.flightdata.v1.FlightDataService/GetFlightStatus", request, flightdata.GetFlightStatusResponse, timeout)

    async def list_route_flight_statuses(
        self, request: flightdata.ListRouteFlightStatusesRequest, *, timeout: float | None = None
    ) -> flightdata.ListRouteFlightStatusesResponse:
        """Returns the status of the flights between two places on one day, the ones nearest to a time of
        day first. For callers who don't know the flight number.

        Errors: NOT_FOUND `PLACE_NOT_FOUND`; INVALID_ARGUMENT `SAME_PLACE`, `INVALID_DATE`,
        `INVALID_PAGE_TOKEN`; FAILED_PRECONDITION `DATE_BEYOND_HORIZON`, `DATE_IN_PAST` for days more than a
        year ago, `FLIGHTS_RESTRICTED`; UNAVAILABLE `FLIGHTS_UNAVAILABLE`; RESOURCE_EXHAUSTED
        `FLIGHTS_QUOTA_EXHAUSTED`, `ALLOWANCE_EXHAUSTED`.
        """
        return await self._unary("/readback.flightdata.v1.FlightDataService/ListRouteFlightStatuses", request, flightdata.ListRouteFlightStatusesResponse, timeout)

    def watch_flight_status(
        self, request: flightdata.WatchFlightStatusRequest, *, timeout: float | None = None
    ) -> AsyncGenerator[flightdata.WatchFlightStatusResponse]:
        """Streams the status of one flight, now and after every change, until it has landed or is
        cancelled, or until twelve hours after an unreported arrival; then the stream ends without an error.
        After UNAVAILABLE, open another stream: it begins with the status of that time. One poll serves all
        watches of a flight; polls are more frequent near its departure and arrival.

        Errors: NOT_FOUND `FLIGHT_NOT_FOUND`; INVALID_ARGUMENT `INVALID_DATE`; FAILED_PRECONDITION
        `DATE_BEYOND_HORIZON`, `FLIGHTS_RESTRICTED`; UNAVAILABLE `FLIGHTS_UNAVAILABLE`; RESOURCE_EXHAUSTED
        `FLIGHTS_QUOTA_EXHAUSTED`. The last three only before the first status; later they are sent as
        trouble. RESOURCE_EXHAUSTED `ALLOWANCE_EXHAUSTED` ends the watch of this caller.
        """
        return self._stream("/readback.flightdata.v1.FlightDataService/WatchFlightStatus", request, flightdata.WatchFlightStatusResponse, timeout)

    async def get_route(
        self, request: flightdata.GetRouteRequest, *, timeout: float | None = None
    ) -> flightdata.GetRouteResponse:
        """Returns the facts about a route: distance, block time, time zones, and the carriers with nonstop
        flights today.

        Errors: NOT_FOUND `PLACE_NOT_FOUND`; INVALID_ARGUMENT `SAME_PLACE`. `service` is absent if no
        provider could answer, or if the caller's allowance is used up.
        """
        return await self._unary("/readback.flightdata.v1.FlightDataService/GetRoute", request, flightdata.GetRouteResponse, timeout)

    async def reprice_offer(
        self, request: flightdata.RepriceOfferRequest, *, timeout: float | None = None
    ) -> flightdata.RepriceOfferResponse:
        """Asks the provider of an offer again: returns the offer at its current price under a new id. A
        changed price comes with the previous one. Each request may spend the provider's budget.

        Errors: NOT_FOUND `OFFER_NOT_FOUND`; FAILED_PRECONDITION `OFFER_EXPIRED`, `OFFER_GONE`,
        `FLIGHTS_RESTRICTED`; UNAVAILABLE `FLIGHTS_UNAVAILABLE`; RESOURCE_EXHAUSTED
        `FLIGHTS_QUOTA_EXHAUSTED`, `ALLOWANCE_EXHAUSTED`.
        """
        return await self._unary("/readback.flightdata.v1.FlightDataService/RepriceOffer", request, flightdata.RepriceOfferResponse, timeout)

    async def list_providers(
        self, request: flightdata.ListProvidersRequest, *, timeout: float | None = None
    ) -> flightdata.ListProvidersResponse:
        """Returns the providers of flight data in the order they are asked, with their health.

        Errors: INVALID_ARGUMENT `INVALID_PAGE_TOKEN`.
        """
        return await self._unary("/readback.flightdata.v1.FlightDataService/ListProviders", request, flightdata.ListProvidersResponse, timeout)


class IdentityService(Service):
    """Customers, their sessions, and the grants by which voice agents act for them.

    Access tokens are short-lived signed JWTs (`typ: at+jwt`, RFC 9068) that every service verifies with the
    keys of `GetJwks`. Refresh tokens and grants are opaque; only their hashes are stored.
    """

    async def register(
        self, request: identity.RegisterRequest, *, timeout: float | None = None
    ) -> identity.RegisterResponse:
        """Creates an account and signs it in. Takes no request id: the e-mail address already makes a
        repeated request harmless. It is `EMAIL_TAKEN`, and `Login` returns the tokens whose response was
        lost.

        Errors: ALREADY_EXISTS `EMAIL_TAKEN`; INVALID_ARGUMENT `WEAK_PASSWORD`; RESOURCE_EXHAUSTED
        `TOO_MANY_ATTEMPTS` if the network address created too many accounts, `OVERLOADED`, with RetryInfo.
        """
        return await self._unary("/readback.identity.v1.IdentityService/Register", request, identity.RegisterResponse, timeout)

    async def login(
        self, request: identity.LoginRequest, *, timeout: float | None = None
    ) -> identity.LoginResponse:
        """Signs in with e-mail address and password.

        Errors: UNAUTHENTICATED `WRONG_CREDENTIALS`; RESOURCE_EXHAUSTED `TOO_MANY_ATTEMPTS`, `OVERLOADED`,
        with RetryInfo.
        """
        return await self._unary("/readback.identity.v1.IdentityService/Login", request, identity.LoginResponse, timeout)

    async def refresh_session(
        self, request: identity.RefreshSessionRequest, *, timeout: float | None = None
    ) -> identity.RefreshSessionResponse:
        """Exchanges a refresh token for a new pair of tokens and spends it. Within seconds, until the new
        refresh token is used, a spent token gets the same one again (the client may not have received the
        response). Later use of a spent token ends the session.

        Errors: UNAUTHENTICATED `SESSION_ENDED`, `REFRESH_TOKEN_REUSED`.
        """
        return await self._unary("/readback.identity.v1.IdentityService/RefreshSession", request, identity.RefreshSessionResponse, timeout)

    async def logout(
        self, request: identity.LogoutRequest, *, timeout: float | None = None
    ) -> identity.LogoutResponse:
        """Ends the session of the access token and revokes the grants issued in it. Other services refuse
        the session's access tokens within 30 seconds. Ending an ended session succeeds.
        """
        return await self._unary("/readback.identity.v1.IdentityService/Logout", request, identity.LogoutResponse, timeout)

    async def get_customer(
        self, request: identity.GetCustomerRequest, *, timeout: float | None = None
    ) -> identity.GetCustomerResponse:
        """Returns the customer of the token.

        Errors: NOT_FOUND `CUSTOMER_NOT_FOUND`; UNAUTHENTICATED `SESSION_ENDED`.
        """
        return await self._unary("/readback.identity.v1.IdentityService/GetCustomer", request, identity.GetCustomerResponse, timeout)

    async def update_customer(
        self, request: identity.UpdateCustomerRequest, *, timeout: float | None = None
    ) -> identity.UpdateCustomerResponse:
        """Changes the customer of the token. `display_name` and `locale` can be changed. Another e-mail
        address or another `customer_id` is refused. A customer who already has the new values stays
        unchanged, whatever the etag, so that a repeated request succeeds.

        Errors: NOT_FOUND `CUSTOMER_NOT_FOUND`; UNAUTHENTICATED `SESSION_ENDED`; ABORTED `ETAG_MISMATCH`.
        """
        return await self._unary("/readback.identity.v1.IdentityService/UpdateCustomer", request, identity.UpdateCustomerResponse, timeout)

    async def change_password(
        self, request: identity.ChangePasswordRequest, *, timeout: float | None = None
    ) -> identity.ChangePasswordResponse:
        """Changes the password of the customer of the token. The session of the token stays open; all other
        sessions end, with the grants issued in them, as after `RevokeSession`. A repeated request id
        succeeds if `new_password` is the password by now.

        Errors: INVALID_ARGUMENT `WRONG_PASSWORD` if the old password is wrong, `WEAK_PASSWORD`;
        UNAUTHENTICATED `SESSION_ENDED`; NOT_FOUND `CUSTOMER_NOT_FOUND`; ALREADY_EXISTS `REQUEST_ID_REUSED`;
        RESOURCE_EXHAUSTED `TOO_MANY_ATTEMPTS`, `OVERLOADED`, with RetryInfo.
        """
        return await self._unary("/readback.identity.v1.IdentityService/ChangePassword", request, identity.ChangePasswordResponse, timeout)

    async def list_sessions(
        self, request: identity.ListSessionsRequest, *, timeout: float | None = None
    ) -> identity.ListSessionsResponse:
        """Lists the open sessions of the customer of the token, newest first.

        Errors: UNAUTHENTICATED `SESSION_ENDED`; INVALID_ARGUMENT `INVALID_PAGE_TOKEN`.
        """
        return await self._unary("/readback.identity.v1.IdentityService/ListSessions", request, identity.ListSessionsResponse, timeout)

    async def revoke_session(
        self, request: identity.RevokeSessionRequest, *, timeout: float | None = None
    ) -> identity.RevokeSessionResponse:
        """Ends one session of the customer of the token, and revokes the grants issued in it. Other
        services refuse the session's access tokens within 30 seconds. Ending an ended session succeeds.

        Errors: NOT_FOUND `SESSION_NOT_FOUND`; UNAUTHENTICATED `SESSION_ENDED`.
        """
        return await self._unary("/readback.identity.v1.IdentityService/RevokeSession", request, identity.RevokeSessionResponse, timeout)

    async def delete_customer(
        self, request: identity.DeleteCustomerRequest, *, timeout: float | None = None
    ) -> identity.DeleteCustomerResponse:
        """Deletes the customer of the token, with all sessions and grants. Other services refuse the
        customer's access tokens within 30 seconds. The conversation service deletes the customer's
        conversations, calls and transcripts: it learns of the deletion within 30 seconds, ends a running
        call, and erases a usual history within a minute. The booking service deletes travellers, quotes and
        bookings, as soon as no outcome of a request to a supplier is unknown. Both delete once more after
        the last access token has expired. Over HTTP it is a POST, because the password belongs in a body,
        which DELETE has not.

        Errors: INVALID_ARGUMENT `WRONG_PASSWORD`; RESOURCE_EXHAUSTED `TOO_MANY_ATTEMPTS`, `OVERLOADED`,
        with RetryInfo.
        """
        return await self._unary("/readback.identity.v1.IdentityService/DeleteCustomer", request, identity.DeleteCustomerResponse, timeout)

    async def get_jwks(
        self, request: identity.GetJwksRequest, *, timeout: float | None = None
    ) -> identity.GetJwksResponse:
        """Returns the public keys that verify access tokens: the current one and previous ones that are
        still accepted. Its JSON is a JWK Set (RFC 7517 §5).
        """
        return await self._unary("/readback.identity.v1.IdentityService/GetJwks", request, identity.GetJwksResponse, timeout)
