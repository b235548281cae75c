"""A caller without a browser: a real participant that speaks, types, and reports what came of it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any, Self

from livekit import rtc

from agent.call.flight_cards import TOPIC_FLIGHTS, TOPIC_TOOLS
from agent.speech.audio import Samples
from cli.calls.earpiece import Earpiece
from cli.calls.microphone import Microphone

# LiveKit's names between agents and clients. `livekit.agents.types` has them too, at the price of seconds of imports.
ATTRIBUTE_AGENT_STATE = "lk.agent.state"
ATTRIBUTE_TRANSCRIPTION_FINAL = "lk.transcription_final"
ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID = "lk.segment_id"
TOPIC_CHAT = "lk.chat"
TOPIC_TRANSCRIPTION = "lk.transcription"

_SETTLED_S = 0.5
"""Quiet after which the agent has finished."""


_TAKEOVER_S = 10.0
"""Within this another agent takes over from one that was lost."""

_GLANCE_S = 0.05


class CallFailed(Exception):
    """The call can't go on; the text says why."""


@dataclass(frozen=True)
class ToolUse:
    """A tool that the agent used."""

    name: str
    arguments: dict[str, Any]
    outcome: str


@dataclass(frozen=True)
class TurnReport:
    """What came of one thing said.

    `heard` is the recognised text, or the line as typed. `first_audio_ms` runs from the last loud sample sent to the first loud one of the
    answer: None when there was none, negative when the agent cut in. `interims` counts captions that came while the caller spoke. `cards`
    are the messages with flights.
    """

    said: str
    heard: str
    reply: str
    tools: list[ToolUse] = field(default_factory=list)
    first_audio_ms: float | None = None
    interims: int = 0
    cards: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class _Segment:
    agent: bool
    text: str
    final: bool
    interims: list[float] = field(default_factory=list)


class _Turn:
    """What has come in since something was said."""

    def __init__(self) -> None:
        self.segments: dict[str, _Segment] = {}
        self.tools: list[ToolUse] = []
        self.cards: list[dict[str, Any]] = []

    def text(self, *, agent: bool) -> str:
        return " ".join(segment.text for segment in self.segments.values() if segment.agent is agent)

    @property
    def answered(self) -> bool:
        return any(segment.agent and segment.final for segment in self.segments.values())


