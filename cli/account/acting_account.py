"""In whose name a command acts: the person who logged in, or a throw-away account that is deleted afterwards."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from readback.identity.v1 import identity_service_pb2 as identity
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from cli.account.credentials_file import CredentialFile, Credentials
from cli.errors import CommandError
from mesh.calling.channel import open_channel
from mesh.clock import Clock, SystemClock
from mesh.errors import reason_of
from mesh.ids import uuid7
from mesh.security.authentication import TokenSource, bearer
from mesh.settings import MeshSettings

if TYPE_CHECKING:
    from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceAsyncStub

DESCRIPTOR = identity.DESCRIPTOR.services_by_name["IdentityService"]
ENDED = {"ERROR_REASON_SESSION_ENDED", "ERROR_REASON_REFRESH_TOKEN_REUSED"}


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can call services."""

    token: TokenSource
    """Gives an access token that is good for a while."""
    throw_away: bool
    """Whether the account is deleted when the command ends."""


class LoggedIn:
    """The saved session, renewed when it has to be."""

    def __init__(self, file: CredentialFile, stub: IdentityServiceAsyncStub, clock: Clock) -> None:
        self._file, self._stub, self._clock = file, stub, clock

    async def token(self) -> str:
        """An access token that is good for a while.

        Raises:
            CommandError: the session has ended.
        """
        credentials = self._saved()
        if not credentials.fresh_at(self._clock.now()):
            async with self._file.renewing():
                credentials = self._saved()
                if not credentials.fresh_at(self._clock.now()):
                    credentials = await self._renewed(credentials)
        return credentials.access_token

    def _saved(self) -> Credentials:
        credentials = self._file.read()
        if credentials is None:
            raise CommandError("Nobody is logged in any more; run `readback login`.")
        return credentials

    async def _renewed(self, old: Credentials) -> Credentials:
        request = identity.RefreshSessionRequest(refresh_token=old.refresh_token)
        try:
            response = await self._stub.RefreshSession(request)
        except grpc.aio.AioRpcError as error:
            if reason_of(error) in ENDED:
                self._file.forget()
                raise CommandError("The session has ended; run `readback login` again.") from None
            raise
        credentials = Credentials.of(old.email, response.tokens)
        self._file.save(credentials)
        return credentials


@asynccontextmanager
async def identity_stub(settings: MeshSettings) -> AsyncIterator[IdentityServiceAsyncStub]:
    """A way to identity, without a token."""
    async with open_channel(settings.address_of("identity"), DESCRIPTOR) as channel:
        yield IdentityServiceStub(channel)


@asynccontextmanager
async def signed_in(settings: MeshSettings, clock: Clock | None = None) -> AsyncIterator[Account]:
    """The person who is logged in, or else a throw-away account.

    Raises:
        CommandError: the saved session has ended.
    """
    file = CredentialFile(settings.home)
    async with identity_stub(settings) as stub:
        if file.read() is not None:
            yield Account(LoggedIn(file, stub, clock or SystemClock()).token, throw_away=False)
            return
        async with throw_away(stub) as account:
            yield account


@asynccontextmanager
async def throw_away(stub: IdentityServiceAsyncStub) -> AsyncIterator[Account]:
    """An account for the length of one command."""
    password = secrets.token_urlsafe(24)
    request = identity.RegisterRequest(
        email=f"guest-{uuid7()}@readback.invalid", password=password, display_name="Guest"
    )
    registered = await stub.Register(request)
    tokens = registered.tokens

    async def token() -> str:
        nonlocal tokens
        if not Credentials.of(request.email, tokens).fresh_at(SystemClock().now()):
            tokens = (
                await stub.RefreshSession(identity.RefreshSessionRequest(refresh_token=tokens.refresh_token))
            ).tokens
        return tokens.access_token

    try:
        yield Account(token, throw_away=True)
    finally:
        farewell = identity.DeleteCustomerRequest(password=password, request_id=uuid7())
        await stub.DeleteCustomer(farewell, metadata=bearer(await token()))
