"""Starting, rejoining and ending calls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from cryptography.fernet import InvalidToken
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.errors import InvalidRequest, RequestIdReused
from services.conversation.calls.grants import GrantCipher
from services.conversation.calls.holds import HoldEnd
from services.conversation.errors import (
    CallEnded,
    CallNotFound,
    CallRunning,
    ConversationEnded,
    ConversationNotFound,
)

if TYPE_CHECKING:
    from tests.unit.conversation.core import Core

pytestmark = pytest.mark.unit


async def test_conversation_has_one_running_call(core: Core) -> None:
    call = await core.call()
    with pytest.raises(CallRunning) as caught:
        await core.call(call.conversation_id)
    assert caught.value.metadata == {"call_id": call.call_id, "conversation_id": call.conversation_id}


async def test_concurrent_starts_in_one_conversation_give_one_call(core: Core) -> None:
    conversation_id = await core.conversation()
    outcomes = await asyncio.gather(*(core.call(conversation_id) for _ in range(5)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Call"] + ["CallRunning"] * 4


async def test_each_call_of_a_conversation_has_its_own_room(core: Core) -> None:
    first = await core.call()
    await core.end(first)
    second = await core.call(first.conversation_id)
    assert first.room != second.room
    assert first.caller_identity != second.caller_identity
    assert [entry.number for entry in await core.entries(first.conversation_id)] == [1, 2, 3]


async def test_another_customer_can_neither_start_nor_rejoin(core: Core) -> None:
    call = await core.call()
    with pytest.raises(ConversationNotFound):
        await core.calls.start(
            str(uuid4()), "token", pb.StartCallRequest(conversation_id=call.conversation_id)
        )
    with pytest.raises(CallNotFound):
        await core.calls.rejoin(str(uuid4()), call.call_id)


async def test_ended_conversation_accepts_no_call(core: Core) -> None:
    conversation_id = await core.conversation()
    await core.finish(conversation_id)
    with pytest.raises(ConversationEnded):
        await core.call(conversation_id)


@pytest.mark.parametrize("time_zone", ["Mars/Olympus", "../etc/passwd", "IST"])
async def test_unknown_time_zone_is_refused(core: Core, time_zone: str) -> None:
    conversation_id = await core.conversation()
    with pytest.raises(InvalidRequest):
        await core.calls.start(
            core.customer_id,
            "token",
            pb.StartCallRequest(conversation_id=conversation_id, time_zone=time_zone),
        )


@pytest.mark.parametrize("end_running", [False, True])
async def test_a_repeated_start_gives_the_same_call_with_new_access(core: Core, *, end_running: bool) -> None:
    request = pb.StartCallRequest(
        conversation_id=await core.conversation(), end_running_call=end_running, request_id=str(uuid4())
    )
    started = [await core.calls.start(core.customer_id, "token", request) for _ in range(3)]
    assert len({call.call_id for call, _ in started}) == 1
    assert all(access.token for _, access in started)
    kinds = [entry.state_change.kind for entry in await core.entries(request.conversation_id)]
    assert kinds == [entry_pb2.STATE_CHANGE_KIND_CALL_STARTED]


async def test_the_same_start_at_the_same_time_gives_one_call(core: Core) -> None:
    request = pb.StartCallRequest(conversation_id=await core.conversation(), request_id=str(uuid4()))
    starts = (core.calls.start(core.customer_id, "token", request) for _ in range(4))
    started = await asyncio.gather(*starts)
    assert len({call.call_id for call, _ in started}) == 1


async def test_a_repeated_start_of_an_ended_call_starts_no_other(core: Core) -> None:
    request = pb.StartCallRequest(conversation_id=await core.conversation(), request_id=str(uuid4()))
    call, _ = await core.calls.start(core.customer_id, "token", request)
    await core.end(call)
    with pytest.raises(CallEnded):
        await core.calls.start(core.customer_id, "token", request)
    request.time_zone = "Asia/Kolkata"
    with pytest.raises(RequestIdReused):
        await core.calls.start(core.customer_id, "token", request)


async def test_rejoining_keeps_identity_and_room(core: Core) -> None:
    call = await core.call()
    again, access = await core.calls.rejoin(core.customer_id, call.call_id)
    assert (again.room, again.caller_identity) == (call.room, call.caller_identity)
    assert access.token


async def test_ended_call_can_not_be_rejoined(core: Core) -> None:
    call = await core.call()
    await core.end(call)
    with pytest.raises(CallEnded):
        await core.calls.rejoin(core.customer_id, call.call_id)


async def test_ending_twice_logs_the_end_once(core: Core) -> None:
    call = await core.call()
    await core.end(call)
    await core.end(call, entry_pb2.CALL_END_REASON_NO_AGENT)
    assert await core.changes(call.conversation_id) == ["CALL_STARTED 1", "CALL_ENDED 1 CUSTOMER_HUNG_UP"]


async def test_agent_gets_the_grant_which_is_stored_encrypted(core: Core) -> None:
    call, writer = await core.held_call()
    _, _, grant = await core.calls.open(writer)
    assert grant == f"grant of token for {call.call_id}"
    assert grant.encode() not in ((await core.now(call)).sealed_grant or b"")


async def test_agent_that_says_goodbye_ends_the_call(core: Core) -> None:
    call, writer = await core.held_call()
    await core.calls.close(writer, entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
    assert (await core.now(call)).end_reason == entry_pb2.CALL_END_REASON_AGENT_HUNG_UP


async def test_hanging_up_ends_the_agents_hold(core: Core) -> None:
    call, writer = await core.held_call()
    with core.holds.take(writer) as hold:
        await core.end(call)
        assert await hold.ended() is HoldEnd.CALL_ENDED


def test_grant_is_decrypted_only_with_its_key() -> None:
    sealed = GrantCipher("one key").seal("grant")
    assert b"grant" not in sealed
    assert GrantCipher("one key").open(sealed) == "grant"
    with pytest.raises(InvalidToken):
        GrantCipher("other key").open(sealed)
