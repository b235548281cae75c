"""A call: words are recorded once, unheard words not as spoken, background work keeps the ending."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents import LanguageCode, stt
from livekit.agents.stt import SpeechEventType
from livekit.agents.voice import SpeechCreatedEvent, SpeechHandle
from livekit.rtc import DisconnectReason
from readback.conversation.v1 import entry_pb2

from agent.call.voice_call import VoiceCall, _running
from agent.dialogue.turn import Event, Speech
from agent.language import ENGLISH
from agent.language.meanings import Completeness
from agent.recording.session_recorder import RecordingAgent

pytestmark = pytest.mark.unit

FINAL, TRUNCATED = entry_pb2.SEALING_FINAL, entry_pb2.SEALING_TRUNCATED


class Session(rtc.EventEmitter[str]):
    """livekit-agents' session as far as a call uses it, with scripted recognition."""

    def __init__(self) -> None:
        super().__init__()
        self.agent: RecordingAgent | None = None
        self.spoke, self.interrupted = asyncio.Event(), asyncio.Event()
        self.said: list[str] = []
        self.speeches: list[SpeechHandle] = []
        self.silenced = asyncio.Event()
        self.unspoken = ""
        self.broken = False
        self.agent_state = self.user_state = "listening"

    async def start(self, agent: RecordingAgent, **_: Any) -> None:
        self.agent = agent

    async def aclose(self) -> None:
        """Report the words heard so far, as the real session does."""
        if self.unspoken:
            self.hear(SpeechEventType.FINAL_TRANSCRIPT, self.unspoken)

    def hear(self, kind: SpeechEventType, text: str) -> None:
        assert self.agent is not None
        self.agent._record(stt.SpeechEvent(kind, alternatives=[stt.SpeechData(LanguageCode("en"), text)]))

    def say(self, text: str, **_: Any) -> SpeechHandle:
        return self.answer(text)

    def generate_reply(self, *, user_input: str, **_: Any) -> SpeechHandle:
        return self.answer(f"about {user_input}")

    def answer(self, text: str) -> SpeechHandle:
        speech = SpeechHandle.create(allow_interruptions=True)
        self.said.append(text)
        self.spoke.set()
        self.speeches.append(speech)
        self.emit(
            "speech_created", SpeechCreatedEvent(speech_handle=speech, user_initiated=True, source="say")
        )
        return speech

    def interrupt(self, *, force: bool = False) -> asyncio.Future[None]:
        if self.broken:
            raise RuntimeError("AgentSession isn't running")
        self.interrupted.set()
        if self.speeches:
            self.speeches[-1].interrupt(force=force)
        return cast("asyncio.Future[None]", asyncio.ensure_future(self.silenced.wait()))


class Room(rtc.EventEmitter[str]):
    """A room with a caller who types."""

    def __init__(self) -> None:
        super().__init__()
        self.remote_participants = {"caller": SimpleNamespace(identity="caller", disconnect_reason=None)}
        self.local_participant = SimpleNamespace(identity="agent", track_publications={"TR": None})
        self._handlers: dict[str, Any] = {}

    def register_text_stream_handler(self, topic: str, handler: Any) -> None:
        self._handlers[topic] = handler

    def unregister_text_stream_handler(self, topic: str) -> None:
        del self._handlers[topic]

    def type(self, text: str) -> None:
        self._handlers["lk.chat"](_Line(text), "caller")

    def leave(self, reason: int) -> None:
        person = self.remote_participants.pop("caller")
        person.disconnect_reason = reason
        self.emit("participant_disconnected", person)

    def enter(self) -> None:
        self.remote_participants["caller"] = SimpleNamespace(identity="caller", disconnect_reason=None)
        self.emit("participant_connected", self.remote_participants["caller"])


class _Line:
    def __init__(self, text: str) -> None:
        self.text, self.info = text, SimpleNamespace(stream_id="")

    async def __aiter__(self) -> AsyncIterator[str]:
        yield self.text


class Parrot:
    """A dialogue that repeats the caller's words."""

    language = ENGLISH

    def greeting(self, *, resumed: bool, answering: bool = False) -> str:
        return "sorry" if resumed else "hello"

    async def turn(self, text: str) -> AsyncGenerator[Event, None]:
        yield Speech(text)

    def completeness(self, text: str) -> Completeness:
        return Completeness.UNKNOWN


class Log:
    """The customer's sealed utterances."""

    def __init__(self) -> None:
        self.sealed: list[tuple[str, int]] = []
        self.ids: list[str] = []
        self.grew = asyncio.Event()

    def revise(self, utterance_id: str, *_: Any, **__: Any) -> None:
        self.ids.append(utterance_id)

    def seal(self, utterance_id: str, speaker: int, text: str, *, sealing: int, **_: Any) -> None:
        self.ids.append(utterance_id)
        self.sealed.append((text, sealing))
        self.grew.set()

    def tool_call(self, *_: Any) -> None:
        raise AssertionError("no tool is called here")

    def tool_result(self, *_: Any) -> None:
        raise AssertionError("no tool is called here")

    async def until(self, entries: int) -> None:
        async with asyncio.timeout(5):
            while len(self.sealed) < entries:
                self.grew.clear()
                await self.grew.wait()


class Placed:
    """A running call with its session, room and log."""

    def __init__(self, session: Session, room: Room, *, unanswered: str = "") -> None:
        self.session, self.room, self.log = session, room, Log()
        self.call = VoiceCall(
            cast("Any", room),
            "caller",
            cast("Any", Parrot()),
            cast("Any", self.log),
            cast("Any", None),
        )
        self.running = asyncio.create_task(self.call.run(resumed=False, unanswered=unanswered))

    def hears(self) -> None:
        """The caller hears the first word of the greeting."""
        self.call._speech.playback_started(datetime.now(UTC))
        self.call._speech.spoken("hello")

    async def over(self) -> Any:
        return await asyncio.wait_for(self.running, 5)

    async def left(self) -> None:
        """Leave the call to another agent."""
        self.running.cancel()
        await asyncio.wait({self.running}, timeout=5)


