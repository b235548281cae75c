"""Sessions of signed-in browsers, and fresh access tokens for them.

Each refresh token can be used only once. So concurrent requests of a session share one refresh, and a
cancelled request doesn't cancel the refresh. Tokens are refreshed only at the start of a request, because
once a response has begun, it can no longer set the cookie with the new refresh token.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

import grpc
from readback.identity.v1 import identity_service_pb2 as identity

from gradio_ui.sign_in.cookie import CookieCipher, SignInCookie
from mesh.clock import Clock, SystemClock
from mesh.ids import uuid7
from mesh.security.authentication import bearer

if TYPE_CHECKING:
    from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceAsyncStub

REFRESH_EARLY = timedelta(seconds=60)
"""Time before its expiry at which an access token is replaced, so that a request can finish with it."""


class BrowserSessionEnded(Exception):
    """The session has ended, or the browser is not signed in. The person must sign in again."""


class TokenRefused(Exception):
    """A service refuses a token although the identity service confirms the session.

    Signing in again would not help.
    """


class BrowserSession:
    """Session of one signed-in browser, with its current tokens."""

    def __init__(self, cookie: SignInCookie) -> None:
        self.cookie = cookie
        self.ended = False
        self.access_token = ""
        self.access_expires: datetime | None = None
        self.refresh: asyncio.Task[None] | None = None

    def accept(self, tokens: identity.TokenPair) -> None:
        """Replace the tokens of this session with a new pair."""
        self.access_token = tokens.access_token
        self.access_expires = tokens.access_expire_time.ToDatetime(UTC)
        self.cookie = replace(
            self.cookie,
            refresh_token=tokens.refresh_token,
            generation=self.cookie.generation + 1,
            expires=tokens.session_expire_time.ToDatetime(UTC).timestamp(),
        )

    def distrust(self, access_token: str) -> None:
        """Mark an access token as expired, because a service refused it.

        So it is refreshed before its next use. The refresh shows whether the session is still valid.
        """
        if access_token == self.access_token:
            self.access_expires = None


class BrowserSessions:
    """All sessions of this server, by the random key in the browser's cookie."""

    def __init__(
        self, identity_service: IdentityServiceAsyncStub, cipher: CookieCipher, clock: Clock | None = None
    ) -> None:
        self._identity = identity_service
        self._cipher = cipher
        self._clock = clock or SystemClock()
        self._sessions: dict[str, BrowserSession] = {}
        self._refreshes: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Wait for running refreshes. After a cancelled one, the cookie's refresh token would be used up."""
        await asyncio.gather(*self._refreshes, return_exceptions=True)

    def start(self, customer: identity.Customer, tokens: identity.TokenPair) -> BrowserSession:
        """Start a session for a customer who has just signed in."""
        self._remove_expired()
        cookie = SignInCookie(
            key=secrets.token_urlsafe(24),
            customer_id=customer.customer_id,
            display_name=customer.display_name,
            email=customer.email,
            refresh_token=tokens.refresh_token,
            generation=0,
            expires=0,
        )
        session = BrowserSession(cookie)
        session.accept(tokens)
        self._sessions[cookie.key] = session
        return session

    def of(self, value: str) -> BrowserSession | None:
        """Return the session of an encrypted cookie. None if the cookie is invalid or the session has ended.

        If the cookie is newer than the stored session, its contents replace those of the session.
        """
        cookie = self._cipher.decrypt(value)
        if cookie is None or cookie.expires_at <= self._clock.now():
            return None
        session = self._sessions.setdefault(cookie.key, BrowserSession(cookie))
        if cookie.generation > session.cookie.generation:
            session.cookie = cookie
        return None if session.ended else session

    def is_current(self, value: str, session: BrowserSession) -> bool:
        """Return whether the contents of an encrypted cookie are those of the session."""
        return self._cipher.decrypt(value) == session.cookie

    def encrypted(self, session: BrowserSession) -> str:
        """Return the encrypted cookie of a session."""
        return self._cipher.encrypt(session.cookie)

    def seconds_left(self, session: BrowserSession) -> int:
        """Return the time until the session expires, in seconds."""
        return max(0, int((session.cookie.expires_at - self._clock.now()).total_seconds()))

    async def access_token(self, session: BrowserSession) -> str:
        """Return an access token that is valid for at least one request.

        Raises:
            BrowserSessionEnded: the session has ended.
            grpc.aio.AioRpcError: the identity service can't be reached and the last token has expired.
        """
        if session.ended:
            raise BrowserSessionEnded
        left = (session.access_expires - self._clock.now()) if session.access_expires else timedelta()
        if left > REFRESH_EARLY:
            return session.access_token
        if session.refresh is None or session.refresh.done():
            session.refresh = self._start_refresh(session)
        try:
            await asyncio.shield(session.refresh)
        except grpc.aio.AioRpcError:
            if left <= timedelta():
                raise
        return session.access_token

    async def end(self, session: BrowserSession) -> None:
        """End a session on this server, and at the identity service if that can be reached.

        Afterwards this server refuses all copies of the cookie.
        """
        try:
            token = await self.access_token(session)
            session.ended = True
            await self._identity.Logout(identity.LogoutRequest(request_id=uuid7()), metadata=bearer(token))
        except (BrowserSessionEnded, grpc.aio.AioRpcError):
            # The session has ended already, or the identity service is unreachable. `_sessions` keeps the
            # session until it expires, so that copies of the cookie stay refused.
            session.ended = True

    def _start_refresh(self, session: BrowserSession) -> asyncio.Task[None]:
        task = asyncio.create_task(self._refresh(session))
        self._refreshes.add(task)
        task.add_done_callback(self._refreshes.discard)
        # Retrieve the error here to avoid a warning, because the request that awaits it may be cancelled.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    async def _refresh(self, session: BrowserSession) -> None:
        request = identity.RefreshSessionRequest(refresh_token=session.cookie.refresh_token)
        try:
            response = await self._identity.RefreshSession(request)
        except grpc.aio.AioRpcError as error:
            if error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INVALID_ARGUMENT):
                session.ended = True
                raise BrowserSessionEnded from error
            raise
        session.accept(response.tokens)

    def _remove_expired(self) -> None:
        now = self._clock.now()
        for key in [key for key, session in self._sessions.items() if session.cookie.expires_at <= now]:
            del self._sessions[key]
