"""Calls on a real LiveKit server: joining, a missing agent, a lost agent, hanging up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from livekit import api, rtc
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.ids import uuid7
from services.conversation.client.recorder import CallEnded, CallLost, Recorder
from tests.integration.conversation.mesh import Customer, Mesh
from tests.livekit_server import livekit_server

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


class Rooms:
    """The LiveKit server, for workers and operators."""

    def __init__(self, url: str, mesh: Mesh) -> None:
        self.url, self._keys = url, mesh.settings().livekit_keys

    async def dispatched(self, call: pb.Call) -> set[int]:
        """Return the epochs for which an agent was dispatched."""
        async with api.LiveKitAPI(self.url, self._keys.key, self._keys.secret) as client:
            found = await client.agent_dispatch.list_dispatch(f"call-{call.call_id}")
        assert {dispatch.agent_name for dispatch in found} <= {"readback"}
        return {json.loads(dispatch.metadata)["epoch"] for dispatch in found}

    async def names(self) -> set[str]:
        """Return the names of all rooms."""
        async with api.LiveKitAPI(self.url, self._keys.key, self._keys.secret) as client:
            return {one.name for one in (await client.room.list_rooms(api.ListRoomsRequest())).rooms}

    async def close(self, call: pb.Call) -> None:
        """Close a call's room behind the service's back."""
        async with api.LiveKitAPI(self.url, self._keys.key, self._keys.secret) as client:
            await client.room.delete_room(api.DeleteRoomRequest(room=f"call-{call.call_id}"))

    async def agent_joins(self, call: pb.Call) -> rtc.Room:
        """Join a room like an agent's worker."""
        grants = api.VideoGrants(room_join=True, room=f"call-{call.call_id}", agent=True)
        token = (
            api.AccessToken(self._keys.key, self._keys.secret)
            .with_identity("agent-1")
            .with_kind("agent")
            .with_grants(grants)
        )
        room = rtc.Room()
        await room.connect(self.url, token.with_ttl(timedelta(minutes=1)).to_jwt())
        return room


@pytest.fixture
async def rooms(lone_mesh: Mesh, tmp_path: Path) -> AsyncIterator[Rooms]:
    keys = lone_mesh.settings().livekit_keys
    with livekit_server(tmp_path, keys, auto_create=False) as (url, _):
        async with lone_mesh.conversation(livekit_url=url):
            yield Rooms(url, lone_mesh)


async def call_of(customer: Customer, call: pb.Call) -> pb.Call:
    found = await customer.stub.GetConversation(
        pb.GetConversationRequest(conversation_id=call.conversation_id)
    )
    return found.conversation.running_call


async def test_call_through_a_real_room(lone_mesh: Mesh, rooms: Rooms) -> None:
    mesh, customer = lone_mesh, await lone_mesh.customer()
    started = await customer.stub.StartCall(
        pb.StartCallRequest(conversation_id=await customer.conversation())
    )
    call, caller, gone = started.call, rtc.Room(), asyncio.Event()
    caller.on("disconnected", lambda *_: gone.set())
    await caller.connect(started.access.livekit_url, started.access.livekit_token)
    assert await rooms.dispatched(call) == {1}, "the room was created with the first dispatch"

    async def replaced_by(epoch: int) -> bool:
        return (await call_of(customer, call)).epoch == epoch and epoch in await rooms.dispatched(call)

    await mesh.eventually(lambda: replaced_by(2))  # there is no worker

    async with Recorder(await mesh.agent_stub(), call.call_id, 2) as recorder:
        agent, removed = await rooms.agent_joins(call), asyncio.Event()
        agent.on("disconnected", lambda *_: removed.set())
        recorder.revise(str(uuid4()), entry_pb2.SPEAKER_AGENT, "Hello, where")
        await recorder.flushed()
    await mesh.eventually(lambda: replaced_by(3))
    async with asyncio.timeout(10):
        await removed.wait()
    with pytest.raises(CallLost):
        async with Recorder(await mesh.agent_stub(), call.call_id, 2):
            pass

    async with Recorder(await mesh.agent_stub(), call.call_id, 3) as recorder, asyncio.timeout(20):
        await customer.stub.EndCall(pb.EndCallRequest(call_id=call.call_id, request_id=uuid7()))
        assert isinstance(await recorder.over(), CallEnded)
        await gone.wait()
    await agent.disconnect()
    await caller.disconnect()
    with pytest.raises(rtc.ConnectError):  # the token outlives the call, but not the room
        await rtc.Room().connect(started.access.livekit_url, started.access.livekit_token)
    assert call.call_id not in str(await rooms.names())


async def test_room_that_livekit_lost_is_created_again(lone_mesh: Mesh, rooms: Rooms) -> None:
    customer = await lone_mesh.customer()
    conversation_id = await customer.conversation()
    started = await customer.stub.StartCall(pb.StartCallRequest(conversation_id=conversation_id))
    await rooms.close(started.call)

    async def created() -> bool:
        return f"call-{started.call.call_id}" in await rooms.names()

    await lone_mesh.eventually(created)
    caller = rtc.Room()
    await caller.connect(started.access.livekit_url, started.access.livekit_token)
    await caller.disconnect()
