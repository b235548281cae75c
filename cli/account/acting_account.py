"""The account that a command acts for: the logged-in account, or a guest account for this command."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from readback.identity.v1 import identity_service_pb2 as identity
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from readback_client.session import Credentials, CredentialsFile, NotSignedIn, Session

from cli.account.credentials_files import credentials_file
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
SESSION_ENDED = {"SESSION_ENDED", "REFRESH_TOKEN_REUSED"}


@dataclass(frozen=True, slots=True)
class ActingAccount:
    """The account that a command acts for, with its access tokens."""

    token: TokenSource
    """Returns a fresh access token."""
    is_guest: bool
    """True if the account is deleted when the command ends."""


class SavedLogin:
    """The saved session. Its access token is refreshed shortly before it expires."""

    def __init__(self, file: CredentialsFile, stub: IdentityServiceAsyncStub, clock: Clock) -> None:
        self._session = Session(file, self._refresh, lambda: clock.now().timestamp())
        self._stub = stub

    async def token(self) -> str:
        """Return a fresh access token.

        Raises:
            CommandError: the session has ended.
        """
        try:
            return await self._session.token()
        except NotSignedIn as error:
            raise CommandError(f"{error} Run `readback login`.") from None

    async def _refresh(self, old: Credentials) -> Credentials:
        request = identity.RefreshSessionRequest(refresh_token=old.refresh_token)
        try:
            response = await self._stub.RefreshSession(request)
        except grpc.aio.AioRpcError as error:
            if reason_of(error) in SESSION_ENDED:
                raise NotSignedIn("Your session has ended.") from None
            raise
        return credentials_of(old.email, response.tokens)


def credentials_of(email: str, tokens: identity.TokenPair) -> Credentials:
    """Return credentials for the tokens of an identity response."""
    return Credentials(email, tokens.access_token, tokens.access_expire_time.seconds, tokens.refresh_token)


@asynccontextmanager
async def identity_stub(settings: MeshSettings) -> AsyncIterator[IdentityServiceAsyncStub]:
    """Connect to the identity service without a token."""
    async with open_channel(settings.address_of("identity"), DESCRIPTOR) as channel:
        yield IdentityServiceStub(channel)


@asynccontextmanager
async def acting_account(settings: MeshSettings) -> AsyncIterator[ActingAccount]:
    """Yield the logged-in account, or a guest account if there is none.

    Raises:
        CommandError: the saved session has ended.
    """
    file = credentials_file(settings)
    async with identity_stub(settings) as stub:
        if file.read() is not None:
            yield ActingAccount(SavedLogin(file, stub, SystemClock()).token, is_guest=False)
            return
        async with guest_account(stub) as account:
            yield account


@asynccontextmanager
async def guest_account(stub: IdentityServiceAsyncStub) -> AsyncIterator[ActingAccount]:
    """Register a guest account and yield it; delete the account when the block ends."""
    password = secrets.token_urlsafe(24)
    request = identity.RegisterRequest(
        email=f"guest-{uuid7()}@readback.invalid", password=password, display_name="Guest"
    )
    tokens = (await stub.Register(request)).tokens

    async def token() -> str:
        nonlocal tokens
        if not credentials_of(request.email, tokens).fresh_at(SystemClock().now().timestamp()):
            refresh = identity.RefreshSessionRequest(refresh_token=tokens.refresh_token)
            tokens = (await stub.RefreshSession(refresh)).tokens
        return tokens.access_token

    try:
        yield ActingAccount(token, is_guest=True)
    finally:
        deletion = identity.DeleteCustomerRequest(password=password, request_id=uuid7())
        await stub.DeleteCustomer(deletion, metadata=bearer(await token()))
