"""Small talk: greetings, help, repetition, thanks, goodbye; replies to unsupported or unclear requests."""

from __future__ import annotations

from agent.dialogue.state import About
from agent.dialogue.turn import End, Events, Speech, Turn

MAX_STUMBLES = 2
"""Number of consecutive utterances not understood, after which the answer explains more."""


async def greet(turn: Turn) -> Events:
    """Greet the caller."""
    yield turn.say("hello_again")


async def give_help(turn: Turn) -> Events:
    """Explain what the agent can do, with an example."""
    yield turn.say("help", example=turn.language.phrases()["example"])
    yield _repeat_question(turn)


async def repeat(turn: Turn) -> Events:
    """Repeat the last answer word for word."""
    turn.state.question = turn.answered
    for text in turn.state.last_answer or [turn.language.phrase("nothing_to_repeat")]:
        yield Speech(text)


async def thanks(turn: Turn) -> Events:
    """Respond to thanks, and ask if there is anything else."""
    yield turn.ask(About.ANYTHING_ELSE, "thanks")


async def farewell(turn: Turn) -> Events:
    """Say goodbye, and end the call."""
    yield turn.say("farewell")
    yield End()


async def out_of_scope(turn: Turn) -> Events:
    """Say that the agent can't do this, and repeat the open question."""
    name = f"topic_{turn.frame.slots.topic or 'booking'}"
    speech = turn.say(name)
    if speech.text.endswith("?"):
        yield turn.ask(About.SEARCH_AT_ALL, name)
        return
    yield speech
    if turn.answered:
        yield _repeat_question(turn)


async def not_understood(turn: Turn) -> Events:
    """Say that the agent didn't understand. Then repeat the open question or give an example."""
    turn.state.stumbles += 1
    stumbled_often = turn.state.stumbles >= MAX_STUMBLES
    if not turn.language.plain_words(turn.text):
        yield turn.say("silence")
    else:
        yield turn.say("still_not_understood" if stumbled_often else "not_understood")
    if turn.answered or stumbled_often:
        yield _repeat_question(turn)
    else:
        yield turn.say("try_saying", example=turn.language.phrases()["example"])


def _repeat_question(turn: Turn) -> Speech:
    """Return the open question and keep it open. If there is none, return a general question."""
    turn.state.question = turn.answered
    return Speech(turn.answered.words) if turn.answered else turn.say("go_on")
