"""LiveKit's error answers make rooms unavailable, and no error contains a secret."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import jwt
import pytest
from aiohttp import web
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.clock import SystemClock
from mesh.security.secrets import LiveKitKeys
from services.conversation.calls import livekit_rooms as module
from services.conversation.calls.livekit_rooms import JOIN_WITHIN, LiveKitRooms, livekit_rooms
from services.conversation.calls.ports import RoomsUnavailable
from services.conversation.model.records import Call

pytestmark = pytest.mark.integration

KEYS = LiveKitKeys("the-key", "a secret of at least thirty-two characters")
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def a_call(epoch: int = 1) -> Call:
    now, call_id = datetime.now(UTC), str(uuid4())
    return Call(
        key=1,
        call_id=call_id,
        conversation_key=1,
        conversation_id=str(uuid4()),
        customer_id=str(uuid4()),
        room=f"call-{call_id}",
        state=pb.CALL_STATE_DISPATCHED,
        epoch=epoch,
        writer_id=None,
        holder=None,
        dispatches=1,
        dispatch_time=now,
        caller_joined_time=None,
        access_expire_time=now,
        time_zone="",
        sealed_grant=None,
        create_time=now,
        answer_time=None,
        end_time=None,
        end_reason=entry_pb2.CALL_END_REASON_UNSPECIFIED,
    )


@asynccontextmanager
async def livekit_that(answers: Answer) -> AsyncIterator[LiveKitRooms]:
    """Open rooms on a server that gives the same answer to every request."""
    application = web.Application()
    application.router.add_post("/{path:.*}", answers)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        async with livekit_rooms(
            f"ws://{host}:{port}",
            KEYS,
            callers_url="wss://calls.example.com",
            agent_name="readback",
            clock=SystemClock(),
        ) as rooms:
            yield rooms
    finally:
        await runner.cleanup()


REQUESTS: list[Callable[[LiveKitRooms], Awaitable[object]]] = [
    lambda rooms: rooms.participants("room"),
    lambda rooms: rooms.create(a_call()),
    lambda rooms: rooms.dispatch_agent(a_call()),
    lambda rooms: rooms.remove("room", "agent-1"),
    lambda rooms: rooms.close("room"),
]


def twirp(status: int, code: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        token = request.headers["Authorization"]
        return web.json_response({"code": code, "msg": f"bad token {token} of {KEYS.secret}"}, status=status)

    return answer


@pytest.mark.parametrize("ask", REQUESTS)
@pytest.mark.parametrize(
    ("status", "code"), [(401, "unauthenticated"), (503, "unavailable"), (500, "internal")]
)
async def test_refusal_makes_rooms_unavailable_and_contains_no_secret(
    ask: Callable[[LiveKitRooms], Awaitable[object]], status: int, code: str
) -> None:
    async with livekit_that(twirp(status, code)) as rooms:
        with pytest.raises(RoomsUnavailable) as caught:
            await ask(rooms)
    words = f"{caught.value!r} {caught.value.__cause__!r}"
    assert code in words
    assert "ey" not in words.replace("LiveKit", ""), "looks like the beginning of a JWT"
    assert KEYS.secret not in words


@pytest.mark.parametrize("ask", REQUESTS)
async def test_not_found_is_no_error(ask: Callable[[LiveKitRooms], Awaitable[object]]) -> None:
    async with livekit_that(twirp(404, "not_found")) as rooms:
        assert not await ask(rooms)


@pytest.mark.parametrize("ask", REQUESTS)
async def test_server_that_is_down_or_hangs_makes_rooms_unavailable(
    ask: Callable[[LiveKitRooms], Awaitable[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "API_TIMEOUT_SECONDS", 0.2)

    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1)
        return web.Response()

    async with livekit_that(hang) as rooms:
        with pytest.raises(RoomsUnavailable):
            await ask(rooms)
    async with livekit_rooms(
        "ws://127.0.0.1:9", KEYS, callers_url="", agent_name="readback", clock=SystemClock()
    ) as rooms:
        with pytest.raises(RoomsUnavailable):
            await ask(rooms)


async def test_callers_token_needs_no_request_to_the_server() -> None:
    call, url = a_call(epoch=3), "wss://calls.example.com"
    async with livekit_rooms(
        "ws://127.0.0.1:9", KEYS, callers_url=url, agent_name="mine", clock=SystemClock()
    ) as rooms:
        access = rooms.admit(call)
    claims = jwt.decode(access.token, KEYS.secret, ["HS256"], options={"verify_nbf": False})
    assert access.url == "wss://calls.example.com"
    assert access.token not in repr(access)
    assert claims["sub"] == call.caller_identity == f"caller-{call.call_id[-12:]}"
    assert "roomConfig" not in claims, "only the service dispatches agents"
    assert claims["exp"] - claims["nbf"] <= JOIN_WITHIN.total_seconds() <= 600
    assert claims["video"] == {
        "roomJoin": True,
        "room": call.room,
        "canPublish": True,
        "canPublishSources": ["microphone"],
        "canPublishData": True,
        "canSubscribe": True,
        "canUpdateOwnMetadata": False,
    }
