"""Utterances with context as JSON: `{"text": …, "question": …, "frame": …}`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from agent.dialogue.context import Context
from agent.language.spans import lowered
from cli.errors import UsageError

if TYPE_CHECKING:
    from agent.dialogue.places import Place


def utterance_of(line: str, context: Context) -> tuple[str, Context]:
    """Return the text of a line and its context. A line that is no JSON object is itself the text.

    Raises:
        UsageError: the object has no text, or a part of it has the wrong type.
    """
    if not line.lstrip().startswith("{"):
        return line, context
    try:
        given = json.loads(line)
    except ValueError:
        return line, context
    text, question, frame = given.get("text"), given.get("question") or "", given.get("frame") or {}
    if not isinstance(text, str) or not isinstance(question, str) or not isinstance(frame, Mapping):
        raise UsageError('a JSON line needs "text"; "question" is a text and "frame" an object.')
    awaiting, asked = context.language.asked_by(lowered(question))
    return text, _after(frame, replace(context, awaiting=awaiting, asked=asked))


def _after(frame: Mapping[str, Any], context: Context) -> Context:
    """Return the context after an earlier frame, in which its route and its day are known."""
    slots = frame.get("slots")
    if not isinstance(slots, Mapping):
        return context
    origin, destination = _place(slots.get("origin")), _place(slots.get("destination"))
    day = _day(slots.get("departure_date"))
    searched = origin is not None and destination is not None and day is not None
    return replace(
        context,
        origin=origin,
        destination=destination,
        departure_date=day,
        searched=searched,
        # A slot that is still missing was asked for, even if no question is given.
        asked=context.asked or (None if searched else "several"),
    )


def _place(slot: object) -> Place | None:
    # Imported here because the import takes 0.3 seconds.
    from agent.dialogue.places import Place
    from services.flightdata import places
    from services.flightdata.places import PlaceNotFound
    from services.flightdata.wire import place_messages

    code = slot.get("place") if isinstance(slot, Mapping) else slot
    try:
        return Place.of(place_messages.place(places.place(code))) if isinstance(code, str) else None
    except PlaceNotFound:
        raise UsageError(f"{code!r} is not the code of a place.") from None


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        raise UsageError(f"{value!r} is not a date; write YYYY-MM-DD.") from None
