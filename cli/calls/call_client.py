"""A LiveKit participant for calls without a browser. It speaks, types, and reports each turn."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any, Self

from google.protobuf.json_format import ParseDict
from livekit import rtc
from readback.conversation.v1 import entry_pb2

from agent.call.tool_messages import TOPIC_TOOLS
from agent.speech.audio import Samples
from cli.calls.earpiece import Earpiece
from cli.calls.microphone import Microphone
from mesh.contracts.tool_arguments import arguments_of, enum_word

# Names of the LiveKit agent protocol. They are copied, because the import of `livekit.agents.types` takes
# seconds.
ATTRIBUTE_AGENT_STATE = "lk.agent.state"
ATTRIBUTE_TRANSCRIPTION_FINAL = "lk.transcription_final"
ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID = "lk.segment_id"
TOPIC_CHAT = "lk.chat"
TOPIC_TRANSCRIPTION = "lk.transcription"

_ANSWER_ENDS_AFTER_S = 0.5
"""Silence after which the agent's answer is complete."""
_TAKEOVER_S = 10.0
"""Time for another agent to take over a call after its agent left."""
_LEAVES_WITHIN_S = 5.0
"""Time for leaving the room. A LiveKit server that is gone doesn't answer."""
_POLL_S = 0.05


class CallFailed(Exception):
    """The call can't continue. The text is the reason."""


@dataclass(frozen=True)
class ToolUse:
    """A finished tool call of the agent."""

    call: entry_pb2.ToolCall
    result: entry_pb2.ToolResult

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments, as a model would write them."""
        return arguments_of(self.call, "arguments")

    @property
    def outcome(self) -> str:
        """The outcome, for example `FOUND`."""
        return enum_word(self.result, "outcome")

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the tool call in a message of `TOPIC_TOOLS`."""
        message = json.loads(text)
        return cls(
            ParseDict(message["tool_call"], entry_pb2.ToolCall(), ignore_unknown_fields=True),
            ParseDict(message["tool_result"], entry_pb2.ToolResult(), ignore_unknown_fields=True),
        )


@dataclass(frozen=True)
class TurnReport:
    """One line of the caller and the agent's answer."""

    said: str
    heard: str
    """The text that the agent received: recognised speech, or the typed line."""
    reply: str
    tools: list[ToolUse] = field(default_factory=list)
    first_audio_ms: float | None = None
    """Milliseconds from the last loud sample sent to the first loud sample heard. Negative if the agent spoke
    before the caller had ended."""
    interims: int = 0
    """Number of interim captions received while the caller spoke."""


@dataclass
class _Segment:
    agent: bool
    text: str
    final: bool
    interims: list[float] = field(default_factory=list)


class _Turn:
    """All captions and tool calls received since the caller's last line began."""

    def __init__(self) -> None:
        self.segments: dict[str, _Segment] = {}
        self.tools: list[ToolUse] = []

    def text(self, *, agent: bool) -> str:
        return " ".join(segment.text for segment in self.segments.values() if segment.agent is agent)

    @property
    def answered(self) -> bool:
        return any(segment.agent and segment.final for segment in self.segments.values())


