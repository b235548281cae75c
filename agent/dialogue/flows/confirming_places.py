"""Uncertain places: ask which airport or city the caller means, read the answer, and remember it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from agent.dialogue.frames import PlaceSlot
from agent.dialogue.places import Place
from agent.dialogue.state import About, DialogueState, Question, Unsure
from agent.dialogue.turn import Speech, Turn

LONGEST_NAME = 40
"""Maximum length of an unknown name that the agent repeats. Longer text is noise, not a name."""


def fill_place(turn: Turn, slot_name: str, slot: PlaceSlot) -> Iterator[Speech]:
    """Put a certain place into the draft, store an uncertain one for a question, or report an unknown one."""
    state, words = turn.state, slot.text.lower()
    state.unsure.pop(slot_name, None)
    if words in state.learned:
        set_place(state, slot_name, state.learned[words])
    elif slot.place and slot.confident:
        learn(state, slot_name, slot.place)
        set_place(state, slot_name, slot.place)
    else:
        set_place(state, slot_name, None)
        places = _one_per_city(slot.places)
        state.doubted[slot_name] = (words, places)
        if places:
            state.unsure[slot_name] = Unsure(places, slot.question)
        else:
            yield unknown_place(turn, slot.text)


def set_place(state: DialogueState, slot_name: str, place: Place | None) -> None:
    """Set the origin or destination of the draft."""
    changes: dict[str, Any] = {slot_name: place}
    state.draft = replace(state.draft, **changes)


def learn(state: DialogueState, slot_name: str, place: Place) -> None:
    """Remember `place` as the meaning of the uncertain words of a slot.

    If `place` is none of their candidates, the caller has changed their mind, so nothing is remembered. If
    the words are the name of another candidate, the recogniser was wrong, and may be right the next time.
    """
    words, places = state.doubted.pop(slot_name, ("", ()))
    named = [candidate.city for candidate in places if candidate.city.lower() == words]
    if words and (not places or (place in places and (not named or place.city in named))):
        state.learned[words] = place


def unknown_place(turn: Turn, text: str) -> Speech:
    """Return the sentence for a place name that is unknown."""
    if len(text) > LONGEST_NAME:
        return turn.say("place_not_caught")
    return turn.say("unknown_place", text=text.title())


def _one_per_city(places: Iterable[Place]) -> tuple[Place, ...]:
    """Return one place per city, because a question with the same city twice makes no sense."""
    by_city: dict[tuple[str, str], Place] = {}
    for place in places:
        by_city.setdefault((place.city, place.country_code), place)
    return tuple(by_city.values())


def confirm_place(turn: Turn, name: str = "confirm_place") -> Speech:
    """Ask about the first uncertain place. Use the flight-data service's question, else the phrase `name`."""
    slot_name, unsure = next(iter(turn.state.unsure.items()))
    names = [turn.language.place_name(place.city, place.country) for place in unsure.places]
    words = unsure.question or turn.language.phrase(name, place=names[0])
    offered = tuple(place for place, name in zip(unsure.places, names, strict=True) if name in words)
    return turn.question(Question(About.CONFIRM_PLACE, words, slot_name, unsure.places, offered))


def picked_place(turn: Turn) -> Place | None:
    """Return the place that the caller picks from those offered: "the second one", "the one in Japan"."""
    question = turn.answered
    offered = question.offered if question and question.about is About.CONFIRM_PLACE else ()
    if len(offered) < 2:
        return None
    choice = turn.frame.slots.choice
    if choice and choice.ordinal is not None:
        index = len(offered) - 1 if choice.ordinal < 0 else choice.ordinal - 1
        return offered[index] if index < len(offered) else None
    named = [
        place
        for place in offered
        if turn.language.names_country(turn.text, place.country, place.country_code)
    ]
    return named[0] if len(named) == 1 else None


def settle_place(turn: Turn, place: Place) -> None:
    """Fill the slot of the answered question with `place`, and remember it."""
    assert turn.answered is not None
    slot_name = turn.answered.slot
    set_place(turn.state, slot_name, place)
    turn.state.unsure.pop(slot_name, None)
    learn(turn.state, slot_name, place)


def next_guess(turn: Turn) -> Speech | None:
    """After a no to the first candidate, return a question about the second.

    Return None if there is no other candidate to offer. The agent then asks for the name again.
    """
    question = turn.answered
    assert question is not None
    remaining = question.places[1:2]
    if remaining and len(question.offered) < 2:
        turn.state.unsure[question.slot] = Unsure(remaining)
        return confirm_place(turn, "confirm_other_place")
    turn.state.unsure.pop(question.slot, None)
    return None
