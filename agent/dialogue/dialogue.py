"""The turn loop: it answers each utterance with speech and tool calls, and finally ends the call."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime

from agent.dialogue.context import CallerHome, Context
from agent.dialogue.frames import Intent
from agent.dialogue.places import PlaceAnnotator
from agent.dialogue.policy import flow_for
from agent.dialogue.several_requests import first_request
from agent.dialogue.state import About, DialogueState, Question
from agent.dialogue.tools import Tools, ToolUnavailable
from agent.dialogue.turn import Events, Speech, Turn
from agent.language import Language
from agent.language.flight_times import day_of
from agent.language.hearing import Expected, HeardPlace
from agent.language.meanings import Completeness, Expectation
from agent.language.spans import lowered

MOST_REQUESTS = 3
"""Maximum number of requests of one utterance that are answered at once. Then the agent asks to go on."""


class Dialogue:
    """The dialogue of one conversation, one utterance at a time.

    Before the next utterance, exhaust the events of `respond`, or close the generator if the caller
    interrupts. After an early close, the sentences and questions of the events yielded so far count as
    spoken.
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
        """Continue from `state` (see `restored_state`). `patience`: seconds until "one moment" is said."""
        self.state = state or DialogueState()
        self._annotator = annotator
        self._tools = tools
        self._home = home or CallerHome()
        self._new_id = new_id
        self._patience = patience

    @property
    def language(self) -> Language:
        """The language of the conversation."""
        return self._home.language

    def expectation(self) -> Expectation:
        """Return the kind of answer that the open question asks for."""
        return self.state.question.expectation if self.state.question else Expectation.NONE

    def expected(self) -> Expected:
        """Return what the recogniser should expect to hear: the kind of answer, and the mentioned places."""
        draft, question = self.state.draft, self.state.question
        offered = question.offered if question else ()
        known = offered or tuple(filter(None, (draft.origin, draft.destination, draft.via)))
        return Expected(
            self.expectation(),
            self._home.country,
            frozenset(code for place in known for code in (place.code, *place.airport_codes)),
            only_mentioned=len(offered) > 1,
        )

    def completeness(self, text: str) -> Completeness:
        """Return how complete `text` is as an answer to the open question. Endpointing uses this."""
        return self.language.completeness(text, self.expectation())

    def opening(self, *, now: datetime) -> Sequence[Speech]:
        """Return the greeting at the start of a call.

        It mentions the last search of an earlier call, if there is one.
        """
        draft, found = self.state.draft, self.state.flight_list
        if draft.origin and draft.destination and found:
            today = self._context(now).today_at(draft.origin)
            words = self.language.phrase(
                "welcome_back",
                origin=draft.origin.city,
                destination=draft.destination.city,
                day=self.language.day(day_of(found.request.legs[0].departure_date), today),
            )
        else:
            words = self.language.phrase("welcome")
        self.state.last_answer = [words]
        return [Speech(words)]

    async def respond(self, utterance: str, *, now: datetime, heard: Sequence[HeardPlace] = ()) -> Events:
        """Answer a spoken or typed utterance, with the places that the recogniser `heard` in it.

        `now` must be an aware datetime. No text raises an error, and failures of tools become sentences.
        Further requests of the utterance are answered once the first one leaves no question open.
        """
        text, listed = utterance, self.state.flight_list
        for count in itertools.count(1):
            async with aclosing(self._answer_first(text, now, heard, announce=count == 1)) as events:
                async for event in events:
                    yield event
            if self.state.question is not None or not self.state.remembered:
                return
            found = self.state.flight_list
            if count == MOST_REQUESTS or (found is not listed and found and found.total > 1):
                yield self._offer_next_request()
                return
            text, self.state.remembered = self.state.remembered, ""
            yield Speech(self.language.phrase("next_request"))

    def _offer_next_request(self) -> Speech:
        """Ask before going on, because the caller may want one of the flights just read out."""
        self.state.question = Question(About.NEXT_REQUEST, self.language.phrase("offer_next_request"))
        return Speech(self.state.question.words)

    async def _answer_first(
        self, utterance: str, now: datetime, heard: Sequence[HeardPlace], *, announce: bool
    ) -> Events:
        """Answer the first request of an utterance, and remember the text of the others."""
        context = replace(self._context(now), heard=heard)
        try:
            first = await first_request(utterance, self._annotator, context)
        except ToolUnavailable:
            yield Speech(self.language.phrase("unavailable"))
            return
        if first.rest:
            self.state.remembered = first.rest
            if announce:
                yield Speech(self.language.phrase("one_at_a_time"))
        turn = Turn(
            text=lowered(first.text),
            frame=first.frame,
            state=self.state,
            context=context,
            tools=self._tools,
            answered=self.state.question,
            new_id=self._new_id,
            patience=self._patience,
        )
        async with aclosing(_answer(turn)) as events:
            async for event in events:
                yield event

    def _context(self, now: datetime) -> Context:
        state = self.state
        draft, question = state.draft, state.question
        return Context(
            now=now,
            home=self._home,
            awaiting=self.expectation(),
            asked=(question.slot or question.about.value) if question else None,
            origin=draft.origin,
            destination=draft.destination,
            departure_date=draft.day_on(now, self._home.time_zone),
            searched=state.searched,
            offered=state.flight_list is not None,
        )


_ASIDES = frozenset({Intent.FLIGHT_STATUS, Intent.AIRPORT_INFO, Intent.SELECT, Intent.MORE})
_WORTH_REPEATING = frozenset(
    {About.ORIGIN, About.DESTINATION, About.DATE, About.RETURN_DATE, About.CONFIRM_PLACE, About.NEXT_REQUEST}
)


async def _answer(turn: Turn) -> Events:
    """Run the flow and store its sentences as the last answer. After an aside, repeat the open question."""
    state, sentences = turn.state, list[str]()
    state.question = None
    if turn.frame.intent is Intent.GOODBYE:
        state.remembered = ""
    if turn.frame.intent is not Intent.UNKNOWN:
        state.stumbles = 0
    async with aclosing(flow_for(turn)(turn)) as events:
        async for event in events:
            if isinstance(event, Speech) and not event.filler:
                sentences.append(event.text)
                state.last_answer = sentences
            yield event
    question = turn.answered
    aside = turn.frame.intent in _ASIDES and state.question is None
    if aside and question and question.about in _WORTH_REPEATING:
        state.question = question
        yield Speech(question.words)
