"""LiveKit: tokens for callers, and agents asked for, put out and listed. The only module that holds the key that mints.

A room is never made beforehand: LiveKit honours the dispatch in a token only for the participant whose joining makes the room. No
token or key is ever logged; LiveKit's own errors are named by their class, since their text may quote one.
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
"""How long a caller's token lets one join."""
EMPTY_SECONDS = 60
"""How long LiveKit keeps a room that nobody has joined."""
DEPARTURE_SECONDS = 60
"""How long LiveKit keeps a room that everybody has left: a caller who comes back finds it."""
API_TIMEOUT_SECONDS = 3.0
"""How long LiveKit may take to answer."""

T = TypeVar("T")


class LiveKitRooms:
    """Rooms on a LiveKit server."""

    def __init__(
        self, client: api.LiveKitAPI, keys: LiveKitKeys, *, callers_url: str, agent_name: str, clock: Clock
    ) -> None:
        self._client, self._keys = client, keys
        self._callers_url, self._agent_name, self._clock = callers_url, agent_name, clock

    def admit(self, call: Call) -> Access:
        """A token for the call's room: microphone and text, nothing else. Joining with it makes the room and asks for an agent."""
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
            .with_room_config(self._configuration(call))
        )
        return Access(self._callers_url, token.to_jwt(), self._clock.now() + JOIN_WITHIN)

    async def participants(self, room_name: str) -> Sequence[Participant]:
        """Who is in a room; nobody when there is no such room."""
        answer = await _asked(
            self._client.room.list_participants(room.ListParticipantsRequest(room=room_name))
        )
        kinds = (
            ((p.identity, p.kind == models.ParticipantInfo.Kind.AGENT) for p in answer.participants)
            if answer
            else ()
        )
        return [Participant(identity, is_agent) for identity, is_agent in kinds]

    async def ask_for_agent(self, call: Call) -> None:
        """Dispatches an agent with the call's epoch. LiveKit says nothing when no worker is there to take it."""
        request = agent_dispatch.CreateAgentDispatchRequest(
            agent_name=self._agent_name, room=call.room, metadata=_metadata(call)
        )
        await _asked(self._client.agent_dispatch.create_dispatch(request))

    async def remove(self, room_name: str, identity: str) -> None:
        """Puts somebody out of a room; fine when they are not there."""
        await _asked(
            self._client.room.remove_participant(
                room.RoomParticipantIdentity(room=room_name, identity=identity)
            )
        )

    async def close(self, room_name: str) -> None:
        """Ends a room for everybody in it; fine when there is none."""
        await _asked(self._client.room.delete_room(room.DeleteRoomRequest(room=room_name)))

    def _configuration(self, call: Call) -> room.RoomConfiguration:
        dispatch = agent_dispatch.RoomAgentDispatch(agent_name=self._agent_name, metadata=_metadata(call))
        return room.RoomConfiguration(
            empty_timeout=EMPTY_SECONDS, departure_timeout=DEPARTURE_SECONDS, agents=[dispatch]
        )


def _metadata(call: Call) -> str:
    return json.dumps({"call": call.call_id, "epoch": call.epoch})


async def _asked(question: Awaitable[T]) -> T | None:
    """The answer; None when LiveKit knows nothing by that name."""
    try:
        # The client has a time limit for each request, but a longer one than a caller should wait in silence.
        async with asyncio.timeout(API_TIMEOUT_SECONDS):
            return await question
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
    """Rooms on the LiveKit server at `url`, whether it is up or not."""
    async with aiohttp.ClientSession() as session:
        client = api.LiveKitAPI(url, keys.key, keys.secret, session=session, failover=False)
        yield LiveKitRooms(client, keys, callers_url=callers_url, agent_name=agent_name, clock=clock)
