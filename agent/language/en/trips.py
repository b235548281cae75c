"""Days of a trip: departure and return, ranges ("from the third to the seventh") and stays ("for a week")."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from agent.language.days import CalendarDay, DateExpression, FromReference
from agent.language.en.calendar_words import AMOUNT, amount_of, day_of
from agent.language.en.numbers import ORDINAL
from agent.language.spans import Found, T, found_at

_DAY = rf"(?P<day>{ORDINAL}|[0-3]?\d)"
_TO = r"(?:,? (?:and )?(?:to|through|thru|till|until|up to)(?: on)? | ?[-–] ?)(?:the )?"
_RANGE = re.compile(_TO)
_RANGE_END = re.compile(rf"{_TO}{_DAY}\b(?![:.]\d| ? ?(?:am|pm|[ap]\.m|o'? ?clock|in the|at night|people))")
_RANGE_START = re.compile(rf"\b(?:the )?{_DAY}{_TO}$")
_LEADING = re.compile(r"(?:(?:on|for) )?(?:the )?")


def range_days(text: str, dates: Sequence[Found[DateExpression]]) -> Iterator[Found[DateExpression]]:
    """Yield bare numbers in lower-case `text` that start or end a range: "march 3 to 7", "3 to 7 march"."""
    for piece in dates:
        if not isinstance(piece.value, CalendarDay):
            continue
        if match := _RANGE_END.match(text, piece.end):
            yield Found(match.start("day"), match.end("day"), CalendarDay(day_of(match["day"])))
        leading = _LEADING.match(text, piece.start)
        if (
            leading
            and (match := _RANGE_START.search(text[: leading.end()]))
            and match.end("day") < piece.start
        ):
            first = replace(piece.value, day=day_of(match["day"]), weekday=None)
            yield Found(match.start("day"), match.end("day"), first)


_COMES_BACK = re.compile(
    r"\breturn(?:s|ing|ed)?\b(?! (?:ticket|flight|trip|journey|fare|leg|date)s?\b)|\b(?:back|until|till|"
    r"through|thru)\b|\b(?:come|coming|fly|flying|get|getting|go|going|be|head|heading) home\b|"
    r"\bhome(?: on| by)?(?: the)? ?$|"
    r"\breturn(?:ing)? (?:flight|leg|journey|date)(?: (?:is|for|on|the|by|be|will|would|should|to|at|of|as|"
    r"date|set|scheduled))* *$"
)
_BACK_AFTER = re.compile(r" (?:back|return)\b(?=[ ,.?!]*$|,)")
_LEAVES = re.compile(
    r"\b(?:leav(?:e|es|ing)|depart(?:s|ing|ure)?|go(?:ing)? out|fly(?:ing)? out|outbound|start(?:ing)?|"
    r"set off)\b"
)
_RETURN_TICKET = re.compile(r"\b(?:return|round[ -]?trip|both ways)\b")
_REPAIR = re.compile(
    r"\b(?:no|sorry|i mean|i meant|actually|rather|make that|wait|scratch that|oops|correction)\b"
)
_MOVES = re.compile(r"\b(?:chang|mov|switch|shift|push|postpon|reschedul|bring forward)\w*\b")
_ANY_DAY = re.compile(r"\b(?:any|some)(?: ?time| ?day| dates?)\b|\bflexible\b|\bbetween *(?:the )?$")


def split_dates(
    text: str, dates: Sequence[Found[DateExpression]]
) -> tuple[DateExpression | None, DateExpression | None]:
    """Return the day of departure and the day of return.

    If "no" or "sorry" stands between two days, the second replaces the first.
    """
    days: dict[str, DateExpression] = {}
    previous, end = "", 0
    for piece in dates:
        role = _role(text, end, piece, previous, days)
        if role == "range":
            role, days["depart"] = "back", _in_month_of(piece.value, days["depart"])
        if role:
            days[role] = piece.value
        previous, end = role or previous, piece.end
    return days.get("depart"), days.get("back")


def _role(
    text: str, end: int, piece: Found[DateExpression], previous: str, days: Mapping[str, DateExpression]
) -> str | None:
    """Return "depart", "back", "range" for the end of a range, or None for a day without a role.

    `previous` is the role of the day that ends at position `end`.
    """
    before = text[end : piece.start]
    *_, cue = None, *_COMES_BACK.finditer(before)
    *_, leaves = None, *_LEAVES.finditer(before)
    if (cue and (leaves is None or leaves.start() < cue.start())) or _BACK_AFTER.match(text, piece.end):
        return "back"
    repairs = _REPAIR.search(before) is not None
    if leaves or (repairs and previous):
        return "depart" if leaves else previous
    if "depart" not in days:
        return "depart"
    if _RANGE.fullmatch(before):
        leading = text[:end]
        return "depart" if _MOVES.search(leading) else None if _ANY_DAY.search(leading) else "range"
    return "back" if "back" not in days and _RETURN_TICKET.search(text) else None


_WAY_BACK = re.compile(
    r"\b(?:way|flight|journey|trip|leg) (?:back|home)\b|\breturn(?:s|ing)?\b|\binbound\b|"
    r"\b(?:com(?:e|ing)|fly(?:ing)?|be) back\b"
)


def split_returning(
    text: str, times: Sequence[Found[T]], *, returns: bool
) -> tuple[list[Found[T]], list[Found[T]]]:
    """Return the times of the way out, and those of the way back: "back on Sunday after six".

    `returns` is True if the utterance names a day of return.
    """
    if not (returns or _WAY_BACK.search(text)):
        return list(times), []
    returning = [piece for piece in times if _is_of_the_way_back(text[: piece.start])]
    return [piece for piece in times if piece not in returning], returning


def _is_of_the_way_back(before: str) -> bool:
    *_, cue = None, *_COMES_BACK.finditer(before), *_WAY_BACK.finditer(before)
    if cue is None:
        return False
    # In "my flight back should leave at noon", the flight that leaves is the one back.
    clauses = re.split(r"[,.;]| and ", before[cue.start() :])
    return not any(_LEAVES.search(clause) for clause in clauses[1:])


def _in_month_of(last: DateExpression, first: DateExpression) -> DateExpression:
    """Return the first day of a range in the month of the last: "from the 7th to March 14th"."""
    if not (isinstance(first, CalendarDay) and isinstance(last, CalendarDay)):
        return first
    if first.month is not None or last.month is None:
        return first
    month = last.month if first.day <= last.day else (last.month - 2) % 12 + 1
    return replace(first, month=month, year=last.year if month <= last.month else last.year and last.year - 1)


_NOT_A_STAY = r"(?! (?:from|after|before|later|earlier|ahead|in advance|ago|time|now)\b)"
_STAY = re.compile(
    rf"\b(?:for|stay(?:ing)?(?: for)?|spend(?:ing)?)(?: about| around| just| only)? (?!the day\b){AMOUNT}"
    rf"{_NOT_A_STAY}"
)
_LONG = re.compile(rf"\b{AMOUNT}(?:[ -]long)? (?:stay|trip|visit|holiday|vacation)\b")


def find_stay(text: str) -> Found[FromReference] | None:
    """Find the length of the stay in lower-case `text`: "for a week", "a three-night stay"."""
    match = _STAY.search(text) or _LONG.search(text)
    return found_at(match, FromReference(*amount_of(match))) if match else None
