"""Sessions of signed-in browsers, and fresh access tokens for them.

A refresh token is good for one use, so concurrent requests of a session share one refresh, and a cancelled
request doesn't cancel it. Tokens are refreshed only at the start of a request, never during a stream, so that
the cookie with the new refresh token always has a response to travel on.

    BrowserSessionEnded         the identity service, or the person, has ended the session
    TokenRefused                the session is valid, but a service refuses its tokens
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
"""An access token is replaced this long before it expires, so that a request can finish with it."""


class BrowserSessionEnded(Exception):
    """The session has ended; the person has to sign in again."""


class TokenRefused(Exception):
    """A service refuses a token that the identity service has just issued.

    Signing in again would not help.
    """


class BrowserSession:
    """One signed-in browser."""

    def __init__(self, cookie: SignInCookie) -> None:
        self.cookie = cookie
        self.ended = False
        self.access_token = ""
        self.access_expires: datetime | None = None
        self.refresh: asyncio.Task[None] | None = None

    def accept(self, tokens: identity.TokenPair) -> None:
        """Use a new pair of tokens."""
        self.access_token = tokens.access_token
        self.access_expires = tokens.access_expire_time.ToDatetime(UTC)
        self.cookie = replace(
            self.cookie,
            refresh_token=tokens.refresh_token,
            generation=self.cookie.generation + 1,
            expires=tokens.session_expire_time.ToDatetime(UTC).timestamp(),
        )

    def distrust(self, access_token: str) -> None:
        """Refresh the token before its next use, because a service refused it.

        The refresh shows if the session is still valid.
        """
        if access_token == self.access_token:
            self.access_expires = None


class BrowserSessions:
    """All signed-in browsers of this server, by the random key in their cookie."""

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
        """Let refreshes finish: a cancelled one would leave the browser with a used token."""
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
        """Return the session of an encrypted cookie, None if the cookie is invalid or the session has ended.

        If the server knows a newer state than the cookie, the server's state is used.
        """
        cookie = self._cipher.decrypt(value)
        if cookie is None or cookie.expires_at <= self._clock.now():
            return None
        session = self._sessions.setdefault(cookie.key, BrowserSession(cookie))
        if cookie.generation > session.cookie.generation:
            session.cookie = cookie
        return None if session.ended else session

    def is_current(self, value: str, session: BrowserSession) -> bool:
        """Return whether an encrypted cookie has the session's current state."""
        return self._cipher.decrypt(value) == session.cookie

    def encrypted(self, session: BrowserSession) -> str:
        """Return the encrypted cookie of a session."""
        return self._cipher.encrypt(session.cookie)

    def seconds_left(self, session: BrowserSession) -> int:
        """Return the longest remaining time of a session."""
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
        """Sign out here, and at the identity service if it answers.

        A copy of the cookie is useless afterwards.
        """
        try:
            token = await self.access_token(session)
            session.ended = True
            await self._identity.Logout(identity.LogoutRequest(request_id=uuid7()), metadata=bearer(token))
        except (BrowserSessionEnded, grpc.aio.AioRpcError):
            # Already ended, or identity is unreachable. The session stays in `_sessions` as ended until it
            # expires.
            session.ended = True

    def _start_refresh(self, session: BrowserSession) -> asyncio.Task[None]:
        task = asyncio.create_task(self._refresh(session))
        self._refreshes.add(task)
        task.add_done_callback(self._refreshes.discard)
        # Retrieve the error, because the request that would see it may be cancelled.
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
