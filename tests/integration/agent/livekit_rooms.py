"""A running LiveKit server, and tokens for its rooms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from livekit import api


@dataclass(frozen=True)
class LiveKit:
    """A running LiveKit server."""

    url: str
    key: str
    secret: str

    def token(
        self, identity: str, room: str, *, agent: bool = False, dispatch: api.RoomAgentDispatch | None = None
    ) -> str:
        """A token to join a room, as an agent or as a caller."""
        token = api.AccessToken(self.key, self.secret).with_identity(identity).with_ttl(timedelta(minutes=5))
        token = token.with_kind("agent" if agent else "standard")
        token = token.with_grants(
            api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True, agent=agent)
        )
        if dispatch is not None:
            token = token.with_room_config(api.RoomConfiguration(agents=[dispatch]))
        return token.to_jwt()