@pytest.fixture
async def call(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> AsyncIterator[Placed]:
    """A call whose agent has started its greeting. The parameter has words that no agent has answered."""
    session = Session()

    @asynccontextmanager
    async def paced() -> AsyncIterator[None]:
        yield

    async def nothing() -> None:
        pass

    monkeypatch.setattr("agent.call.voice_call.make_session", lambda *_: session)
    monkeypatch.setattr("agent.call.voice_call.record_playback", lambda *_: SimpleNamespace(aclose=nothing))
    placed = Placed(session, Room(), unanswered=getattr(request, "param", ""))
    await asyncio.wait_for(session.spoke.wait(), 5)
    yield placed
    await placed.left()
    for speech in session.speeches:
        speech._mark_done()


async def test_a_message_typed_during_a_sentence_keeps_the_sentence_whole(call: Placed) -> None:
    call.session.silenced.set()
    call.session.hear(SpeechEventType.INTERIM_TRANSCRIPT, "flights from Chennai to")
    call.room.type("stop")
    await call.log.until(1)
    call.session.hear(SpeechEventType.FINAL_TRANSCRIPT, "flights from Chennai to Delhi tomorrow")
    assert call.log.sealed == [("stop", FINAL), ("flights from Chennai to Delhi tomorrow", FINAL)]
    assert len(set(call.log.ids)) == 2


async def test_words_still_in_recognition_when_the_call_ends_are_recorded_once(call: Placed) -> None:
    call.session.hear(SpeechEventType.INTERIM_TRANSCRIPT, "flights from Chennai to")
    call.session.unspoken = "flights from Chennai to Delhi"
    call.room.leave(DisconnectReason.CLIENT_INITIATED)
    assert await call.over() == entry_pb2.CALL_END_REASON_CUSTOMER_HUNG_UP
    assert call.log.sealed == [("flights from Chennai to Delhi", TRUNCATED)]


async def test_words_without_a_final_transcript_are_recorded_as_shown(call: Placed) -> None:
    call.session.hear(SpeechEventType.INTERIM_TRANSCRIPT, "flights from Chennai to")
    await call.left()
    assert call.log.sealed == [("flights from Chennai to", TRUNCATED)]


@pytest.mark.parametrize("hang_up", [True, False], ids=["the caller hangs up", "the agent leaves"])
async def test_messages_too_late_for_an_answer_are_recorded(call: Placed, hang_up: bool) -> None:
    call.room.type("cancel that")
    call.room.type("bye")
    await asyncio.wait_for(call.session.interrupted.wait(), 5)
    if hang_up:
        call.room.leave(DisconnectReason.CLIENT_INITIATED)
        await call.over()
    else:
        await call.left()
    assert call.log.sealed == [("cancel that", FINAL), ("bye", FINAL)]


async def test_a_message_is_recorded_although_the_agent_can_not_be_interrupted(call: Placed) -> None:
    call.session.broken = True
    call.room.type("cancel that")
    call.room.leave(DisconnectReason.CLIENT_INITIATED)
    await call.over()
    assert call.log.sealed == [("cancel that", FINAL)]


async def test_an_answer_that_starts_while_the_caller_is_away_is_replaced_by_an_apology(
    call: Placed,
) -> None:
    call.hears()
    call.session.speeches[-1]._mark_done()
    call.session.hear(SpeechEventType.INTERIM_TRANSCRIPT, "flights from Chennai to")
    call.room.emit("reconnecting")
    call.session.hear(SpeechEventType.FINAL_TRANSCRIPT, "flights from Chennai to Delhi")
    assert call.session.answer("six flights").interrupted
    call.room.emit("reconnected")
    assert call.session.said[-1] == "sorry"
    assert not call.session.speeches[-1].interrupted
    assert call.log.sealed == [("flights from Chennai to Delhi", TRUNCATED)]


@pytest.mark.parametrize("call", ["flights to Delhi"], indirect=True)
async def test_the_answer_after_a_greeting_must_be_heard_too(call: Placed) -> None:
    assert call.session.said == ["hello", "about flights to Delhi"]
    call.call._heard()
    assert not call.call._first_audio.waiting
    call.session.speeches[0]._mark_done()
    await asyncio.sleep(0)
    assert call.call._first_audio.waiting


async def test_a_caller_who_missed_nothing_hears_no_apology(call: Placed) -> None:
    call.session.speeches[-1]._mark_done()
    call.room.leave(DisconnectReason.SIGNAL_CLOSE)
    call.room.enter()
    assert call.session.said == ["hello"]


async def test_a_caller_who_was_lost_before_the_welcome_is_welcomed_again(call: Placed) -> None:
    call.room.leave(DisconnectReason.SIGNAL_CLOSE)
    call.room.enter()
    assert call.session.said == ["hello", "hello"]


async def test_an_interrupted_answer_is_followed_by_an_apology(call: Placed) -> None:
    call.hears()
    call.room.leave(DisconnectReason.SIGNAL_CLOSE)
    assert call.session.speeches[-1].interrupted
    call.room.enter()
    assert call.session.said == ["hello", "sorry"]


async def test_failing_background_work_does_not_replace_the_ending() -> None:
    began = asyncio.Event()

    async def work() -> None:
        began.set()
        raise KeyError("broke")

    async with _running(work()):
        await began.wait()


async def test_background_work_stops_with_the_call() -> None:
    left = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    async with _running(work()):
        await asyncio.sleep(0)
    assert left.is_set()
