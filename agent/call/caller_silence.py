"""Silence of the caller: the time without recognised words and without typing, while the agent waits."""

from __future__ import annotations

import asyncio

from livekit import rtc

TOPIC_TYPING = "readback.typing"
"""Topic of data packets that the web app sends while the caller types. Their content has no meaning."""


class CallerSilence:
    """Measurement of the caller's silence.

    Noise in which no words are recognised counts as silence. Otherwise a radio would keep a call open.
    """

    def __init__(self, room: rtc.Room, caller_identity: str) -> None:
        self._room, self._caller = room, caller_identity
        self._holds: set[str] = set()
        self._changed = asyncio.Event()
        self.activities = 0
        room.on("data_received", self._data_received)

    def close(self) -> None:
        """Stop listening for typing."""
        self._room.off("data_received", self._data_received)

    def end(self) -> None:
        """End the silence: the caller has said or typed something."""
        self.activities += 1
        self._changed.set()

    def hold(self, reason: str, *, held: bool) -> None:
        """Don't measure while there is a reason, for example while the agent speaks. Then start from zero."""
        (self._holds.add if held else self._holds.discard)(reason)
        self._changed.set()

    async def lasts(self, seconds: float) -> bool:
        """Wait until the caller has been silent for `seconds` (True), or is active (False)."""
        before = self.activities
        while self.activities == before:
            self._changed.clear()
            try:
                async with asyncio.timeout(None if self._holds else seconds):
                    await self._changed.wait()
            except TimeoutError:
                return True
        return False

    def _data_received(self, packet: rtc.DataPacket) -> None:
        sender = packet.participant.identity if packet.participant else ""
        if packet.topic == TOPIC_TYPING and sender == self._caller:
            self.end()
