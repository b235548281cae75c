"""One call, from the greeting to the end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import structlog
from livekit import rtc
from livekit.agents.voice import CloseEvent, SpeechCreatedEvent, SpeechHandle
from readback.conversation.v1 import conversation_service_pb2 as pb

from agent.call.announcements import Announcements
from agent.call.caller_presence import Ending, Presence
from agent.call.captions import RoomCaptions
from agent.call.dialogue_llm import PolicyLLM
from agent.call.livekit_session import RecordedAgent, make_session, room_options
from agent.call.turns import Dialogue
from agent.call.typed_messages import TypedLine, TypedText
from agent.recording.session_recorder import attach
from agent.recording.utterances import Actions, AgentSpeech, CustomerSpeech, Log
from agent.speech.engines import SpeechEngines

_log = structlog.get_logger(__name__)

_TOO_LONG = "That is more than I can take in at once. Could you put it into a sentence or two?"
_LAST_CAPTIONS_S = 0.5


@dataclass(frozen=True)
class Caller:
    """Who is on the line: their identity in the room, and how many seconds to wait for them when they drop out."""

    identity: str
    patience: float = 30.0


class Call:
    """Brings together a caller in a room, a dialogue, and the log that all of it is written into."""

    def __init__(
        self, room: rtc.Room, caller: Caller, dialogue: Dialogue, log: Log, engines: SpeechEngines
    ) -> None:
        self._room, self._caller, self._dialogue = room, caller, dialogue
        self._captions = RoomCaptions(room, caller.identity)
        self._customer = CustomerSpeech(log, self._captions)
        self._speech = AgentSpeech(log, self._captions)
        policy = PolicyLLM(dialogue, Actions(log), Announcements(room), self._hang_up)
        self._session = make_session(engines, policy)
        self._typed = TypedText(room, caller.identity)
        self._unwritten: deque[TypedLine] = deque()
        self._answer: SpeechHandle | None = None
        self._goodbye: asyncio.Future[SpeechHandle] = asyncio.get_running_loop().create_future()
        self._closed = asyncio.Event()
        self._unheard = self._cut_off = self._over = False

    async def run(self, *, resumed: bool, unanswered: str = "") -> Ending | None:
        """Talks until the call is over, in a room that is joined. Says how it ended; None when another agent is to go on
        with it, because the room is gone or the session gave up on ears, mind or voice.

        Cancelling it makes the agent fall silent at once. `resumed`: another agent held this call before; `unanswered`: words that it heard
        and was lost before it could answer.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(_running(self._captions.publish()))
            stack.push_async_callback(self._captions.flushed, _LAST_CAPTIONS_S)
            stack.callback(self._write_what_is_left)
            presence = self._watch()
            stack.callback(presence.close)
            await stack.enter_async_context(self._session_running())
            self._session.say(self._dialogue.greeting(resumed=resumed, answering=bool(unanswered)))
            if unanswered:
                self._session.generate_reply(user_input=unanswered)
            await stack.enter_async_context(_running(self._answer_typed_lines()))
            stack.callback(self._fall_silent)
            return await self._first(presence)

    def _watch(self) -> Presence:
        return Presence(
            self._room,
            self._caller.identity,
            patience=self._caller.patience,
            on_lost=self._lost,
            on_back=self._back,
        )

    @asynccontextmanager
    async def _session_running(self) -> AsyncIterator[None]:
        self._session.on("speech_created", self._speech_created)
        self._session.on("close", self._session_closed)
        agent = RecordedAgent(self._customer, self._speech)
        options = room_options(self._caller.identity)
        await self._session.start(
            agent, room=self._room, room_options=options, record=False, session_host=False
        )
        synchronizer = attach(self._session, self._speech)
        try:
            yield
        finally:
            await self._session.aclose()
            await synchronizer.aclose()

    async def _first(self, presence: Presence) -> Ending | None:
        """How the call ends, whoever ends it."""
        left, goodbye = asyncio.ensure_future(presence.ended()), asyncio.ensure_future(self._said_goodbye())
        closed = asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait((left, goodbye, closed), return_when=asyncio.FIRST_COMPLETED)
            if left.done():
                return left.result()
            return pb.CALL_END_REASON_AGENT_HUNG_UP if goodbye.done() else None
        finally:
            for task in (left, goodbye, closed):
                task.cancel()

    async def _said_goodbye(self) -> None:
        """Waits until the agent has said goodbye and nobody held it back."""
        while True:
            handle = await self._goodbye
            await handle.wait_for_playout()
            if not handle.interrupted:
                return
            self._goodbye = asyncio.get_running_loop().create_future()

    def _hang_up(self) -> None:
        if self._answer is not None and not self._goodbye.done():
            self._goodbye.set_result(self._answer)

    def _speech_created(self, event: SpeechCreatedEvent) -> None:
        self._answer = event.speech_handle
        if self._unheard:
            self._cut_off = True
            event.speech_handle.interrupt(force=True)

    def _session_closed(self, event: CloseEvent) -> None:
        if event.error is not None:
            _log.error("session gave up", reason=event.reason.value, error=str(event.error.error))
        self._closed.set()

    async def _answer_typed_lines(self) -> None:
        async for line in self._typed:
            try:
                await self._answer_typed(line)
            except Exception:  # noqa: BLE001 - one line is no reason to answer no more of them
                _log.exception("typed line not answered")

    async def _answer_typed(self, line: TypedLine) -> None:
        self._unwritten.append(line)
        await self._session.interrupt()
        self._write_typed()  # after the words that it cut short
        if line.too_long:
            self._session.say(_TOO_LONG)
        else:
            self._session.generate_reply(user_input=line.text, input_modality="text")

    def _write_typed(self) -> None:
        while self._unwritten:
            line = self._unwritten.popleft()
            self._customer.typed(line.text, line.utterance_id)

    def _write_what_is_left(self) -> None:
        """What came too late for an answer. The ears are closed by now, or they would tell words again that are cut off here."""
        self._customer.cut()
        self._unwritten.extend(self._typed.close())
        self._write_typed()

    def _lost(self) -> None:
        """Nobody hears the agent; what it says until they are back must not be recorded as said.

        What the caller was saying goes on in the ears until they have made out all of it: ears that begin anew would lose what they had not
        yet decoded.
        """
        self._customer.lost()
        self._unheard = True
        self._cut_off = self._cut_off or (self._answer is not None and not self._answer.done())
        with suppress(RuntimeError):  # between starting and closing there may be nothing to interrupt
            self._session.interrupt(force=True)

    def _fall_silent(self) -> None:
        """The ears still make out what they have heard, but nothing is said to it any more."""
        self._over = True
        self._lost()

    def _back(self) -> None:
        if self._over:
            return
        _log.info("caller back", cut_off=self._cut_off)
        self._customer.back()
        self._unheard = False
        if self._cut_off:
            self._session.say(self._dialogue.greeting(resumed=True))
        self._cut_off = False


@asynccontextmanager
async def _running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))
        # Work beside the call has no say in how the call ends.
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("work beside the call failed", exc_info=error)
