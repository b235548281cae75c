"""The greeting of a call: a welcome, or an apology after a loss."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from agent.call.dialogue_llm import TimedDialogue
from agent.dialogue.dialogue import Dialogue
from agent.dialogue.turn import Events, Speech
from agent.language.hearing import HeardPlace, Transcript
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit


class Nowhere:
    """Places and tools without any airport."""

    async def annotate(self, text: str, *, home_country: str) -> list[object]:
        return []


class Questioned(Dialogue):
    """A dialogue that keeps what the recogniser heard."""

    heard: Sequence[HeardPlace] = ()

    def respond(self, utterance: str, *, now: datetime, heard: Sequence[HeardPlace] = ()) -> Events:
        self.heard = heard
        return super().respond(utterance, now=now, heard=heard)


@pytest.fixture
def dialogue() -> Dialogue:
    return Dialogue(Nowhere(), Nowhere())  # type: ignore[arg-type]


@pytest.fixture
def timed(dialogue: Dialogue) -> TimedDialogue:
    return TimedDialogue(dialogue, SimulatedClock(datetime(2026, 11, 23, 9, tzinfo=UTC)))


def test_a_call_begins_with_a_welcome(timed: TimedDialogue) -> None:
    assert "Readback" in timed.greeting(resumed=False)


def test_after_a_loss_the_agent_apologises_and_asks_the_caller_to_go_on(timed: TimedDialogue) -> None:
    assert timed.greeting(resumed=True) == "Sorry, I lost you for a moment. Please go on."


def test_an_answer_that_follows_needs_no_invitation(timed: TimedDialogue) -> None:
    assert timed.greeting(resumed=True, answering=True) == "Sorry, I lost you for a moment."


def test_a_welcome_before_an_answer_asks_nothing(timed: TimedDialogue) -> None:
    assert timed.greeting(resumed=False, answering=True) == "Hello, this is Readback."


async def test_a_silent_caller_is_asked_the_open_question_again(
    timed: TimedDialogue, dialogue: Dialogue
) -> None:
    assert timed.silence_question() == "Are you still there? You can also type."
    async for _ in timed.turn("I want to fly tomorrow"):
        pass
    assert dialogue.state.question is not None
    assert timed.silence_question().endswith(dialogue.state.question.words)


async def test_an_open_question_is_asked_again_after_a_loss(timed: TimedDialogue, dialogue: Dialogue) -> None:
    spoken = [event.text async for event in timed.turn("I want to fly tomorrow") if isinstance(event, Speech)]
    assert dialogue.state.question is not None
    assert timed.greeting(resumed=True).endswith(dialogue.state.question.words)
    assert spoken


def test_completeness_is_judged_by_the_dialogue(timed: TimedDialogue) -> None:
    assert timed.completeness("flights from Chennai to") == "incomplete"
    assert timed.completeness("flights from Chennai to Delhi tomorrow morning") == "complete"


async def test_a_turn_gets_the_heard_places_of_its_own_words_only() -> None:
    dialogue = Questioned(Nowhere(), Nowhere())  # type: ignore[arg-type]
    timed = TimedDialogue(dialogue, SimulatedClock(datetime(2026, 11, 23, 9, tzinfo=UTC)))
    goa, pune, patna = HeardPlace("Goa", 1.0), HeardPlace("Pune", 1.0), HeardPlace("Patna", 3.0)
    timed.heard(Transcript("Goa please", places=(goa,)))
    timed.heard(Transcript("from Pune", places=(pune,)))
    timed.heard(Transcript("to Patna", places=(patna,)))
    await timed.turn("from Pune to Patna").aclose()
    assert dialogue.heard == (pune, patna)
