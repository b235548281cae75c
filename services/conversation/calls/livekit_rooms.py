"""LiveKit rooms: tokens for callers, dispatch of agents, participants.

Only this module holds the key that signs LiveKit tokens.

Only this service creates rooms, so that a caller's token is useless after the call. LiveKit must run with
`room.auto_create: false`. Otherwise such a token can still create an empty room, without an agent.

Tokens and keys are never logged. Only the code or the class of a LiveKit error is logged,
because its text may contain a token.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

import aiohttp
from livekit import api
from livekit.protocol import agent_dispatch, models, room

from mesh.clock import Clock
from mesh.security.secrets import LiveKitKeys
from services.conversation.calls.ports import Access, Participant, RoomsUnavailable
from services.conversation.model.records import Call

JOIN_WITHIN = timedelta(minutes=10)
"""Time in which a caller must join with a token. After joining, the token's expiry has no effect."""
EMPTY_SECONDS = 12 * 60
"""Time after which LiveKit closes a room that no participant has joined. The caller's token expires
earlier."""
DEPARTURE_SECONDS = 120
"""Time after which LiveKit closes a room that all participants have left. The call ends earlier."""
API_TIMEOUT_SECONDS = 3.0
"""Timeout of each request to LiveKit."""

T = TypeVar("T")


class LiveKitRooms:
    """`Rooms` on a LiveKit server."""

    def __init__(
        self, client: api.LiveKitAPI, keys: LiveKitKeys, *, callers_url: str, agent_name: str, clock: Clock
    ) -> None:
        self._client, self._keys = client, keys
        self._callers_url, self._agent_name, self._clock = callers_url, agent_name, clock

    def admit(self, call: Call) -> Access:
        """Return a token to join the call's room and to send microphone audio and text; see `Rooms.admit`."""
        grants = api.VideoGrants(
            room_join=True,
            room=call.room,
            can_publish=True,
            can_publish_sources=["microphone"],
            can_publish_data=True,
            can_subscribe=True,
            can_update_own_metadata=False,
        )
        token = (
            api.AccessToken(self._keys.key, self._keys.secret)
            .with_identity(call.caller_identity)
            .with_ttl(JOIN_WITHIN)
            .with_grants(grants)
        )
        return Access(self._callers_url, token.to_jwt(), self._clock.now() + JOIN_WITHIN)

    async def create(self, call: Call) -> None:
        """Create the call's room, if it doesn't exist, and dispatch an agent to it."""
        dispatch = agent_dispatch.RoomAgentDispatch(agent_name=self._agent_name, metadata=_metadata(call))
        request = room.CreateRoomRequest(
            name=call.room,
            empty_timeout=EMPTY_SECONDS,
            departure_timeout=DEPARTURE_SECONDS,
            agents=[dispatch] if call.dispatches else [],
        )
        await _request(self._client.room.create_room(request))

    async def participants(self, room_name: str) -> Sequence[Participant]:
        """Return the participants of a room; empty if there is no such room."""
        request, agent = room.ListParticipantsRequest(room=room_name), models.ParticipantInfo.Kind.AGENT
        response = await _request(self._client.room.list_participants(request))
        people = response.participants if response else ()
        return [Participant(person.identity, person.kind == agent) for person in people]

    async def dispatch_agent(self, call: Call) -> None:
        """Dispatch an agent with the call's epoch. LiveKit reports no error if no worker accepts it."""
        request = agent_dispatch.CreateAgentDispatchRequest(
            agent_name=self._agent_name, room=call.room, metadata=_metadata(call)
        )
        await _request(self._client.agent_dispatch.create_dispatch(request))

    async def remove(self, room_name: str, identity: str) -> None:
        """Remove a participant from a room, if present."""
        request = room.RoomParticipantIdentity(room=room_name, identity=identity)
        await _request(self._client.room.remove_participant(request))

    async def close(self, room_name: str) -> None:
        """Close a room, if it exists, and disconnect its participants."""
        await _request(self._client.room.delete_room(room.DeleteRoomRequest(room=room_name)))


def _metadata(call: Call) -> str:
    return json.dumps({"call": call.call_id, "epoch": call.epoch})


async def _request(request: Awaitable[T]) -> T | None:
    """Return LiveKit's response; None for NOT_FOUND."""
    try:
        # The client's own timeout is too long for a caller who waits.
        async with asyncio.timeout(API_TIMEOUT_SECONDS):
            return await request
    except api.ServerError as error:
        if error.code == api.ServerErrorCode.NOT_FOUND:
            return None
        raise RoomsUnavailable(f"LiveKit answered {error.code}") from None
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise RoomsUnavailable(f"LiveKit can't be reached ({type(error).__name__})") from None


@asynccontextmanager
async def livekit_rooms(
    url: str, keys: LiveKitKeys, *, callers_url: str, agent_name: str, clock: Clock
) -> AsyncIterator[LiveKitRooms]:
    """Open a client for the LiveKit server at `url`. The server need not be running yet."""
    async with aiohttp.ClientSession() as session:
        client = api.LiveKitAPI(url, keys.key, keys.secret, session=session, failover=False)
        yield LiveKitRooms(client, keys, callers_url=callers_url, agent_name=agent_name, clock=clock)
