"""One voice call, from the greeting to its end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import structlog
from livekit import rtc
from livekit.agents.voice import CloseEvent, SpeechCreatedEvent, SpeechHandle
from readback.conversation.v1 import conversation_service_pb2 as pb

from agent.call.caller_presence import CallEnding, PresenceWatcher
from agent.call.captions import RoomCaptions
from agent.call.dialogue_llm import DialogueLLM, TimedDialogue
from agent.call.flight_cards import RoomPublisher
from agent.call.livekit_session import SpeechEngines, make_session, room_options
from agent.call.typed_messages import TypedMessage, TypedMessages
from agent.recording.session_recorder import RecordingAgent, record_playback
from agent.recording.utterances import AgentSpeech, CustomerSpeech, ToolCalls
from services.conversation.client.recorder import Recorder

_log = structlog.get_logger(__name__)

_LAST_CAPTIONS_S = 0.5


class VoiceCall:
    """Connection of a caller in a room with a dialogue and with the log of the conversation.

    `patience` is the time in seconds to wait for a caller whose connection was lost.
    """

    def __init__(
        self,
        room: rtc.Room,
        caller_identity: str,
        dialogue: TimedDialogue,
        recorder: Recorder,
        engines: SpeechEngines,
        *,
        patience: float = 30.0,
    ) -> None:
        self._room, self._caller, self._dialogue, self._patience = room, caller_identity, dialogue, patience
        self._captions = RoomCaptions(room, caller_identity)
        self._customer = CustomerSpeech(recorder, self._captions)
        self._speech = AgentSpeech(recorder, self._captions)
        dialogue_llm = DialogueLLM(
            dialogue, self._customer.recorded, ToolCalls(recorder), RoomPublisher(room), self._hang_up
        )
        self._session = make_session(engines, dialogue_llm)
        self._messages = TypedMessages(room, caller_identity)
        self._unrecorded: deque[TypedMessage] = deque()
        self._last_speech: SpeechHandle | None = None
        self._goodbye: asyncio.Future[SpeechHandle] = asyncio.get_running_loop().create_future()
        self._closed = asyncio.Event()
        self._caller_away = self._speech_lost = self._over = False

    async def run(self, *, resumed: bool, unanswered: str = "") -> CallEnding | None:
        """Run the call until it is over. Join the room first. When cancelled, stop speaking immediately.

        Args:
            resumed: True if an earlier agent had this call.
            unanswered: the customer's words that the earlier agent recorded but did not answer.

        Returns:
            The reason why the call ended. None if another agent should continue it, because this agent was
                disconnected from the room or its session failed.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(_running(self._captions.publish()))
            stack.push_async_callback(self._captions.flush, _LAST_CAPTIONS_S)
            stack.callback(self._record_remaining)
            presence = self._watch_caller()
            stack.callback(presence.close)
            await stack.enter_async_context(self._session_running())
            self._session.say(self._dialogue.greeting(resumed=resumed, answering=bool(unanswered)))
            if unanswered:
                self._session.generate_reply(user_input=unanswered)
            await stack.enter_async_context(_running(self._answer_messages()))
            stack.callback(self._stop_speaking)
            return await self._ending(presence)

    def _watch_caller(self) -> PresenceWatcher:
        return PresenceWatcher(
            self._room,
            self._caller,
            patience=self._patience,
            on_away=self._on_away,
            on_back=self._on_back,
        )

    @asynccontextmanager
    async def _session_running(self) -> AsyncIterator[None]:
        self._session.on("speech_created", self._speech_created)
        self._session.on("close", self._session_closed)
        agent = RecordingAgent(self._customer, self._speech)
        options = room_options(self._caller)
        await self._session.start(
            agent, room=self._room, room_options=options, record=False, session_host=False
        )
        synchronizer = record_playback(self._session, self._speech)
        try:
            yield
        finally:
            await self._session.aclose()
            await synchronizer.aclose()

    async def _ending(self, presence: PresenceWatcher) -> CallEnding | None:
        """Wait until the caller leaves, the agent has said goodbye, or the session closes."""
        left = asyncio.ensure_future(presence.ended())
        goodbye = asyncio.ensure_future(self._goodbye_spoken())
        closed = asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait((left, goodbye, closed), return_when=asyncio.FIRST_COMPLETED)
            if left.done():
                return left.result()
            return pb.CALL_END_REASON_AGENT_HUNG_UP if goodbye.done() else None
        finally:
            for task in (left, goodbye, closed):
                task.cancel()

    async def _goodbye_spoken(self) -> None:
        """Wait until a goodbye has been spoken without interruption."""
        while True:
            handle = await self._goodbye
            await handle.wait_for_playout()
            if not handle.interrupted:
                return
            self._goodbye = asyncio.get_running_loop().create_future()

    def _hang_up(self) -> None:
        if self._last_speech is not None and not self._goodbye.done():
            self._goodbye.set_result(self._last_speech)

    def _speech_created(self, event: SpeechCreatedEvent) -> None:
        self._last_speech = event.speech_handle
        if self._caller_away:
            self._speech_lost = True
            event.speech_handle.interrupt(force=True)

    def _session_closed(self, event: CloseEvent) -> None:
        if event.error is not None:
            _log.error("session failed", reason=event.reason.value, error=str(event.error.error))
        self._closed.set()

    async def _answer_messages(self) -> None:
        async for message in self._messages:
            try:
                await self._answer_message(message)
            except Exception:  # noqa: BLE001 - one failed message must not stop later ones
                _log.exception("typed message not answered")

    async def _answer_message(self, message: TypedMessage) -> None:
        self._unrecorded.append(message)
        await self._session.interrupt()
        self._record_messages()  # after the interrupted words of the agent are recorded
        if message.too_long:
            self._session.say(self._dialogue.language.phrase("too_long"))
        else:
            self._session.generate_reply(user_input=message.text, input_modality="text")

    def _record_messages(self) -> None:
        while self._unrecorded:
            message = self._unrecorded.popleft()
            self._customer.typed(message.text)

    def _record_remaining(self) -> None:
        """Record unfinished speech and typed messages that the agent can no longer answer.

        This runs after recognition has stopped, so that it doesn't report the same words again.
        """
        self._customer.truncate()
        self._unrecorded.extend(self._messages.close())
        self._record_messages()

    def _on_away(self) -> None:
        """Stop speaking. While the caller is away, agent speech must not be recorded as delivered.

        Recognition continues with the audio received so far. A restart would lose words not yet decoded.
        """
        self._customer.connection_lost()
        self._caller_away = True
        self._speech_lost = self._speech_lost or (
            self._last_speech is not None and not self._last_speech.done()
        )
        with suppress(RuntimeError):  # the session may not have started, or may be closing
            self._session.interrupt(force=True)

    def _stop_speaking(self) -> None:
        """Stop speaking for the rest of the call. Recognition still finishes the audio received so far."""
        self._over = True
        self._on_away()

    def _on_back(self) -> None:
        if self._over:
            return
        _log.info("caller reconnected", speech_lost=self._speech_lost)
        self._customer.connection_restored()
        self._caller_away = False
        if self._speech_lost:
            self._session.say(self._dialogue.greeting(resumed=True))
        self._speech_lost = False


@asynccontextmanager
async def _running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` in the background, and cancel it when the block ends.

    If `work` fails, the error is logged and the call continues.
    """
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("background task failed", exc_info=error)
