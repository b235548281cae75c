"""One turn: tool calls are recorded and published before the agent speaks about them."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any, cast

import pytest
from livekit.agents import llm
from readback.conversation.v1 import entry_pb2

from agent.call.dialogue_llm import DialogueLLM
from agent.call.tool_messages import ToolPublisher
from agent.dialogue.turn import End, Event, Speech, ToolFinished, ToolStarted
from agent.language import ENGLISH
from agent.language.meanings import Completeness
from agent.recording.utterances import ToolCalls

pytestmark = pytest.mark.unit

CALL = entry_pb2.ToolCall(tool_call_id="1", name="search_flights")
RESULT = entry_pb2.ToolResult(tool_call_id="1", name="search_flights", outcome=entry_pb2.TOOL_OUTCOME_EMPTY)
SEARCH: list[Event] = [ToolStarted(CALL), ToolFinished(RESULT)]
ABANDONED = ("result", entry_pb2.TOOL_OUTCOME_ABANDONED)


class Scripted:
    """A dialogue with scripted events."""

    language = ENGLISH

    def __init__(self, *events: Event | Exception | asyncio.Event) -> None:
        self.events, self.heard, self.closed = events, "", False

    def greeting(self, *, resumed: bool, answering: bool = False) -> str:
        return "Hello."

    async def turn(self, text: str) -> AsyncGenerator[Event, None]:
        self.heard = text
        try:
            for event in self.events:
                if isinstance(event, Exception):
                    raise event
                if isinstance(event, asyncio.Event):
                    await event.wait()
                else:
                    yield event
        finally:
            self.closed = True

    def completeness(self, text: str) -> Completeness:
        return Completeness.UNKNOWN


class Diary(ToolPublisher):
    """Everything recorded, published and done, in order."""

    def __init__(self) -> None:
        self.lines: list[tuple[Any, ...]] = []
        self.sentences: list[str] = []
        self.in_the_log = True

    async def recorded(self) -> bool:
        return self.in_the_log

    def tool_call(self, call: entry_pb2.ToolCall) -> None:
        self.lines.append(("call", call.name))

    def tool_result(self, result: entry_pb2.ToolResult) -> None:
        self.lines.append(("result", result.outcome))

    async def publish(self, call: entry_pb2.ToolCall, result: entry_pb2.ToolResult) -> None:
        self.lines.append(("published", call, result))

    def hang_up(self) -> None:
        self.lines.append(("hang up",))


Answer = Callable[..., llm.LLMStream]


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
def answer(diary: Diary) -> Answer:
    def answering(dialogue: Scripted, *said: str) -> llm.LLMStream:
        chat = llm.ChatContext.empty()
        for words in said:
            chat.add_message(role="user", content=words)
        calls = ToolCalls(cast("Any", diary))
        model = DialogueLLM(
            cast("Any", dialogue), diary.recorded, calls, diary, diary.hang_up, diary.sentences.append
        )
        return model.chat(chat_ctx=chat)

    return answering


async def _spoken(stream: llm.LLMStream, diary: Diary) -> None:
    async with stream:
        async for chunk in stream:
            assert chunk.delta is not None
            diary.lines.append(("say", chunk.delta.content))


async def test_the_last_message_is_answered(answer: Answer, diary: Diary) -> None:
    dialogue = Scripted(Speech("Six flights."), Speech("Which one?"))
    await _spoken(answer(dialogue, "hello", "flights to Delhi"), diary)
    assert dialogue.heard == "flights to Delhi"
    assert diary.lines == [("say", "Six flights. "), ("say", "Which one? ")]
    assert diary.sentences == ["Six flights.", "Which one?"]


async def test_a_tool_call_is_recorded_and_published_before_the_agent_speaks_about_it(
    answer: Answer, diary: Diary
) -> None:
    await _spoken(answer(Scripted(*SEARCH, Speech("None.")), "flights"), diary)
    assert diary.lines == [
        ("call", "search_flights"),
        ("result", entry_pb2.TOOL_OUTCOME_EMPTY),
        ("published", CALL, RESULT),
        ("say", "None. "),
    ]


async def test_words_that_are_not_in_the_log_never_reach_the_dialogue(answer: Answer, diary: Diary) -> None:
    dialogue, diary.in_the_log = Scripted(*SEARCH, Speech("None.")), False
    await _spoken(answer(dialogue, "book the second one"), diary)
    assert dialogue.heard == ""
    ((said, words),) = diary.lines
    assert (said, "sorry" in words) == ("say", True)


async def test_goodbye_hangs_up(answer: Answer, diary: Diary) -> None:
    await _spoken(answer(Scripted(Speech("Goodbye."), End()), "bye"), diary)
    assert ("hang up",) in diary.lines


async def test_a_failing_dialogue_apologises_and_hides_the_error(answer: Answer, diary: Diary) -> None:
    await _spoken(answer(Scripted(SEARCH[0], RuntimeError("secret"))), diary)
    words = " ".join(line[1] for line in diary.lines if line[0] == "say")
    assert "sorry" in words.lower()
    assert "secret" not in words
    assert ABANDONED in diary.lines


async def test_an_interrupted_turn_closes_the_dialogue_and_abandons_its_tools(
    answer: Answer, diary: Diary
) -> None:
    dialogue = Scripted(SEARCH[0], Speech("One moment."), asyncio.Event())
    stream = answer(dialogue, "flights")
    await anext(stream)
    await stream.aclose()
    assert dialogue.closed
    assert diary.lines == [("call", "search_flights"), ABANDONED]
