"""Text to frame: each grammar takes its words, the rest is searched for places, and the clues decide the intent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from agent.dialogue.acts import Acts, acts_of, plain_words
from agent.dialogue.carriers import find_carriers
from agent.dialogue.clock_times import TimeWindow, find_times, window_of
from agent.dialogue.dates import DateExpression, ImpossibleDate, Weekday, find_dates
from agent.dialogue.expectation import Expectation
from agent.dialogue.flight_numbers import find_flight_numbers
from agent.dialogue.frames import DateSlot, Frame, Intent, PlaceSlot, Slots
from agent.dialogue.intents import Clues, foreign_topic, intent_of
from agent.dialogue.place_roles import Roles, roles_of, unknown_places
from agent.dialogue.places import Place, PlaceAnnotator, PlaceCandidate, PlaceMention
from agent.dialogue.spans import Found, lowered, masked
from agent.dialogue.travellers import find_passengers
from agent.dialogue.wishes import Choice, find_cabin, find_choice, find_nonstop, find_sort

LONGEST = 1000
"""Characters that are understood; nobody says more in one breath, and what is typed beyond it is not read."""


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

    @classmethod
    def pinned(cls, today: date) -> Context:
        """The context of a conversation that begins on `today`: noon UTC, when nearly all the world has that date."""
        return cls(now=datetime.combine(today, time(12), UTC))

    def today_at(self, place: Place | None) -> date:
        """The date now at `place`; at home when the place is not known yet."""
        return self.now.astimezone(place.zone if place else ZoneInfo(self.home_zone)).date()


@dataclass(slots=True)
class _Reading:
    """What the grammars found in one utterance, and the text as it is left for the next grammar."""

    text: str
    left: str
    pieces: list[Found[object]] = field(default_factory=list)

    def take(self, *pieces: Found[object] | None) -> None:
        taken = [piece for piece in pieces if piece]
        self.pieces += taken
        self.left = masked(self.left, taken)


@dataclass(slots=True)
class _Words:
    """The slots that need no places."""

    flight_numbers: list[Found[str]]
    dates: list[Found[DateExpression]]
    times: list[Found[TimeWindow]]
    passengers: Found[int] | None
    cabin: Found[str] | None
    nonstop: Found[bool] | None
    sort: Found[str] | None
    choice: Found[Choice] | None
    carriers: list[Found[str]]


_TELLS_TIME_TOO = re.compile(r"night|morning|afternoon|evening")


def _read(text: str, original: str, context: Context) -> tuple[_Reading, _Words]:
    reading = _Reading(text, text)
    numbers = find_flight_numbers(text, original)
    reading.take(*numbers)
    choice = find_choice(reading.left) if context.awaiting is not Expectation.DATE else None
    dates = find_dates(reading.left, day_alone=not (choice and context.offered))
    reading.take(*(piece for piece in dates if not _TELLS_TIME_TOO.search(text[piece.start : piece.end])))
    times = find_times(reading.left)
    reading.take(*times, *dates)
    passengers = find_passengers(reading.left, asked=context.asked == "passengers")
    reading.take(passengers)
    carriers = find_carriers(reading.left)
    wishes = find_cabin(reading.left), find_nonstop(reading.left), find_sort(reading.left)
    reading.take(*carriers, *wishes)
    choice = None if choice and any(choice.overlaps(piece.start, piece.end) for piece in dates) else choice
    reading.take(choice)
    return reading, _Words(numbers, dates, times, passengers, *wishes, choice, carriers)


_RETURN = re.compile(r"\b(?:return(?:ing)?(?! ticket| flight| trip| journey)|back|until|till|through)\b")
_RETURN_TICKET = re.compile(r"\b(?:return|round[ -]?trip|both ways)\b")
_REPAIR = re.compile(r"\b(?:no|sorry|i mean|actually|rather|make that|wait)\b")


def _split_dates(text: str, dates: Sequence[Found[DateExpression]]) -> tuple[DateExpression | None, DateExpression | None]:
    """The day of departure and the day of return. Of two days with "no" or "sorry" between them the later said counts."""
    depart: DateExpression | None = None
    back: DateExpression | None = None
    end = 0
    for piece in dates:
        before, end = text[end : piece.start], piece.end
        if _RETURN.search(before):
            back = piece.value
        elif depart is None or _REPAIR.search(before):
            depart = piece.value
        elif back is None and _RETURN_TICKET.search(text):
            back = piece.value
    return depart, back


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
    return PlaceSlot(text or place.city, PlaceMention(0, 0, text or place.city, (PlaceCandidate(place, 1.0),)))


def _settle_rest(roles: Roles, context: Context) -> None:
    """Gives a place without a cue the part that the conversation leaves for it."""
    if not roles.others:
        return
    role = context.asked if context.asked in ("origin", "destination") else "destination"
    if roles.rejected:
        role = "origin" if context.origin and roles.rejected.place.code == context.origin.code else "destination"
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
    bare = intent is Intent.SEARCH_FLIGHTS and not clues.speaks_of_flights and clues.places < 2 and clues.awaiting is Expectation.NONE
    return confidence * (0.6 if bare else 1)


_USES: dict[Intent, frozenset[str]] = {
    Intent.FLIGHT_STATUS: frozenset({"flight_number", "airline", "origin", "destination", "depart_date", "choice"}),
    Intent.AIRPORT_INFO: frozenset({"airport"}),
    Intent.SELECT: frozenset({"choice"}),
    Intent.OUT_OF_SCOPE: frozenset({"topic"}),
}
_SEARCH_SLOTS = frozenset(
    {"origin", "destination", "depart_date", "depart_time", "return_date", "airline", "nonstop", "sort", "cabin", "passengers"}
)


def _fitting(intent: Intent, slots: Slots, roles: Roles) -> Slots:
    """The slots that mean something for the intent: "the cheapest one" chooses, it doesn't sort."""
    searches = intent in (Intent.SEARCH_FLIGHTS, Intent.REFINE, Intent.CORRECTION, Intent.AFFIRM)
    used = _SEARCH_SLOTS if searches else _USES.get(intent, frozenset())
    kept = {name: getattr(slots, name) for name in used}
    if slots.origin or slots.destination:
        kept.pop("choice", None)
    if slots.flight_number:
        kept.pop("airline", None)
    if intent is Intent.AIRPORT_INFO:
        kept["airport"] = _slot(next((m for m in (roles.destination, roles.origin, *(roles.others or ())) if m), None)) or slots.destination
    return Slots(**kept)


