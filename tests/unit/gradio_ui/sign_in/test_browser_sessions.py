"""Browser sessions: one refresh at a time, none lost, and an end that is final."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from readback.identity.v1 import identity_service_pb2 as identity

from gradio_ui.sign_in.browser_sessions import (
    REFRESH_EARLY,
    BrowserSession,
    BrowserSessionEnded,
    BrowserSessions,
)
from gradio_ui.sign_in.cookie import CookieCipher
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

START = datetime(2026, 11, 24, 9, tzinfo=UTC)
ACCESS = timedelta(minutes=10)
CIPHER = CookieCipher("a secret of this installation, long enough to be one")
ADA = identity.Customer(customer_id="customer-1", display_name="Ada", email="ada@example.com")


def stamp(moment: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(moment)
    return made


class Identity:
    """The two RPCs that sessions use, with refresh tokens that are good once."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self.refreshes = 0
        self.spent: list[str] = []
        self.signed_out: list[str] = []
        self.failing: grpc.StatusCode | None = None
        self.held: asyncio.Event | None = None

    def tokens(self) -> identity.TokenPair:
        now, number = self._clock.now(), self.refreshes
        return identity.TokenPair(
            access_token=f"access-{number}",
            access_expire_time=stamp(now + ACCESS),
            refresh_token=f"refresh-{number}",
            session_expire_time=stamp(START + timedelta(days=30)),
        )

    async def RefreshSession(
        self, request: identity.RefreshSessionRequest
    ) -> identity.RefreshSessionResponse:
        if self.held is not None:
            await self.held.wait()
        self._fail()
        assert request.refresh_token not in self.spent, "a spent token was used again"
        self.spent.append(request.refresh_token)
        self.refreshes += 1
        return identity.RefreshSessionResponse(tokens=self.tokens())

    async def Logout(self, request: identity.LogoutRequest, metadata: Any) -> identity.LogoutResponse:
        self._fail()
        self.signed_out.append(dict(metadata)["authorization"])
        return identity.LogoutResponse()

    def _fail(self) -> None:
        if self.failing is not None:
            raise grpc.aio.AioRpcError(self.failing, grpc.aio.Metadata(), grpc.aio.Metadata())


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


@pytest.fixture
def service(clock: SimulatedClock) -> Identity:
    return Identity(clock)


@pytest.fixture
async def sessions(service: Identity, clock: SimulatedClock) -> AsyncIterator[BrowserSessions]:
    async with BrowserSessions(cast("Any", service), CIPHER, clock) as made:
        yield made


@pytest.fixture
def session(sessions: BrowserSessions, service: Identity) -> BrowserSession:
    return sessions.start(ADA, service.tokens())


async def test_a_fresh_token_is_used_without_a_refresh(
    sessions: BrowserSessions, session: BrowserSession, service: Identity
) -> None:
    assert await sessions.access_token(session) == "access-0"
    assert service.refreshes == 0


async def test_token_is_refreshed_before_it_expires(
    sessions: BrowserSessions, session: BrowserSession, service: Identity, clock: SimulatedClock
) -> None:
    clock.advance((ACCESS - REFRESH_EARLY).total_seconds())
    assert await sessions.access_token(session) == "access-1"
    assert session.cookie.refresh_token == "refresh-1"


async def test_requests_at_the_same_time_share_one_refresh(
    sessions: BrowserSessions, session: BrowserSession, service: Identity, clock: SimulatedClock
) -> None:
    clock.advance(ACCESS.total_seconds())
    tokens = await asyncio.gather(*(sessions.access_token(session) for _ in range(20)))
    assert set(tokens) == {"access-1"}
    assert service.refreshes == 1


async def test_a_cancelled_request_does_not_cancel_the_refresh(
    sessions: BrowserSessions, session: BrowserSession, service: Identity, clock: SimulatedClock
) -> None:
    clock.advance(ACCESS.total_seconds())
    service.held = asyncio.Event()
    first = asyncio.create_task(sessions.access_token(session))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    service.held.set()
    assert await sessions.access_token(session) == "access-1"
    assert service.spent == ["refresh-0"]


