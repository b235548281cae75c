"""Adapter of the dialogue to livekit-agents' LLM interface. It streams an answer to the customer's words."""

from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import structlog
from livekit.agents import APIConnectOptions, llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr

from agent.call.tool_messages import ToolPublisher
from agent.dialogue.dialogue import Dialogue
from agent.dialogue.turn import End, Event, Speech, ToolFinished, ToolStarted
from agent.language.hearing import Transcript
from agent.recording.utterances import ToolCalls
from mesh.clock import Clock
from mesh.ids import uuid7

_log = structlog.get_logger(__name__)
_MERGED_TRANSCRIPTS = 8
"""Maximum number of utterances that one turn is expected to join."""


class TimedDialogue:
    """The dialogue of one call, with a clock and with the greeting after a lost connection."""

    def __init__(self, dialogue: Dialogue, clock: Clock) -> None:
        self._dialogue, self._clock = dialogue, clock
        self.language, self.completeness = dialogue.language, dialogue.completeness
        self.expected = dialogue.expected
        self._transcripts = deque[Transcript](maxlen=_MERGED_TRANSCRIPTS)

    def greeting(self, *, resumed: bool, answering: bool = False) -> str:
        """Return a welcome. If the call is `resumed` after a loss, return an apology and the open question.

        With `answering` the question is left out, because an answer follows immediately.
        """
        if not resumed and answering:
            return self.language.phrase("welcome_answering")
        if not resumed:
            return " ".join(speech.text for speech in self._dialogue.opening(now=self._clock.now()))
        apology = self.language.phrase("caller_back")
        if answering:
            return apology
        question = self._dialogue.state.question
        return f"{apology} {question.words if question else self.language.phrase('please_go_on')}"

    def silence_question(self) -> str:
        """Return the question whether the caller is there, followed by the open question."""
        question = self._dialogue.state.question
        return f"{self.language.phrase('still_there')} {question.words if question else ''}".strip()

    def heard(self, transcript: Transcript) -> None:
        """Keep the transcript of a finished utterance, for the places in the turn that has its words."""
        self._transcripts.append(transcript)

    def turn(self, text: str) -> AsyncGenerator[Event, None]:
        """Yield the events of the answer to the customer's words. Close the generator if they interrupt."""
        spoken = [
            transcript for transcript in self._transcripts if transcript.text and transcript.text in text
        ]
        heard = {place.name: place for transcript in spoken for place in transcript.places}
        return self._dialogue.respond(text, now=self._clock.now(), heard=tuple(heard.values()))


class DialogueLLM(llm.LLM[Any]):
    """LLM whose answers come from the dialogue.

    It answers the customer's words only after `recorded` has confirmed that they are in the log. It records
    and publishes each tool call before the agent speaks about the result.
    """

    def __init__(
        self,
        dialogue: TimedDialogue,
        recorded: Callable[[], Awaitable[bool]],
        tool_calls: ToolCalls,
        publisher: ToolPublisher,
        hang_up: Callable[[], None],
        on_sentence: Callable[[str], None],
    ) -> None:
        super().__init__()
        self.dialogue = dialogue
        self.recorded = recorded
        self.tool_calls = tool_calls
        self.publisher = publisher
        self.hang_up = hang_up
        self.on_sentence = on_sentence

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,  # noqa: ARG002 - the dialogue has its own tools
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,  # noqa: ARG002 - see above
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,  # noqa: ARG002 - see above
    ) -> "TurnStream":
        """Return the stream that answers the customer's last message."""
        return TurnStream(self, chat_ctx, tools or [], conn_options)


class TurnStream(llm.LLMStream):
    """The answer of one turn. The framework cancels it when the customer interrupts."""

    def __init__(
        self,
        dialogue_llm: DialogueLLM,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        conn_options: APIConnectOptions,
    ) -> None:
        super().__init__(dialogue_llm, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options)
        self._call = dialogue_llm
        self._turn_id = uuid7()

    async def _run(self) -> None:
        try:
            if not await self._call.recorded():
                _log.error("turn stopped; its words are not in the log")
                self._say(self._call.dialogue.language.phrase("turn_failed"))
                return
            async with aclosing(self._call.dialogue.turn(_last_user_text(self._chat_ctx))) as events:
                async for event in events:
                    await self._handle(event)
        except Exception:  # noqa: BLE001 - for any error the caller hears an apology and the call continues
            _log.exception("turn failed")
            self._say(self._call.dialogue.language.phrase("turn_failed"))
        finally:
            self._call.tool_calls.abandon()

    async def _handle(self, event: Event) -> None:
        match event:
            case Speech(text):
                self._say(text)
            case ToolStarted(call):
                self._call.tool_calls.start(call)
            case ToolFinished(result):
                call = self._call.tool_calls.finish(result)
                await self._call.publisher.publish(call, result)
            case End():
                self._call.hang_up()

    def _say(self, text: str) -> None:
        self._call.on_sentence(text)
        self._event_ch.send_nowait(
            llm.ChatChunk(id=self._turn_id, delta=llm.ChoiceDelta(role="assistant", content=text + " "))
        )


def _last_user_text(chat_ctx: llm.ChatContext) -> str:
    texts = (i.text_content for i in reversed(chat_ctx.items) if i.type == "message" and i.role == "user")
    return next(texts, None) or ""