_CODES = re.compile(r"\b([A-Z]{3})[-–/>]([A-Z]{3})\b")
"""A route in codes, as it is typed: "DEL-BOM"."""


async def understand(text: str, annotator: PlaceAnnotator, context: Context) -> Frame:
    """The frame of what was said or typed; never fails for any text.

    Raises only what the annotator raises (`ToolUnavailable`).
    """
    original = _CODES.sub(r"\1 to \2", text[:LONGEST])
    lower = lowered(original)
    reading, words = _read(lower, original, context)
    left = masked(original, reading.pieces)
    mentions = await annotator.annotate(left, home_country=context.home_country) if plain_words(reading.left) else ()
    roles = roles_of(lower, mentions)
    acts = acts_of(lower)
    unknown = unknown_places(lower, mentions, reading.pieces)
    _settle_rest(roles, context)
    slots = _slots(words, roles, unknown, acts, context, lower)
    clues = Clues(lower, acts, slots, roles.rejected is not None, context.awaiting, context.asked, context.searched)
    intent = intent_of(clues)
    fitting = _fitting(intent, slots, roles)
    return Frame(intent, fitting, _confidence(intent, fitting, clues))


def _slots(words: _Words, roles: Roles, unknown: dict[str, PlaceSlot], acts: Acts, context: Context, text: str) -> Slots:
    origin, destination = _places(roles, unknown, acts, context)
    departs_from = origin.mention.place if origin and origin.mention else context.origin
    today = context.today_at(departs_from)
    depart_expression, back_expression = _split_dates(text, words.dates)
    depart = _resolved(depart_expression, today, context.depart_date)
    # "Friday, returning Monday" is the Monday after that Friday.
    leaving = (depart and depart.day) or context.depart_date or today
    back = _resolved(back_expression, leaving if isinstance(back_expression, Weekday) else today, leaving)
    return Slots(
        origin=origin,
        destination=destination,
        depart_date=depart,
        depart_time=window_of(words.times),
        return_date=back,
        airline=words.carriers[0].value if words.carriers else None,
        flight_number=words.flight_numbers[0].value if words.flight_numbers else None,
        nonstop=words.nonstop.value if words.nonstop else None,
        sort=words.sort.value if words.sort else None,
        cabin=words.cabin.value if words.cabin else None,
        passengers=words.passengers.value if words.passengers else None,
        choice=words.choice.value if words.choice else None,
        topic=foreign_topic(text),
    )


def _places(roles: Roles, unknown: dict[str, PlaceSlot], acts: Acts, context: Context) -> tuple[PlaceSlot | None, PlaceSlot | None]:
    if "way_back" in acts and not acts.rest and context.origin and context.destination:
        return certain(context.destination), certain(context.origin)
    origin = _slot(roles.origin) or unknown.get("origin")
    destination = _slot(roles.destination) or unknown.get("destination")
    if context.awaiting is Expectation.PLACE and not (origin or destination or acts.names) and 0 < len(acts.rest.split()) <= 3:
        heard = PlaceSlot(acts.rest)
        return (heard, None) if context.asked == "origin" else (None, heard)
    return origin, destination
