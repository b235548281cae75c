"""A call in a real LiveKit room: a caller, an agent with a short dialogue, and all that it records."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast

from livekit import api, rtc
from readback.conversation.v1 import entry_pb2

from agent.call.livekit_session import SpeechEngines
from agent.call.voice_call import VoiceCall
from agent.call_waits import CallWaits
from agent.dialogue.turn import End, Event, Speech, ToolFinished, ToolStarted
from agent.language import ENGLISH
from agent.language.hearing import Expected, Transcript
from agent.language.meanings import Completeness
from cli.calls.call_client import CallClient
from tests.integration.agent.livekit_rooms import LiveKit

AGENT, CUSTOMER = entry_pb2.SPEAKER_AGENT, entry_pb2.SPEAKER_CUSTOMER
FINAL = entry_pb2.SEALING_FINAL
GREETING = "Hello, where would you like to fly?"
ANSWER = (
    "Sure, there are six flights. The earliest leaves at six ten in the morning and the cheapest at noon. "
    "Which one would you like?"
)


class Parrot:
    """A dialogue with two answers and one tool."""

    language = ENGLISH

    def greeting(self, *, resumed: bool, answering: bool = False) -> str:
        return "Sorry, I lost you for a moment." if resumed else GREETING

    def silence_question(self) -> str:
        return "Are you still there?"

    async def turn(self, text: str) -> AsyncGenerator[Event, None]:
        if "bye" in text.lower():
            yield Speech("Goodbye, have a good flight.")
            yield End()
            return
        call = entry_pb2.ToolCall(tool_call_id=str(uuid.uuid4()), name="search_flights")
        call.search_flights.legs.add(origin="MAA", destination="DEL")
        result = entry_pb2.ToolResult(tool_call_id=call.tool_call_id, name=call.name)
        result.outcome = entry_pb2.TOOL_OUTCOME_EMPTY
        yield ToolStarted(call)
        yield ToolFinished(result)
        for sentence in ANSWER.split(". "):
            yield Speech(sentence if sentence.endswith("?") else f"{sentence}.")

    def completeness(self, text: str) -> Completeness:
        complete = text.lower().rstrip(".?! ").endswith(("friday", "please", "bye"))
        return Completeness.COMPLETE if complete else Completeness.UNKNOWN

    def expected(self) -> Expected:
        return Expected()

    def heard(self, transcript: Transcript) -> None:
        """Ignore the details of what was heard."""


class Log:
    """All recorded drafts, in order."""

    def __init__(self) -> None:
        self.revisions: list[tuple[str, int, str]] = []
        self.entries: list[tuple[Any, ...]] = []
        self.sealed: dict[str, Mapping[str, Any]] = {}
        self._written = asyncio.Event()

    def revise(
        self, utterance_id: str, speaker: int, text: str, *, modality: int = entry_pb2.MODALITY_VOICE
    ) -> None:
        self.revisions.append((utterance_id, speaker, text))
        self._written.set()

    def seal(self, utterance_id: str, speaker: int, text: str, **details: Any) -> asyncio.Future[bool]:
        self.entries.append(("said", speaker, text))
        self.sealed[utterance_id] = {"speaker": speaker, "text": text, **details}
        self._written.set()
        stored = asyncio.get_running_loop().create_future()
        stored.set_result(True)
        return stored

    def tool_call(self, call: entry_pb2.ToolCall) -> None:
        self.entries.append(("call", call))

    def tool_result(self, result: entry_pb2.ToolResult) -> None:
        self.entries.append(("result", result))

    async def until(self, reached: Callable[[], bool]) -> None:
        """Waits for something to be written down."""
        async with asyncio.timeout(20):
            while not reached():
                self._written.clear()
                await self._written.wait()

    async def shown(self, speaker: int) -> None:
        """Wait for a word of an open utterance."""
        await self.until(
            lambda: any(
                speaks == speaker and utterance not in self.sealed for utterance, speaks, _ in self.revisions
            )
        )

    def said(self, speaker: int) -> list[str]:
        return [entry[2] for entry in self.entries if entry[:2] == ("said", speaker)]

    def last(self, speaker: int) -> Mapping[str, Any]:
        return [utterance for utterance in self.sealed.values() if utterance["speaker"] == speaker][-1]


@dataclass
class Conversation:
    """Both ends of a call."""

    agent: VoiceCall
    caller: CallClient
    log: Log
    ending: asyncio.Task[entry_pb2.CallEndReason.ValueType | None]
    rejoin: Callable[[], Any]
    drop: Callable[[], Awaitable[None]]
    captions: dict[str, str] = field(default_factory=dict)


Place = Callable[..., Any]


def placing(livekit: LiveKit, engines: SpeechEngines) -> Place:
    """Return a context manager that places a call: the caller joins, the agent greets."""
    name = f"call-{uuid.uuid4()}"

    @asynccontextmanager
    async def placed(
        *,
        waits: CallWaits | None = None,
        resumed: bool = False,
        microphone: bool = True,
        greeted: bool = True,
        voice: Any = None,
    ) -> AsyncIterator[Conversation]:
        room, log = rtc.Room(), Log()

        def join() -> Any:
            return CallClient.join(livekit.url, livekit.token("caller", name), microphone=microphone)

        async def drop() -> None:
            """The server loses the caller."""
            async with api.LiveKitAPI(livekit.url, livekit.key, livekit.secret) as server:
                await server.room.remove_participant(
                    api.RoomParticipantIdentity(room=name, identity="caller")
                )

        async with join() as caller:
            await room.connect(livekit.url, livekit.token("agent", name, agent=True))
            spoken = replace(engines, hibari=voice) if voice else engines
            call = VoiceCall(room, "caller", cast("Any", Parrot()), cast("Any", log), spoken, waits=waits)
            ending = asyncio.create_task(call.run(resumed=resumed))
            try:
                if greeted:
                    await caller.wait_for_greeting()
                yield Conversation(call, caller, log, ending, join, drop)
            finally:
                ending.cancel()
                with suppress(asyncio.CancelledError):
                    await ending
                await room.disconnect()

    return placed
