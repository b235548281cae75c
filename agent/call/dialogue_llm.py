"""The dialogue as livekit-agents' LLM: a turn of the customer goes in, the answer comes out as it is made."""

from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import structlog
from livekit.agents import APIConnectOptions, llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr

from agent.call.announcements import Announcements
from agent.call.flight_cards import flights_card
from agent.call.turns import Dialogue
from agent.dialogue.turn import End, Event, Speech, ToolFinished, ToolStarted
from agent.recording.utterances import Actions
from mesh.ids import uuid7

_log = structlog.get_logger(__name__)
_SORRY = "I'm sorry, something went wrong on my side. Could you say that again?"


class PolicyLLM(llm.LLM[Any]):
    """Answers with a `Dialogue`, and sees to it that what it does is recorded and announced before it is spoken of."""

    def __init__(
        self, dialogue: Dialogue, actions: Actions, announcements: Announcements, hang_up: Callable[[], None]
    ) -> None:
        super().__init__()
        self.dialogue = dialogue
        self.actions = actions
        self.announcements = announcements
        self.hang_up = hang_up

    @property
    def model(self) -> str:
        """Name of the model, for usage reports."""
        return "policy"

    @property
    def provider(self) -> str:
        """Where it runs."""
        return "local"

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,  # noqa: ARG002 - the framework's signature; the dialogue has tools of its own
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,  # noqa: ARG002 - see above
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,  # noqa: ARG002 - see above
    ) -> "TurnStream":
        """Answers the customer's last words."""
        return TurnStream(self, chat_ctx, tools or [], conn_options)


class TurnStream(llm.LLMStream):
    """One turn. Cancelled when the customer barges in."""

    def __init__(
        self,
        policy: PolicyLLM,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        conn_options: APIConnectOptions,
    ) -> None:
        super().__init__(policy, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options)
        self._policy = policy
        self._turn_id = uuid7()
        self._started: dict[str, ToolStarted] = {}

    async def _run(self) -> None:
        try:
            async with aclosing(self._policy.dialogue.turn(_last_words(self._chat_ctx))) as events:
                async for event in events:
                    await self._handle(event)
        except Exception:  # noqa: BLE001 - whatever it is, the caller hears a sentence and the call goes on
            _log.exception("turn failed")
            self._say(_SORRY)
        finally:
            self._policy.actions.abandon()

    async def _handle(self, event: Event) -> None:
        match event:
            case Speech(text):
                self._say(text)
            case ToolStarted(tool_call_id, name, arguments):
                self._started[tool_call_id] = event
                self._policy.actions.called(tool_call_id, name, arguments)
            case ToolFinished():
                await self._tool_finished(self._started[event.tool_call_id], event)
            case End():
                self._policy.hang_up()

    async def _tool_finished(self, started: ToolStarted, finished: ToolFinished) -> None:
        self._policy.actions.answered(finished.tool_call_id, finished.outcome, finished.result)
        await self._policy.announcements.tool(
            started.tool_call_id, started.name, started.arguments, finished.outcome
        )
        card = flights_card(started.arguments, finished)
        if card is not None:
            await self._policy.announcements.flights(card)

    def _say(self, text: str) -> None:
        self._event_ch.send_nowait(
            llm.ChatChunk(id=self._turn_id, delta=llm.ChoiceDelta(role="assistant", content=text + " "))
        )


def _last_words(chat_ctx: llm.ChatContext) -> str:
    words = (
        item.text_content
        for item in reversed(chat_ctx.items)
        if item.type == "message" and item.role == "user"
    )
    return next(words, None) or ""
