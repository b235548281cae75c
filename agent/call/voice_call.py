"""One voice call, from the greeting to its end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import structlog
from livekit import rtc
from livekit.agents.voice import (
    AgentStateChangedEvent,
    CloseEvent,
    SpeechCreatedEvent,
    SpeechHandle,
    UserInputTranscribedEvent,
)
from readback.conversation.v1 import entry_pb2

from agent.call.caller_presence import CallEnding, PresenceWatcher
from agent.call.caller_silence import CallerSilence
from agent.call.captions import RoomCaptions
from agent.call.dialogue_llm import DialogueLLM, TimedDialogue
from agent.call.first_audio import FirstAudioWatchdog, UnheardTurn
from agent.call.livekit_session import SpeechEngines, make_session, room_options
from agent.call.tool_messages import ToolPublisher
from agent.call.typed_messages import TypedMessage, TypedMessages
from agent.call_waits import CallWaits
from agent.recording.session_recorder import RecordingAgent, record_playback
from agent.recording.utterances import AgentSpeech, CustomerSpeech, ToolCalls
from services.conversation.client.recorder import Recorder

_log = structlog.get_logger(__name__)

_LAST_CAPTIONS_S = 0.5
_INTERRUPT_WITHIN_S = 1.0
_GOODBYE_WITHIN_S = 20.0
"""Maximum time to speak a goodbye to a silent caller."""


class VoiceCall:
    """Connection of a caller in a room with a dialogue and with the log of the conversation."""

    def __init__(
        self,
        room: rtc.Room,
        caller_identity: str,
        dialogue: TimedDialogue,
        recorder: Recorder,
        engines: SpeechEngines,
        *,
        waits: CallWaits | None = None,
    ) -> None:
        self._room, self._caller, self._dialogue = room, caller_identity, dialogue
        self._waits = waits or CallWaits()
        self._captions = RoomCaptions(room, caller_identity)
        self._customer = CustomerSpeech(recorder, self._captions)
        self._speech = AgentSpeech(recorder, self._captions)
        self._first_audio = FirstAudioWatchdog(self._waits.first_audio, self._turn_late)
        self._silence = CallerSilence(room, caller_identity)
        dialogue_llm = DialogueLLM(
            dialogue,
            self._customer.recorded,
            ToolCalls(recorder),
            ToolPublisher(room),
            self._hang_up,
            self._first_audio.add,
        )
        self._session = make_session(engines, dialogue_llm)
        self._messages = TypedMessages(room, caller_identity)
        self._unrecorded: deque[TypedMessage] = deque()
        self._last_speech: SpeechHandle | None = None
        self._goodbyes: asyncio.Queue[SpeechHandle | None] = asyncio.Queue()
        self._closed = asyncio.Event()
        self._caller_away = self._speech_lost = self._hanging_up = self._over = False

    async def run(self, *, resumed: bool, unanswered: str = "") -> CallEnding | None:
        """Run the call until it is over. Join the room first. When cancelled, stop speaking immediately.

        Args:
            resumed: True if an earlier agent has spoken in this call.
            unanswered: the customer's recorded words that no agent has answered.

        Returns:
            The reason why the call ended. None if another agent should continue it, because this agent was
                disconnected from the room, can't publish its voice, or its session failed.
        """
        self._speech.begun = resumed
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(_running(self._captions.publish()))
            stack.push_async_callback(self._captions.flush, _LAST_CAPTIONS_S)
            stack.callback(self._record_remaining)
            presence = self._watch_caller()
            stack.callback(presence.close)
            stack.callback(self._silence.close)
            await stack.enter_async_context(self._session_running())
            await stack.enter_async_context(_running(self._first_audio.run()))
            greeting = self._say(self._dialogue.greeting(resumed=resumed, answering=bool(unanswered)))
            if unanswered:
                self._answer_after(greeting, unanswered)
            await stack.enter_async_context(_running(self._answer_messages()))
            stack.callback(self._stop_speaking)
            return await self._ending(presence)

    def _answer_after(self, greeting: SpeechHandle, words: str) -> None:
        def begin(said: SpeechHandle) -> None:
            if not said.interrupted:
                self._begin_turn(words)

        self._session.generate_reply(user_input=words)
        greeting.add_done_callback(begin)

    def _watch_caller(self) -> PresenceWatcher:
        self._silence.hold("away", held=self._caller not in self._room.remote_participants)
        return PresenceWatcher(
            self._room,
            self._caller,
            patience=self._waits.caller_back,
            on_away=self._on_away,
            on_back=self._on_back,
        )

    @asynccontextmanager
    async def _session_running(self) -> AsyncIterator[None]:
        self._session.on("speech_created", self._speech_created)
        self._session.on("user_input_transcribed", self._words_recognised)
        self._session.on("agent_state_changed", self._agent_state_changed)
        self._session.on("close", self._session_closed)
        agent = RecordingAgent(self._customer, self._speech)
        options = room_options(self._caller)
        await self._session.start(
            agent, room=self._room, room_options=options, record=False, session_host=False
        )
        synchronizer = record_playback(self._session, self._speech, self._heard)
        try:
            yield
        finally:
            await self._session.aclose()
            await synchronizer.aclose()

    async def _ending(self, presence: PresenceWatcher) -> CallEnding | None:
        """Wait until the caller leaves or is silent, the agent has said goodbye, or the session closes."""
        endings = (presence.ended(), self._goodbye_spoken(), self._caller_silent(), self._session_over())
        tasks = [asyncio.ensure_future(ending) for ending in endings]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(task.result() for task in tasks if task.done())
        finally:
            for task in tasks:
                task.cancel()

    async def _goodbye_spoken(self) -> CallEnding:
        """Wait until a goodbye has been spoken without interruption, or shown as text."""
        while handle := await self._goodbyes.get():
            await handle.wait_for_playout()
            if not handle.interrupted:
                break
        return entry_pb2.CALL_END_REASON_AGENT_HUNG_UP

    async def _caller_silent(self) -> CallEnding:
        """Wait until the caller has been silent for so long that the agent has said goodbye."""
        while True:
            if not await self._silence.lasts(self._waits.silence_question):
                continue
            self._say(self._dialogue.silence_question())
            if not await self._silence.lasts(self._waits.silence_end):
                continue
            active_before = self._silence.activities
            goodbye = self._say(self._dialogue.language.phrase("silent_farewell"))
            with suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE_WITHIN_S):
                    await goodbye.wait_for_playout()
            if self._silence.activities == active_before:
                _log.info("caller silent", seconds=self._waits.silence_question + self._waits.silence_end)
                return entry_pb2.CALL_END_REASON_CUSTOMER_SILENT

    async def _session_over(self) -> None:
        await self._closed.wait()

    def _hang_up(self) -> None:
        self._hanging_up = True
        if self._last_speech is not None:
            self._goodbyes.put_nowait(self._last_speech)

    def _say(self, text: str) -> SpeechHandle:
        self._begin_turn()
        self._first_audio.add(text)
        return self._session.say(text)

    def _begin_turn(self, words: str = "") -> None:
        self._speech.settle()
        self._hanging_up = False
        self._first_audio.begin(words)

    def _words_recognised(self, event: UserInputTranscribedEvent) -> None:
        if not event.transcript:
            return
        self._silence.end()
        self._first_audio.stop()  # while the caller speaks, the agent waits
        if event.is_final and not self._caller_away:
            self._begin_turn(event.transcript)

    def _agent_state_changed(self, event: AgentStateChangedEvent) -> None:
        self._silence.hold("agent", held=event.new_state in ("thinking", "speaking"))

    def _heard(self) -> None:
        self._first_audio.stop()
        if self._last_speech is not None and not self._last_speech.interrupted:
            self._last_speech.allow_interruptions = True  # also for an answer that is spoken again

    async def _turn_late(self, turn: UnheardTurn) -> None:
        """Show and speak a turn again that is not audible yet. If that fails too, leave it as text."""
        if self._caller not in self._room.remote_participants:
            turn.expiries = 0
            return
        published = bool(self._room.local_participant.track_publications)
        _log.error(
            "turn without audio",
            expiries=turn.expiries,
            seconds=self._waits.first_audio,
            answered=bool(turn.text),
            agent_state=self._session.agent_state,
            user_state=self._session.user_state,
            track_published=published,
        )
        if self._caller_away:
            self._first_audio.stop()
        elif turn.expiries == 1:
            await self._speak_again(turn)
        else:
            await self._give_up_speaking(turn)
            if not published:
                self._closed.set()  # another agent may be able to publish its voice

    async def _speak_again(self, turn: UnheardTurn) -> None:
        hanging_up = self._hanging_up
        await self._interrupt()
        if self._first_audio.replaced(turn):
            return
        # This speech doesn't wait for silence, because noise may be taken for speech.
        if turn.text:
            self._speech.show(turn.text)
            handle = self._session.say(turn.text, allow_interruptions=False)
        else:
            handle = self._session.generate_reply(user_input=turn.words, allow_interruptions=False)
        if hanging_up:
            self._goodbyes.put_nowait(handle)

    async def _give_up_speaking(self, turn: UnheardTurn) -> None:
        await self._interrupt()
        if self._first_audio.replaced(turn):
            return
        self._speech.write(turn.text or self._dialogue.language.phrase("turn_failed"))
        if self._hanging_up:
            self._goodbyes.put_nowait(None)

    async def _interrupt(self) -> None:
        """Interrupt all speech. Wait until it has stopped, but not for long, because it may hang."""
        with suppress(TimeoutError, RuntimeError):
            async with asyncio.timeout(_INTERRUPT_WITHIN_S):
                await self._session.interrupt(force=True)

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
        self._silence.end()
        self._first_audio.begin(message.text)  # from now on, the turn before need not become audible
        await self._session.interrupt(force=True)
        self._record_messages()  # after the interrupted words of the agent are recorded
        if message.too_long:
            self._say(self._dialogue.language.phrase("too_long"))
        else:
            self._begin_turn(message.text)
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
        self._speech.settle()
        self._unrecorded.extend(self._messages.close())
        self._record_messages()

    def _on_away(self) -> None:
        """Stop speaking. While the caller is away, agent speech must not be recorded as delivered.

        Recognition continues with the audio received so far. A restart would lose words not yet decoded.
        """
        self._customer.connection_lost()
        self._first_audio.stop()
        self._silence.hold("away", held=True)
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
        self._silence.hold("away", held=False)
        self._caller_away = False
        if self._speech_lost:
            self._say(self._dialogue.greeting(resumed=self._speech.begun))
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
