"""Signed-in browsers, and fresh access tokens for them.

A refresh token is good once, so all requests of a sign-in share one refresh; a request that gives up doesn't take the refresh
with it. Tokens are refreshed only while a request is being answered, never in the middle of a stream: so the cookie with the
new refresh token always has a response to travel on.

    SessionEnded                the identity service, or the person, has ended the session
    TokenRefused                the session goes on, but a service doesn't take its tokens
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

import grpc
from readback.identity.v1 import identity_service_pb2 as identity

from gradio_ui.sign_in.cookie import CookieSeal, SignIn
from mesh.clock import Clock, SystemClock
from mesh.ids import uuid7
from mesh.security.authentication import bearer

if TYPE_CHECKING:
    from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceAsyncStub

REFRESH_EARLY = timedelta(seconds=60)
"""An access token is replaced this long before it expires, so that a request begun with it can finish."""


class SessionEnded(Exception):
    """The sign-in is over; the person has to sign in again."""


class TokenRefused(Exception):
    """A service doesn't take a token that the identity service has just replaced: to sign in again would change nothing."""


class Session:
    """One signed-in browser."""

    def __init__(self, sign_in: SignIn) -> None:
        self.sign_in = sign_in
        self.ended = False
        self.access_token = ""
        self.access_expires: datetime | None = None
        self.refresh: asyncio.Task[None] | None = None

    def accept(self, tokens: identity.TokenPair) -> None:
        """Goes on with a new pair of tokens."""
        self.access_token = tokens.access_token
        self.access_expires = tokens.access_expire_time.ToDatetime(UTC)
        self.sign_in = replace(
            self.sign_in,
            refresh_token=tokens.refresh_token,
            generation=self.sign_in.generation + 1,
            expires=tokens.session_expire_time.ToDatetime(UTC).timestamp(),
        )

    def distrust(self, access_token: str) -> None:
        """A service has refused a token: it is replaced before the next use, which tells whether the session goes on."""
        if access_token == self.access_token:
            self.access_expires = None


class Sessions:
    """All signed-in browsers of this server, by the random key in their cookie."""

    def __init__(
        self, identity_service: IdentityServiceAsyncStub, seal: CookieSeal, clock: Clock | None = None
    ) -> None:
        self._identity = identity_service
        self._seal = seal
        self._clock = clock or SystemClock()
        self._sessions: dict[str, Session] = {}
        self._refreshes: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Begins to serve."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Lets refreshes finish: half of one would leave the browser with a spent token."""
        await asyncio.gather(*self._refreshes, return_exceptions=True)

    def start(self, customer: identity.Customer, tokens: identity.TokenPair) -> Session:
        """Begins a session for somebody who has just signed in."""
        self._forget_expired()
        sign_in = SignIn(
            key=secrets.token_urlsafe(24),
            customer_id=customer.customer_id,
            display_name=customer.display_name,
            email=customer.email,
            refresh_token=tokens.refresh_token,
            generation=0,
            expires=0,
        )
        session = Session(sign_in)
        session.accept(tokens)
        self._sessions[sign_in.key] = session
        return session

    def of(self, cookie: str) -> Session | None:
        """The session of a cookie; None when it is nobody's, has expired or was ended. What this server knows is newer than the cookie."""
        sign_in = self._seal.open(cookie)
        if sign_in is None or sign_in.expires_at <= self._clock.now():
            return None
        session = self._sessions.setdefault(sign_in.key, Session(sign_in))
        if sign_in.generation > session.sign_in.generation:
            session.sign_in = sign_in
        return None if session.ended else session

    def is_current(self, cookie: str, session: Session) -> bool:
        """Whether a cookie says what the session is now."""
        return self._seal.open(cookie) == session.sign_in

    def sealed(self, session: Session) -> str:
        """The cookie for a session as it is now."""
        return self._seal.seal(session.sign_in)

    def seconds_left(self, session: Session) -> int:
        """How long the session may last at most."""
        return max(0, int((session.sign_in.expires_at - self._clock.now()).total_seconds()))

    async def access_token(self, session: Session) -> str:
        """A token that is good for at least a request.

        Raises:
            SessionEnded: the session is over.
            grpc.aio.AioRpcError: the identity service can't be reached and the last token has expired.
        """
        if session.ended:
            raise SessionEnded
        left = (session.access_expires - self._clock.now()) if session.access_expires else timedelta()
        if left > REFRESH_EARLY:
            return session.access_token
        if session.refresh is None or session.refresh.done():
            session.refresh = self._begin_refresh(session)
        try:
            await asyncio.shield(session.refresh)
        except grpc.aio.AioRpcError:
            if left <= timedelta():
                raise
        return session.access_token

    async def end(self, session: Session) -> None:
        """Signs out, here at once and at the identity service if it answers; a cookie that was copied is then worth nothing."""
        try:
            token = await self.access_token(session)
            session.ended = True
            await self._identity.Logout(identity.LogoutRequest(request_id=uuid7()), metadata=bearer(token))
        except (SessionEnded, grpc.aio.AioRpcError):
            # Ended already, or unreachable: nobody is kept signed in for that. The session stays in `_sessions` as ended until it expires.
            session.ended = True

    def _begin_refresh(self, session: Session) -> asyncio.Task[None]:
        task = asyncio.create_task(self._refresh(session))
        self._refreshes.add(task)
        task.add_done_callback(self._refreshes.discard)
        task.add_done_callback(
            lambda done: done.cancelled() or done.exception()
        )  # seen, even if whoever asked has gone
        return task

    async def _refresh(self, session: Session) -> None:
        request = identity.RefreshSessionRequest(refresh_token=session.sign_in.refresh_token)
        try:
            response = await self._identity.RefreshSession(request)
        except grpc.aio.AioRpcError as error:
            if error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INVALID_ARGUMENT):
                session.ended = True
                raise SessionEnded from error
            raise
        session.accept(response.tokens)

    def _forget_expired(self) -> None:
        now = self._clock.now()
        for key in [key for key, session in self._sessions.items() if session.sign_in.expires_at <= now]:
            del self._sessions[key]