class Caller:
    """A participant in a call. Make one with `Caller.joined`."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._changed = asyncio.Event()
        self._microphone = Microphone()
        self._earpiece = Earpiece(self._changed.set)
        self._turn = _Turn()
        self._past: set[str] = set()
        self._reading: set[asyncio.Task[None]] = set()
        self._ended_at = self._patience = 0.0
        self.ended: str | None = None
        """Who left, once somebody did; None again when another agent takes over."""

    @classmethod
    @asynccontextmanager
    async def joined(cls, url: str, token: str, *, microphone: bool = True) -> AsyncIterator[Self]:
        """Joins, and hangs up at the end. Raises `CallFailed` when there is no way in."""
        caller = cls(rtc.Room())
        caller._listen()
        try:
            try:
                async with asyncio.timeout(15):
                    await caller._room.connect(url, token)
            except (rtc.ConnectError, TimeoutError):
                raise CallFailed(
                    f"no connection to the LiveKit server at {url}"
                ) from None  # its own text holds the token
            if microphone:
                await caller._microphone.publish(caller._room)
            yield caller
        finally:
            await caller.hang_up()

    async def greeted(self, timeout: float = 30) -> TurnReport:
        """Waits until the agent has come and said its first words."""
        await self._until(lambda: self._turn.answered and self._settled(), timeout, "no agent came")
        return self._report("", None)

    async def speak(self, samples: Samples, said: str = "", *, timeout: float = 30) -> TurnReport:
        """Speaks (16 kHz) and waits for the whole answer, however long it is; for `timeout` seconds when there is none."""
        self._begin()
        spoke_until = await self._microphone.speak(samples)
        return await self._answer(said, spoke_until, timeout)

    async def type(self, text: str, *, timeout: float = 30) -> TurnReport:
        """Types a line and waits for the whole answer, as `speak` does."""
        self._begin()
        sent = time.monotonic()
        await self._room.local_participant.send_text(text, topic=TOPIC_CHAT)
        return await self._answer(text, sent, timeout)

    async def barge_in(
        self, samples: Samples, said: str = "", *, after: float = 1.0, timeout: float = 30
    ) -> tuple[float, TurnReport]:
        """Speaks into the agent's speech once it has been audible for so many seconds.

        Gives how many milliseconds the agent went on talking, and the turn.
        """
        self._earpiece.forget()
        await self._until(lambda: self._loud_for() >= after, timeout, "the agent said nothing to barge into")
        self._begin()
        began = time.monotonic()
        speaking = asyncio.create_task(self._microphone.speak(samples))
        await self._until(lambda: self._earpiece.quiet_for > 0.3, timeout, "the agent went on talking")
        silenced_ms = (self._earpiece.last_loud - began) * 1000
        self._earpiece.forget()
        return silenced_ms, await self._answer(said, await speaking, timeout)

    async def over(self, timeout: float = 30) -> str:
        """Waits until the agent has left or the room is closed, and says which."""
        await self._until(lambda: self.ended is not None, timeout, "the call went on")
        return self.ended or ""

    async def lost(self) -> None:
        """Waits, for as long as the call lasts, until nobody is left in it who could answer."""
        await self._until(lambda: self._is_lost, inf, "")

    async def hang_up(self) -> None:
        """Leaves the room on purpose."""
        await self._microphone.close()
        await self._earpiece.close()
        await self._room.disconnect()
        for task in self._reading:
            task.cancel()

    def heard(self) -> Samples:
        """Everything the agent said, at `cli.calls.earpiece.HEARD_RATE`."""
        return self._earpiece.heard()

    @property
    def agent_state(self) -> str:
        """What the agent says it does: `initializing`, `listening`, `thinking`, `speaking`; empty when there is none."""
        return next((agent.attributes.get(ATTRIBUTE_AGENT_STATE, "") for agent in self._agents()), "")

    async def _answer(self, said: str, spoke_until: float, timeout: float) -> TurnReport:
        with suppress(TimeoutError):  # silence and noise get no answer, and that is one
            await self._until(lambda: self._turn.answered and self._settled(), timeout, "")
        return self._report(said, spoke_until)

    def _begin(self) -> None:
        self._past |= self._turn.segments.keys()
        self._turn = _Turn()
        self._earpiece.forget()

    def _report(self, said: str, spoke_until: float | None) -> TurnReport:
        turn, loud = self._turn, self._earpiece.first_loud
        first_audio_ms = (
            None if loud is None or spoke_until is None else round((loud - spoke_until) * 1000, 1)
        )
        shown = [at for segment in turn.segments.values() if not segment.agent for at in segment.interims]
        interims = len([at for at in shown if spoke_until is not None and at < spoke_until])
        return TurnReport(
            said,
            turn.text(agent=False),
            turn.text(agent=True),
            turn.tools,
            first_audio_ms,
            interims,
            turn.cards,
        )

    def _settled(self) -> bool:
        return self.agent_state in {"listening", ""} and self._earpiece.quiet_for > _SETTLED_S

    @property
    def _is_lost(self) -> bool:
        return self.ended is not None and time.monotonic() - self._ended_at > self._patience

    def _loud_for(self) -> float:
        loud = self._earpiece.first_loud
        return 0.0 if loud is None else time.monotonic() - loud

    async def _until(self, reached: Callable[[], bool], timeout: float, otherwise: str) -> None:
        """Waits for something to come in that makes it so, and no longer than `timeout` seconds after the agent was last heard.

        Raises `CallFailed`, or TimeoutError when `otherwise` is empty.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while not reached():
            deadline = max(deadline, loop.time() - self._earpiece.quiet_for + timeout)
            if self._is_lost:
                raise CallFailed(f"the call ended: {self.ended}")
            if loop.time() >= deadline:
                raise CallFailed(f"{otherwise} within {timeout:g} seconds") if otherwise else TimeoutError
            self._changed.clear()
            with suppress(TimeoutError):  # quiet is nothing that comes in
                async with asyncio.timeout(_GLANCE_S):
                    await self._changed.wait()

    def _agents(self) -> list[rtc.RemoteParticipant]:
        kind = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        return [
            participant for participant in self._room.remote_participants.values() if participant.kind == kind
        ]

    def _listen(self) -> None:
        room = self._room
        room.on("track_subscribed", lambda track, *_: self._earpiece.listen(track))
        room.on("track_unsubscribed", lambda *_: self._earpiece.stop())
        room.on("participant_attributes_changed", lambda *_: self._changed.set())
        room.on("participant_connected", self._joined)
        room.on("participant_disconnected", self._left)
        room.on("disconnected", self._gone)
        for topic in (TOPIC_TRANSCRIPTION, TOPIC_TOOLS, TOPIC_FLIGHTS):
            room.register_text_stream_handler(topic, self._received)

    def _joined(self, participant: rtc.RemoteParticipant) -> None:
        if participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT:
            self.ended = None

    def _left(self, participant: rtc.RemoteParticipant) -> None:
        if participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT and not self._agents():
            self._end("the agent left", _TAKEOVER_S)

    def _gone(self, reason: Any = None) -> None:
        self._end(f"the room closed ({_name(reason)})", 2 * _SETTLED_S)

    def _end(self, ended: str, patience: float) -> None:
        self.ended, self._patience, self._ended_at = ended, patience, time.monotonic()
        self._changed.set()

    def _received(self, reader: rtc.TextStreamReader, identity: str) -> None:
        task = asyncio.create_task(self._read(reader, identity))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read(self, reader: rtc.TextStreamReader, identity: str) -> None:
        try:
            text = await reader.read_all()
        except ConnectionError:
            return  # an agent that died in the midst of a stream
        match reader.info.topic:
            case topic if topic == TOPIC_TRANSCRIPTION:
                self._caption(
                    reader.info.attributes or {},
                    text,
                    agent=identity != self._room.local_participant.identity,
                )
            case topic if topic == TOPIC_TOOLS:
                use = json.loads(text)
                self._turn.tools.append(ToolUse(use["name"], use["arguments"], use["outcome"]))
            case _:
                self._turn.cards.append(json.loads(text))
        self._changed.set()

    def _caption(self, attributes: dict[str, str], text: str, *, agent: bool) -> None:
        segment_id = attributes.get(ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID, "")
        if segment_id in self._past:
            return
        segment = self._turn.segments.setdefault(segment_id, _Segment(agent, "", final=False))
        segment.text, segment.final = text, attributes.get(ATTRIBUTE_TRANSCRIPTION_FINAL) == "true"
        if not segment.final:
            segment.interims.append(time.monotonic())


def _name(reason: Any) -> str:
    try:
        return rtc.DisconnectReason.Name(reason)
    except (TypeError, ValueError):
        return str(reason)
