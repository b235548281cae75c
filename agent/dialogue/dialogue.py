"""The turn loop: an utterance in; speech, tool use and, in the end, leave out."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import datetime

from agent.dialogue.caller_home import CallerHome
from agent.dialogue.frames import Frame, Intent
from agent.dialogue.places import PlaceAnnotator
from agent.dialogue.policy import flow_for
from agent.dialogue.state import About, DialogueState
from agent.dialogue.tool_use import FILLER
from agent.dialogue.tools import Tools, ToolUnavailable
from agent.dialogue.turn import Events, Speech, Turn
from agent.dialogue.understanding import LONGEST, Context, understand
from agent.language.en.completeness import completeness
from agent.language.en.phrases import phrase
from agent.language.en.spoken_forms import day
from agent.language.meanings import Completeness, Expectation
from agent.language.spans import lowered


class Dialogue:
    """One conversation. One utterance at a time: read `respond` to its end, or close it (the caller spoke over it), before the next.

    What has been said and asked by then holds; a turn that was closed early goes on from there.
    """

    def __init__(
        self,
        annotator: PlaceAnnotator,
        tools: Tools,
        *,
        state: DialogueState | None = None,
        home: CallerHome | None = None,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        patience: float = 1.5,
    ) -> None:
        """`state` is that of earlier calls (`DialogueState.restored`); `patience` seconds pass before "one moment" when a tool is slow."""
        self.state = state or DialogueState()
        self._annotator = annotator
        self._tools = tools
        self._home = home or CallerHome()
        self._new_id = new_id
        self._patience = patience

    def expectation(self) -> Expectation:
        """What kind of answer the last question awaits."""
        return self.state.question.expectation if self.state.question else Expectation.NONE

    def completeness(self, text: str) -> Completeness:
        """Whether `text`, as recognised so far, is a whole answer here; for endpointing."""
        return completeness(text, self.expectation())

    def opening(self, *, now: datetime) -> Sequence[Speech]:
        """What to say when a call begins; it takes up the last search of an earlier call."""
        draft, offer = self.state.draft, self.state.offer
        if draft.origin and draft.destination and offer:
            when = day(offer.request.depart_date, self._context(now).today_at(draft.origin))
            words = phrase(
                "welcome_back", origin=draft.origin.city, destination=draft.destination.city, day=when
            )
        else:
            words = phrase("welcome")
        self.state.said = [words]
        return [Speech(words)]

    async def respond(self, utterance: str, *, now: datetime) -> Events:
        """Answers what was said or typed. `now` is aware. Never raises for any text; a failing tool is spoken of."""
        frame = await self._understood(utterance, now)
        if frame is None:
            yield Speech(phrase("unavailable"))
            return
        turn = Turn(
            text=lowered(utterance[:LONGEST]),
            frame=frame,
            state=self.state,
            context=self._context(now),
            tools=self._tools,
            answered=self.state.question,
            new_id=self._new_id,
            patience=self._patience,
        )
        async with aclosing(_answer(turn)) as events:
            async for event in events:
                yield event

    async def _understood(self, utterance: str, now: datetime) -> Frame | None:
        try:
            return await understand(utterance, self._annotator, self._context(now))
        except ToolUnavailable:
            return None

    def _context(self, now: datetime) -> Context:
        state = self.state
        draft, question = state.draft, state.question
        return Context(
            now=now,
            home_country=self._home.country,
            home_zone=self._home.time_zone,
            awaiting=self.expectation(),
            asked=(question.slot or question.about.value) if question else None,
            origin=draft.origin,
            destination=draft.destination,
            depart_date=draft.day_on(now, self._home.time_zone),
            searched=state.searched,
            offered=state.offer is not None,
        )


_ASIDES = frozenset({Intent.FLIGHT_STATUS, Intent.AIRPORT_INFO, Intent.SELECT, Intent.MORE})
_WORTH_ASKING_AGAIN = frozenset({About.ORIGIN, About.DESTINATION, About.DATE, About.CONFIRM_PLACE})


async def _answer(turn: Turn) -> Events:
    """Runs the flow; remembers what was said, and comes back to the open question after an aside."""
    state, said = turn.state, list[str]()
    state.question = None
    if turn.frame.intent is not Intent.UNKNOWN:
        state.stumbles = 0
    async with aclosing(flow_for(turn)(turn)) as events:
        async for event in events:
            if isinstance(event, Speech) and event != FILLER:
                said.append(event.text)
                state.said = said
            yield event
    open_before = turn.answered
    if (
        state.question is None
        and open_before
        and turn.frame.intent in _ASIDES
        and open_before.about in _WORTH_ASKING_AGAIN
    ):
        state.question = open_before
        yield Speech(open_before.words)
