"""The asynchronous client: sign in, search flights, place and follow calls, export transcripts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from types import TracebackType
from typing import Self

import grpc

from readback_client.connection import Addresses, open_channel
from readback_client.gen.error_reasons import RefreshTokenReused, SessionEnded
from readback_client.gen.methods import (
    BookingService,
    ConversationService,
    FlightDataService,
    IdentityService,
)
from readback_client.gen.readback.conversation import v1 as conversation
from readback_client.gen.readback.flightdata import v1 as flightdata
from readback_client.gen.readback.identity import v1 as identity
from readback_client.session import Credentials, CredentialsFile, CredentialsStore, NotSignedIn, Session
from readback_client.watch import Watch

TranscriptFormat = conversation.TranscriptFormat


class Client:
    """A client of one Readback, for one signed-in person.

        async with Client() as client:
            await client.sign_in("ana@example.com", "correct horse 7")
            async for entry in client.watch():
                print(entry.utterance)

    Every RPC of the contracts is a method of `identity`, `conversation`, `flightdata` or `booking`. Errors
    are `ReadbackError`s.
    """

    def __init__(
        self,
        addresses: Addresses | None = None,
        *,
        store: CredentialsStore | None = None,
        tls: grpc.ChannelCredentials | None = None,
    ) -> None:
        """Connect to the services at `addresses`; those of the environment by default.

        Create it in the event loop that uses it.

        Args:
            store: keeps the session, by default in the file of `readback login`. `CredentialsInMemory()`
                forgets it at the end of the program.
            tls: `grpc.ssl_channel_credentials()` for servers behind TLS.
        """
        where = addresses or Addresses.from_environment()
        self._store = store or CredentialsFile.for_address(where.identity)
        self._session = Session(self._store, self._refresh)
        in_order = (where.identity, where.conversation, where.flightdata, where.booking)
        self._channels = [open_channel(each, tls) for each in in_order]
        token = self._session.token
        self._signing_in = IdentityService(self._channels[0])
        self.identity = IdentityService(self._channels[0], token)
        """Account and sessions. Use the client's own methods to sign in and out."""
        self.conversation = ConversationService(self._channels[1], token)
        """Conversations, calls and transcripts."""
        self.flightdata = FlightDataService(self._channels[2], token)
        """Places, flights and their status."""
        self.booking = BookingService(self._channels[3], token)
        """Quotes, bookings and travellers. A quote can be confirmed in a call or in the web app only."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; the session stays in its store."""
        for channel in self._channels:
            await channel.close()

    @property
    def signed_in(self) -> bool:
        """True if the store has a session, which may have ended."""
        return self._store.read() is not None

    async def register(
        self, email: str, password: str, display_name: str, *, locale: str = ""
    ) -> identity.Customer:
        """Create an account and sign in."""
        request = identity.RegisterRequest(
            email=email, password=password, display_name=display_name, locale=locale
        )
        response = await self._signing_in.register(request)
        return self._signed_in(response.customer, response.tokens)

    async def sign_in(self, email: str, password: str) -> identity.Customer:
        """Sign in and keep the session in the store."""
        response = await self._signing_in.login(identity.LoginRequest(email=email, password=password))
        return self._signed_in(response.customer, response.tokens)

    async def sign_out(self) -> None:
        """End the session, here and at the service."""
        if self.signed_in:
            with suppress(NotSignedIn):
                await self.identity.logout(identity.LogoutRequest())
            self._store.delete()

    async def search_flights(
        self, request: flightdata.SearchFlightsRequest
    ) -> AsyncGenerator[flightdata.SearchFlightsResponse]:
        """Search for flights; yield results and progress as they come, `done` last."""
        async with aclosing(self.flightdata.search_flights(request)) as events:
            async for event in events:
                yield event

    def watch(
        self,
        conversation_id: str = "",
        *,
        cursor: str = "",
        start_commit_time: datetime | None = None,
        from_now: bool = False,
        speakers: Sequence[conversation.Speaker] = (),
        kinds: Sequence[conversation.EntryKind] = (),
    ) -> Watch:
        """Follow a conversation, or all of them if the id is empty. See `Watch`.

        The watch starts after `cursor`, or with the first entry stored at `start_commit_time` or later, or
        now if `from_now`, or else at the beginning.
        """
        request = conversation.WatchRequest(conversation_id=conversation_id)
        if cursor:
            request.cursor = cursor
        elif start_commit_time is not None:
            request.start_commit_time = start_commit_time
        elif from_now:
            request.from_now = True
        if speakers or kinds:
            request.filter = conversation.EntryFilter(speakers=list(speakers), kinds=list(kinds))
        return Watch(self.conversation, request)

    async def export(
        self, conversation_id: str, file_format: TranscriptFormat = TranscriptFormat.TEXT
    ) -> bytes:
        """Return a whole transcript as a file."""
        request = conversation.ExportTranscriptRequest(conversation_id=conversation_id, format=file_format)
        async with aclosing(self.conversation.export_transcript(request)) as chunks:
            return b"".join([chunk.data async for chunk in chunks])

    def _signed_in(
        self, customer: identity.Customer | None, tokens: identity.TokenPair | None
    ) -> identity.Customer:
        assert customer is not None
        self._store.save(_credentials(customer.email, tokens))
        return customer

    async def _refresh(self, old: Credentials) -> Credentials:
        request = identity.RefreshSessionRequest(refresh_token=old.refresh_token)
        try:
            response = await self._signing_in.refresh_session(request)
        except (SessionEnded, RefreshTokenReused) as error:
            raise NotSignedIn("Your session has ended.") from error
        return _credentials(old.email, response.tokens)


def _credentials(email: str, tokens: identity.TokenPair | None) -> Credentials:
    assert tokens is not None
    assert tokens.access_expire_time is not None
    return Credentials(
        email, tokens.access_token, tokens.access_expire_time.timestamp(), tokens.refresh_token
    )