class CallClient:
    """A participant in a call. Create one with `CallClient.join`."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._changed = asyncio.Event()
        self._microphone = Microphone()
        self._earpiece = Earpiece(self._changed.set)
        self._turn = _Turn()
        self._past_segments: set[str] = set()
        self._reading: set[asyncio.Task[None]] = set()
        self._ended_at = self._lost_after = 0.0
        self.ended: str | None = None
        """Reason why the call ended; None while it runs. Set back to None if another agent joins."""

    @classmethod
    @asynccontextmanager
    async def join(cls, url: str, token: str, *, microphone: bool = True) -> AsyncIterator[Self]:
        """Join a room and yield the client; hang up when the block ends.

        Raises:
            CallFailed: the LiveKit server doesn't answer or refuses the token.
        """
        client = cls(rtc.Room())
        client._register_handlers()
        try:
            try:
                async with asyncio.timeout(15):
                    await client._room.connect(url, token)
            except (rtc.ConnectError, TimeoutError):
                # Without the cause, because its text contains the token.
                raise CallFailed(f"no connection to the LiveKit server at {url}") from None
            if microphone:
                await client._microphone.publish(client._room)
            yield client
        finally:
            await client.hang_up()

    async def wait_for_greeting(self, timeout: float = 30) -> TurnReport:
        """Wait until the agent has joined and has spoken its greeting."""
        await self._until(lambda: self._turn.answered and self._answer_ended(), timeout, "no agent came")
        return self._report("", None)

    async def speak(self, samples: Samples, said: str = "", *, timeout: float = 30) -> TurnReport:
        """Speak 16 kHz samples and wait for the whole answer, or for `timeout` seconds without any speech."""
        self._begin()
        spoke_until = await self._microphone.speak(samples)
        return await self._answer(said, spoke_until, timeout)

    async def type(self, text: str, *, timeout: float = 30) -> TurnReport:
        """Type a line when an agent is there to read it, and wait for the whole answer, as `speak` does.

        Raises:
            CallFailed: the call ended, or no agent was ready within `timeout` seconds.
        """
        ready = {"listening", "thinking", "speaking"}
        await self._until(lambda: self.agent_state in ready, timeout, "no agent is ready")
        self._begin()
        sent = time.monotonic()
        await self._room.local_participant.send_text(text, topic=TOPIC_CHAT)
        return await self._answer(text, sent, timeout)

    async def barge_in(
        self, samples: Samples, said: str = "", *, after: float = 1.0, timeout: float = 30
    ) -> tuple[float, TurnReport]:
        """Speak over the agent once it has been audible for `after` seconds.

        Returns the milliseconds until the agent stopped speaking, and the report of the turn.
        """
        self._earpiece.reset_first_loud()
        await self._until(lambda: self._loud_for() >= after, timeout, "the agent said nothing to interrupt")
        self._begin()
        began = time.monotonic()
        speaking = asyncio.create_task(self._microphone.speak(samples))
        await self._until(lambda: self._earpiece.quiet_for > 0.3, timeout, "the agent did not stop talking")
        silenced_ms = (self._earpiece.last_loud - began) * 1000
        self._earpiece.reset_first_loud()
        return silenced_ms, await self._answer(said, await speaking, timeout)

    async def wait_for_end(self, timeout: float = 30) -> str:
        """Wait until the agent leaves or the room closes, and return the reason."""
        await self._until(lambda: self.ended is not None, timeout, "the call did not end")
        return self.ended or ""

    async def wait_until_lost(self) -> None:
        """Wait, without a time limit, until the call has ended and no other agent has taken over."""
        await self._until(lambda: self._is_lost, inf, "")

    async def hang_up(self) -> None:
        """Leave the room."""
        await self._microphone.close()
        await self._earpiece.close()
        with suppress(TimeoutError):  # the service ends the call in any case
            async with asyncio.timeout(_LEAVES_WITHIN_S):
                await self._room.disconnect()
        for task in self._reading:
            task.cancel()

    def recording(self) -> Samples:
        """Return everything heard from the agent, at `cli.calls.earpiece.RECORDING_RATE`."""
        return self._earpiece.recording()

    @property
    def agent_state(self) -> str:
        """The agent's published state, for example `listening`; empty without an agent."""
        return next((agent.attributes.get(ATTRIBUTE_AGENT_STATE, "") for agent in self._agents()), "")

    async def _answer(self, said: str, spoke_until: float, timeout: float) -> TurnReport:
        with suppress(TimeoutError):  # no answer is a valid outcome, for example after noise
            await self._until(lambda: self._turn.answered and self._answer_ended(), timeout, "")
        return self._report(said, spoke_until)

    def _begin(self) -> None:
        self._past_segments |= self._turn.segments.keys()
        self._turn = _Turn()
        self._earpiece.reset_first_loud()

    def _report(self, said: str, spoke_until: float | None) -> TurnReport:
        turn, loud = self._turn, self._earpiece.first_loud
        first_audio_ms = (
            None if loud is None or spoke_until is None else round((loud - spoke_until) * 1000, 1)
        )
        shown = [at for segment in turn.segments.values() if not segment.agent for at in segment.interims]
        interims = len([at for at in shown if spoke_until is not None and at < spoke_until])
        heard, reply = turn.text(agent=False), turn.text(agent=True)
        return TurnReport(said, heard, reply, turn.tools, first_audio_ms, interims)

    def _answer_ended(self) -> bool:
        return self.agent_state in {"listening", ""} and self._earpiece.quiet_for > _ANSWER_ENDS_AFTER_S

    @property
    def _is_lost(self) -> bool:
        return self.ended is not None and time.monotonic() - self._ended_at > self._lost_after

    def _loud_for(self) -> float:
        loud = self._earpiece.first_loud
        return 0.0 if loud is None else time.monotonic() - loud

    async def _until(self, reached: Callable[[], bool], timeout: float, failure: str) -> None:
        """Wait until `reached` returns True. The time limit restarts whenever the agent is heard.

        Raises:
            CallFailed: the call ended, or `reached` was not True within `timeout` seconds.
            TimeoutError: instead of CallFailed after `timeout` seconds, if `failure` is empty.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while not reached():
            deadline = max(deadline, loop.time() - self._earpiece.quiet_for + timeout)
            if self._is_lost:
                raise CallFailed(f"the call ended: {self.ended}")
            if loop.time() >= deadline:
                raise CallFailed(f"{failure} within {timeout:g} seconds") if failure else TimeoutError
            self._changed.clear()
            with suppress(TimeoutError):  # silence triggers no event
                async with asyncio.timeout(_POLL_S):
                    await self._changed.wait()

    def _agents(self) -> list[rtc.RemoteParticipant]:
        kind = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        return [someone for someone in self._room.remote_participants.values() if someone.kind == kind]

    def _register_handlers(self) -> None:
        room = self._room
        room.on("track_subscribed", lambda track, *_: self._earpiece.listen(track))
        room.on("track_unsubscribed", lambda *_: self._earpiece.stop())
        room.on("participant_attributes_changed", lambda *_: self._changed.set())
        room.on("participant_connected", self._participant_joined)
        room.on("participant_disconnected", self._participant_left)
        room.on("disconnected", self._disconnected)
        for topic in (TOPIC_TRANSCRIPTION, TOPIC_TOOLS):
            room.register_text_stream_handler(topic, self._received)

    def _participant_joined(self, participant: rtc.RemoteParticipant) -> None:
        if participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT:
            self.ended = None

    def _participant_left(self, participant: rtc.RemoteParticipant) -> None:
        if participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT and not self._agents():
            self._end("the agent left", _TAKEOVER_S)

    def _disconnected(self, reason: Any = None) -> None:
        self._end(f"the room closed ({_name(reason)})", 2 * _ANSWER_ENDS_AFTER_S)

    def _end(self, reason: str, lost_after: float) -> None:
        self.ended, self._lost_after, self._ended_at = reason, lost_after, time.monotonic()
        self._changed.set()

    def _received(self, reader: rtc.TextStreamReader, identity: str) -> None:
        task = asyncio.create_task(self._read(reader, identity))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read(self, reader: rtc.TextStreamReader, identity: str) -> None:
        try:
            text = await reader.read_all()
        except ConnectionError:
            return  # the agent died in the middle of a stream
        if reader.info.topic == TOPIC_TRANSCRIPTION:
            from_agent = identity != self._room.local_participant.identity
            self._add_caption(reader.info.attributes or {}, text, agent=from_agent)
        else:
            self._turn.tools.append(ToolUse.read(text))
        self._changed.set()

    def _add_caption(self, attributes: dict[str, str], text: str, *, agent: bool) -> None:
        segment_id = attributes.get(ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID, "")
        if segment_id in self._past_segments:
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
