"""What isn't about a flight: greetings, help, repetition, thanks, leave, and what can't be done or understood."""

from __future__ import annotations

from agent.dialogue.state import About
from agent.dialogue.turn import End, Events, Speech, Turn
from agent.language.en.cues import plain_words
from agent.language.en.phrases import phrase, phrases

PATIENCE_FOR_STUMBLES = 2
"""From this many utterances in a row that weren't understood, the answer explains more."""


async def greet(_: Turn) -> Events:
    """Greets back."""
    yield Speech(phrase("hello_again"))


async def give_help(turn: Turn) -> Events:
    """What the agent can do, with something to say."""
    yield Speech(phrase("help", example=phrases()["example"]))
    yield _open_question_again(turn)


async def repeat(turn: Turn) -> Events:
    """The last answer again, word for word."""
    turn.state.question = turn.answered
    for text in turn.state.said or [phrase("nothing_to_repeat")]:
        yield Speech(text)


async def thanks(turn: Turn) -> Events:
    """Takes thanks and asks whether that was all."""
    yield turn.ask(About.ANYTHING_ELSE, "thanks")


async def farewell(_: Turn) -> Events:
    """Takes leave and ends the call."""
    yield Speech(phrase("farewell"))
    yield End()


async def out_of_scope(turn: Turn) -> Events:
    """Says honestly what can't be done, and keeps the question that was open."""
    words = phrase(f"topic_{turn.frame.slots.topic or 'booking'}")
    if words.endswith("?"):
        turn.ask(About.SEARCH_AT_ALL, f"topic_{turn.frame.slots.topic}")
        yield Speech(words)
        return
    yield Speech(words)
    if turn.answered:
        yield _open_question_again(turn)


async def not_understood(turn: Turn) -> Events:
    """Says so, and asks again what was asked, or gives an example."""
    turn.state.stumbles += 1
    if not plain_words(turn.text):
        yield Speech(phrase("silence"))
    elif turn.state.stumbles >= PATIENCE_FOR_STUMBLES:
        yield Speech(phrase("still_not_understood"))
    else:
        yield Speech(phrase("not_understood"))
    if turn.answered or turn.state.stumbles >= PATIENCE_FOR_STUMBLES:
        yield _open_question_again(turn)
    else:
        yield Speech(phrase("try_saying", example=phrases()["example"]))


def _open_question_again(turn: Turn) -> Speech:
    """The question that was open stays open and is asked again; without one, a general one."""
    turn.state.question = turn.answered
    return Speech(turn.answered.words if turn.answered else phrase("go_on"))