async def test_a_stopping_server_waits_for_a_running_refresh(
    service: Identity, clock: SimulatedClock
) -> None:
    service.held = asyncio.Event()
    async with BrowserSessions(cast("Any", service), CIPHER, clock) as sessions:
        session = sessions.start(ADA, service.tokens())
        clock.advance(ACCESS.total_seconds())
        asking = asyncio.create_task(sessions.access_token(session))
        await asyncio.sleep(0)
        asking.cancel()
        asyncio.get_running_loop().call_soon(service.held.set)
    assert session.cookie.refresh_token == "refresh-1"


async def test_a_valid_token_is_used_while_identity_is_down(
    sessions: BrowserSessions, session: BrowserSession, service: Identity, clock: SimulatedClock
) -> None:
    service.failing = grpc.StatusCode.UNAVAILABLE
    clock.advance((ACCESS - REFRESH_EARLY / 2).total_seconds())
    assert await sessions.access_token(session) == "access-0"
    clock.advance(REFRESH_EARLY.total_seconds())
    with pytest.raises(grpc.aio.AioRpcError):
        await sessions.access_token(session)
    service.failing = None
    assert await sessions.access_token(session) == "access-1"


async def test_session_that_identity_has_ended_stays_ended(
    sessions: BrowserSessions, session: BrowserSession, service: Identity, clock: SimulatedClock
) -> None:
    cookie = sessions.encrypted(session)
    clock.advance(ACCESS.total_seconds())
    service.failing = grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(BrowserSessionEnded):
        await sessions.access_token(session)
    service.failing = None
    with pytest.raises(BrowserSessionEnded):
        await sessions.access_token(session)
    assert sessions.of(cookie) is None


async def test_an_old_cookie_finds_the_current_session(
    sessions: BrowserSessions, session: BrowserSession, service: Identity, clock: SimulatedClock
) -> None:
    old = sessions.encrypted(session)
    clock.advance(ACCESS.total_seconds())
    await sessions.access_token(session)
    assert not sessions.is_current(old, session)
    assert sessions.of(old) is session
    assert await sessions.access_token(session) == "access-1"


async def test_a_session_continues_in_another_process_from_its_cookie(
    sessions: BrowserSessions, session: BrowserSession, service: Identity, clock: SimulatedClock
) -> None:
    cookie = sessions.encrypted(session)
    async with BrowserSessions(cast("Any", service), CIPHER, clock) as others:
        restored = others.of(cookie)
        assert restored is not None
        assert restored.cookie == session.cookie
        assert await others.access_token(restored) == "access-1"
        newer = others.encrypted(restored)
    assert sessions.of(newer) is session
    assert session.cookie.refresh_token == "refresh-1"


async def test_sign_out_reaches_identity_and_works_without_it(
    sessions: BrowserSessions, session: BrowserSession, service: Identity
) -> None:
    await sessions.end(session)
    assert service.signed_out == ["Bearer access-0"]
    other = sessions.start(ADA, service.tokens())
    service.failing = grpc.StatusCode.UNAVAILABLE
    await sessions.end(other)
    for ended in (session, other):
        assert sessions.of(sessions.encrypted(ended)) is None


async def test_an_expired_session_is_invalid_and_removed(
    sessions: BrowserSessions, session: BrowserSession, service: Identity, clock: SimulatedClock
) -> None:
    cookie = sessions.encrypted(session)
    assert sessions.seconds_left(session) == timedelta(days=30).total_seconds()
    clock.advance(timedelta(days=30).total_seconds())
    assert sessions.of(cookie) is None
    assert sessions.seconds_left(session) == 0
    sessions.start(ADA, service.tokens())
    assert session not in sessions._sessions.values()
