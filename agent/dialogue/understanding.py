"""Text to frame: the grammars take their words, the rest is searched for places, and the clues decide the intent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from agent.dialogue.frames import DateSlot, Frame, Intent, PlaceSlot, Slots
from agent.dialogue.intents import Clues, foreign_topic, intent_of
from agent.dialogue.places import Place, PlaceAnnotator, PlaceCandidate, PlaceMention
from agent.language.en.clock_times import window_of
from agent.language.en.cues import Acts, acts_of, plain_words
from agent.language.en.dates import DateExpression, ImpossibleDate, Weekday, split_rejected
from agent.language.en.leaving_or_arriving import split_times
from agent.language.en.place_roles import Roles, roles_of, unknown_places
from agent.language.en.reading import Words, read, split_dates
from agent.language.meanings import Expectation
from agent.language.spans import Found, lowered, masked


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What was said before, as far as it changes what words mean.

    `origin`, `destination` and `depart_date` are those of the search talked about; `asked` is the place slot ("origin" or "destination")
    that the last question was about; `offered` whether flights are on offer that "the second one" can point at.
    """

    now: datetime
    home_country: str = "IN"
    home_zone: str = "Asia/Kolkata"
    awaiting: Expectation = Expectation.NONE
    asked: str | None = None
    origin: Place | None = None
    destination: Place | None = None
    depart_date: date | None = None
    searched: bool = False
    offered: bool = False

    @property
    def under_way(self) -> bool:
        """Whether there is a search, or a question about one, from which something can be taken back."""
        return self.searched or self.awaiting is not Expectation.NONE or self.asked is not None

    @classmethod
    def pinned(cls, today: date) -> Context:
        """The context of a conversation that begins on `today`: noon UTC, when nearly all the world has that date."""
        return cls(now=datetime.combine(today, time(12), UTC))

    def today_at(self, place: Place | None) -> date:
        """The date now at `place`; at home when the place is not known yet."""
        return self.now.astimezone(place.zone if place else ZoneInfo(self.home_zone)).date()


T = TypeVar("T")
LONGEST = 1000
"""Characters that are understood; nobody says more in one breath, and what is typed beyond it is not read."""


_CODES = re.compile(r"\b([A-Z]{3})[-–/>]([A-Z]{3})\b")
"""A route in codes, as it is typed: "DEL-BOM"."""


async def understand(text: str, annotator: PlaceAnnotator, context: Context) -> Frame:
    """The frame of what was said or typed; never fails for any text.

    Raises only what the annotator raises (`ToolUnavailable`).
    """
    original = _CODES.sub(r"\1 to \2", text[:LONGEST])
    lower = lowered(original)
    reading, words = read(
        lower, original, awaiting=context.awaiting, asked=context.asked, offered=context.offered
    )
    left = masked(original, reading.pieces)
    mentions = (
        await annotator.annotate(left, home_country=context.home_country) if plain_words(reading.left) else ()
    )
    roles = roles_of(lower, mentions)
    acts = acts_of(lower)
    unknown = unknown_places(lower, mentions, reading.pieces)
    _settle_rest(roles, context)
    slots = _slots(words, roles, unknown, acts, context, lower)
    clues = Clues(
        lower, acts, slots, roles.rejected is not None, context.awaiting, context.asked, context.searched
    )
    intent = intent_of(clues)
    fitting = _fitting(intent, slots, roles, context)
    return Frame(intent, fitting, _confidence(intent, fitting, clues))


def _resolved(expression: DateExpression | None, today: date, reference: date | None) -> DateSlot | None:
    if expression is None:
        return None
    try:
        return DateSlot(expression, expression.on(today, reference))
    except (ImpossibleDate, OverflowError):
        return DateSlot(expression, None)


def _slot(mention: PlaceMention | None) -> PlaceSlot | None:
    return PlaceSlot(mention.text, mention) if mention else None


def certain(place: Place, text: str = "") -> PlaceSlot:
    """A slot with a place that needs no more asking."""
    return PlaceSlot(
        text or place.city, PlaceMention(0, 0, text or place.city, (PlaceCandidate(place, 1.0),))
    )


def _settle_rest(roles: Roles, context: Context) -> None:
    """Gives a place without a cue the part that the conversation leaves for it."""
    if not roles.others:
        return
    role = context.asked if context.asked in ("origin", "destination") else "destination"
    if roles.rejected:
        role = (
            "origin" if context.origin and roles.rejected.place.code == context.origin.code else "destination"
        )
    elif roles.destination and not roles.origin and context.asked != "destination":
        role = "origin"
    if getattr(roles, role) is None:
        setattr(roles, role, roles.others.pop(0))


def _confidence(intent: Intent, slots: Slots, clues: Clues) -> float:
    if intent is Intent.UNKNOWN:
        return 0.1 if clues.text.strip() else 0.0
    confidence = 0.95
    for slot in (slots.origin, slots.destination, slots.airport):
        if slot:
            confidence = min(confidence, slot.mention.candidates[0].score if slot.mention else 0.4)
            confidence *= 1 if slot.mention and slot.mention.confident else 0.7
    bare = (
        intent is Intent.SEARCH_FLIGHTS
        and not clues.speaks_of_flights
        and clues.places < 2
        and clues.awaiting is Expectation.NONE
    )
    return confidence * (0.6 if bare else 1)


