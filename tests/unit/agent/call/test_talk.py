"""The dialogue in a call: a welcome, an apology, and judgements that the ears understand."""

from datetime import UTC, datetime

import pytest

from agent.call.talk import Talk
from agent.dialogue.dialogue import Dialogue
from agent.dialogue.turn import Speech
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit


class Nowhere:
    """Places and tools of a world without airports."""

    async def annotate(self, text: str, *, home_country: str) -> list[object]:
        return []


@pytest.fixture
def dialogue() -> Dialogue:
    return Dialogue(Nowhere(), Nowhere())  # type: ignore[arg-type]


@pytest.fixture
def talk(dialogue: Dialogue) -> Talk:
    return Talk(dialogue, SimulatedClock(datetime(2026, 11, 23, 9, tzinfo=UTC)))


def test_a_call_begins_with_a_welcome(talk: Talk) -> None:
    assert "Readback" in talk.greeting(resumed=False)


def test_after_a_loss_the_agent_says_so_and_asks_the_caller_to_go_on(talk: Talk) -> None:
    assert talk.greeting(resumed=True) == "Sorry, I lost you for a moment. Please go on."


def test_an_answer_that_follows_needs_no_invitation(talk: Talk) -> None:
    assert talk.greeting(resumed=True, answering=True) == "Sorry, I lost you for a moment."


async def test_an_open_question_is_asked_again_after_a_loss(talk: Talk, dialogue: Dialogue) -> None:
    spoken = [event.text async for event in talk.turn("I want to fly tomorrow") if isinstance(event, Speech)]
    assert dialogue.state.question is not None
    assert talk.greeting(resumed=True).endswith(dialogue.state.question.words)
    assert spoken


def test_completeness_is_judged_in_the_ears_words(talk: Talk) -> None:
    assert talk.completeness("flights from Chennai to") == "incomplete"
    assert talk.completeness("flights from Chennai to Delhi tomorrow morning") == "complete"
