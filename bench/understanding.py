"""Share of requests that get the right frame: the right intent, all right slots, and no other slot.

    python -m bench.understanding [--json] [--failures]

The requests are in `understanding/`: `tuning.jsonl` was used while the grammar was written, `held_out.jsonl`
was written before the grammar and is used only for the score. The product's lexicon finds the places, without
a server. A line is

    {"text": …, "frame": {"intent": …, "slots": {…}}, "context": {"awaiting": …, "searched": true}}

where places are codes. `awaiting` is the subject of the agent's last question ("origin", "destination",
"date", "flight_number", "yes_no"). `searched` means that the agent has just read out flights from Chennai to
Delhi on the next day. Today is Monday, 2026-11-23.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from readback.flightdata.v1 import places_pb2

from agent.dialogue.context import Context
from agent.dialogue.places import Place
from agent.dialogue.understanding import understand
from agent.language.meanings import Expectation
from services.flightdata import places
from services.flightdata.wire.place_messages import annotation as annotation_message
from services.flightdata.wire.place_messages import place as place_message

CORPUS = Path(__file__).parent / "understanding"
TODAY = date(2026, 11, 23)
FILES = ("tuning", "held_out")
_PLACE_SLOTS = frozenset({"origin", "destination", "airport"})


class LexiconPlaces:
    """A `PlaceAnnotator` over the lexicon, without a server."""

    async def annotate(self, text: str, *, home_country: str) -> Sequence[places_pb2.PlaceAnnotation]:
        """Return the places named in a text."""
        return [annotation_message(found) for found in places.annotate(text, home_country=home_country)]


@dataclass(frozen=True)
class Case:
    """One request: its text, its context and its expected frame."""

    text: str
    expected: Mapping[str, Any]
    context: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """A case and the frame that it got."""

    case: Case
    got: Mapping[str, Any]

    @property
    def right(self) -> bool:
        """True if intent and all slots are right."""
        return self.got == self.case.expected

    @property
    def intent_right(self) -> bool:
        """True if the intent is right."""
        return bool(self.got["intent"] == self.case.expected["intent"])


def read_cases(name: str) -> Iterator[Case]:
    """Yield the cases of one file of the corpus."""
    for line in (CORPUS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        yield Case(entry["text"], entry["frame"], entry.get("context", {}))


def _place(code: str) -> Place:
    return Place.of(place_message(places.place(code)))


def context_of(case: Case) -> Context:
    """Return the state of the conversation before the case."""
    context = Context.pinned(TODAY)
    awaiting = case.context.get("awaiting", "none")
    if awaiting in ("origin", "destination"):
        context = replace(context, awaiting=Expectation.PLACE, asked=awaiting)
    else:
        context = replace(context, awaiting=Expectation(awaiting))
    if not case.context.get("searched"):
        return context
    return replace(
        context,
        searched=True,
        offered=True,
        origin=_place("MAA"),
        destination=_place("DEL"),
        departure_date=date(2026, 11, 24),
    )


def comparable(frame: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a frame as in the corpus: places as codes (as words if unknown), without confidence."""
    slots = {
        name: value.get("place", value["text"]) if name in _PLACE_SLOTS else value
        for name, value in frame["slots"].items()
    }
    return {"intent": frame["intent"], "slots": slots}


async def measure(name: str) -> list[Outcome]:
    """Run the understanding on all cases of a file."""
    annotator = LexiconPlaces()
    outcomes = []
    for case in read_cases(name):
        frame = await understand(case.text, annotator, context_of(case))
        outcomes.append(Outcome(case, comparable(frame.to_json())))
    return outcomes


def summary(name: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the figures of one file."""
    right, intents = (
        sum(getattr(outcome, what) for outcome in outcomes) for what in ("right", "intent_right")
    )
    count = len(outcomes)
    shares = {"share": round(right / count, 3), "intent_share": round(intents / count, 3)}
    return {"corpus": name, "requests": count, "frames_right": right, **shares}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per file")
    parser.add_argument(
        "--failures", action="store_true", help="show the misunderstood requests of the tuning file"
    )
    arguments = parser.parse_args()
    for name in FILES:
        outcomes = asyncio.run(measure(name))
        figures = summary(name, outcomes)
        if arguments.json:
            print(json.dumps(figures))
        else:
            print(
                f"{name}: {figures['frames_right']} of {figures['requests']} frames right "
                f"({figures['share']:.1%}), "
                f"intents {figures['intent_share']:.1%}"
            )
        if arguments.failures and name == "tuning":
            for outcome in (outcome for outcome in outcomes if not outcome.right):
                print(
                    f"  {outcome.case.text!r}\n    expected {dict(outcome.case.expected)}\n    got      "
                    f"{dict(outcome.got)}"
                )


if __name__ == "__main__":
    main()