_USES: dict[Intent, frozenset[str]] = {
    Intent.FLIGHT_STATUS: frozenset(
        {"flight_number", "airline", "origin", "destination", "depart_date", "depart_time", "choice"}
    ),
    Intent.AIRPORT_INFO: frozenset({"airport"}),
    Intent.SELECT: frozenset({"choice", "depart_time"}),
    Intent.OUT_OF_SCOPE: frozenset({"topic"}),
}
_SEARCH_SLOTS = frozenset(
    {
        *(
            "origin",
            "destination",
            "via",
            "depart_date",
            "depart_time",
            "arrive_time",
            "return_date",
            "one_way",
            "other_day",
        ),
        *(
            "airline",
            "airlines",
            "without_airlines",
            "any_airline",
            "max_stops",
            "nonstop",
            "sort",
            "cabin",
            "passengers",
        ),
    }
)


def _fitting(intent: Intent, slots: Slots, roles: Roles, context: Context) -> Slots:
    """The slots that mean something for the intent: "the cheapest one" chooses, it doesn't sort."""
    searches = intent in (Intent.SEARCH_FLIGHTS, Intent.REFINE, Intent.CORRECTION, Intent.AFFIRM)
    used = _SEARCH_SLOTS if searches else _USES.get(intent, frozenset())
    kept = {name: getattr(slots, name) for name in used}
    if slots.origin or slots.destination:
        kept.pop("choice", None)
    if (
        context.awaiting is Expectation.YES_NO
        and context.asked in ("origin", "destination")
        and slots.choice
        and slots.choice.ordinal
    ):
        # "Did you mean this one or that?" "The second, tomorrow."
        kept["choice"] = slots.choice
    if slots.flight_number:
        kept.pop("airline", None)
    points_at_time = intent is Intent.SELECT and slots.choice is not None and slots.choice.time is not None
    if points_at_time or (intent is Intent.FLIGHT_STATUS and slots.depart_time and slots.depart_time.is_open):
        kept.pop("depart_time", None)
    if intent is Intent.AIRPORT_INFO:
        kept["airport"] = (
            _slot(next((m for m in (roles.destination, roles.origin, *(roles.others or ())) if m), None))
            or slots.destination
        )
    return Slots(**kept)


def _slots(
    words: Words, roles: Roles, unknown: dict[str, PlaceSlot], acts: Acts, context: Context, text: str
) -> Slots:
    origin, destination = _places(roles, unknown, acts, context, turns_back=not words.one_way)
    departs_from = origin.mention.place if origin and origin.mention else context.origin
    wanted = words.airlines.wanted
    return Slots(
        origin=origin,
        destination=destination,
        via=_slot(roles.via),
        airline=wanted[0] if len(wanted) == 1 else None,
        airlines=wanted if len(wanted) > 1 else None,
        without_airlines=words.airlines.unwanted or None,
        flight_number=_said(*words.flight_numbers[:1]),
        max_stops=_said(words.max_stops),
        nonstop=_said(words.nonstop),
        sort=_said(words.sort),
        cabin=_said(words.cabin),
        passengers=_said(words.passengers),
        choice=_said(words.choice),
        topic=foreign_topic(text),
        **_days(words, context, context.today_at(departs_from), text),
        **_times(words, context, text),
        **_taken_back(words, context),
    )


def _days(words: Words, context: Context, today: date, text: str) -> Mapping[str, Any]:
    meant, rejected = split_rejected(text, words.dates)
    # "Forget the return, tomorrow" names no day of return.
    depart_expression, back_expression = split_dates(
        masked(text, [words.one_way] if words.one_way else []), meant
    )
    # "Not tomorrow, the day after" is said of the day that was turned down.
    turned_down = _resolved(split_dates(text, rejected)[0], today, context.depart_date)
    depart = _resolved(depart_expression, today, (turned_down and turned_down.day) or context.depart_date)
    # "Friday, returning Monday" is the Monday after that Friday.
    leaving = (depart and depart.day) or context.depart_date or today
    back = _resolved(back_expression, leaving if isinstance(back_expression, Weekday) else today, leaving)
    other = depart is None and (turned_down is not None or words.other_day is not None) and context.under_way
    return {"depart_date": depart, "return_date": None if words.one_way else back, "other_day": other or None}


def _times(words: Words, context: Context, text: str) -> Mapping[str, Any]:
    windows = [window_of(pieces) for pieces in split_times(text, words.times)]
    # Where nothing was wished before, "any time" says nothing.
    departing, arriving = (
        None if window and window.is_open and not context.under_way else window for window in windows
    )
    return {"depart_time": departing, "arrive_time": arriving}


def _taken_back(words: Words, context: Context) -> Mapping[str, Any]:
    """What callers may only have asked for in an earlier turn."""
    if not context.under_way:
        return {}
    return {"one_way": _said(words.one_way), "any_airline": words.airlines.any_at_all or None}


def _said(piece: Found[T] | None = None) -> T | None:
    return piece.value if piece else None


def _places(
    roles: Roles, unknown: dict[str, PlaceSlot], acts: Acts, context: Context, *, turns_back: bool
) -> tuple[PlaceSlot | None, PlaceSlot | None]:
    if turns_back and "way_back" in acts and not acts.rest and context.origin and context.destination:
        return certain(context.destination), certain(context.origin)
    origin = _slot(roles.origin) or unknown.get("origin")
    destination = _slot(roles.destination) or unknown.get("destination")
    if (
        context.awaiting is Expectation.PLACE
        and not (origin or destination or acts.names)
        and 0 < len(acts.rest.split()) <= 3
    ):
        heard = PlaceSlot(acts.rest)
        return (heard, None) if context.asked == "origin" else (None, heard)
    return origin, destination
