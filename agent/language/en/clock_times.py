"""Spoken times of day, read as time windows: "after six pm", "around ten", "between 6 and 9"."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time

from agent.language.en.leaving_or_arriving import is_arrival
from agent.language.en.negation import negated
from agent.language.en.numbers import CARDINAL, cardinal
from agent.language.en.parts_of_day import HALVES_OF_DAY, PARTS_OF_DAY, TONIGHT
from agent.language.meanings import TimeWindow
from agent.language.spans import Found, found_at, without_overlaps

_SMALL_HOURS = TimeWindow(time(0), time(5))
_AROUND_MIDNIGHT = TimeWindow(time(23), time(1))
_MORNING, _LATER = "a", "p"
_HALVES = {_MORNING: TimeWindow(end=time(12)), _LATER: TimeWindow(start=time(12))}
_MINUTE_WORDS = r"(?:oh[ -])?(?:fifteen|thirty|forty[ -]five|forty|twenty|ten|five|\d\d)"
_HALF = (
    r"(?: ?(?P<{0}clock>o'? ?clock))?(?:,? ?(?:(?P<{0}half>[ap])\.?m\b\.?|in the (?P<{0}part>morning|"
    r"afternoon|evening|night)\b|at (?P<{0}night>night)\b))?(?: in the (?:morning|afternoon|evening)\b)?"
)
_FEW_MINUTES = (
    r"(?:(?:five|ten|twenty(?:[ -]five)?)|(?:5|10|20|25)(?=(?: minutes)? (?:past|to|before) [a-z]))"
)
"""Minutes before or after an hour. Two numbers in digits are a range: "5 to 7"."""
_CLOCK = (
    r"(?:(?P<{0}noon>noon|midday|mid day|lunch ?time|lunch|midnight)\b|(?P<{0}past>(?:half|(?:a )?quarter|"
    r"(?P<{0}few>{4})(?: minutes)?) (?P<{0}side>past|after|to|before)|half) (?P<{0}past_hour>{1})\b|"
    r"(?P<{0}nought>(?:zero|oh|o)[ -])?(?P<{0}hundred>{1}) hundred\b(?: hours?\b| hrs\b)?|"
    r"(?:zero|oh)[ -](?P<{0}early>{1})(?:[: ](?P<{0}early_minute>{2}))?\b|"
    r"(?P<{0}hour>{1})(?:[:. ](?P<{0}minute>{2}))?){3}"
)


def _clock(name: str = "") -> str:
    return _CLOCK.format(name, CARDINAL, _MINUTE_WORDS, _HALF.format(name), _FEW_MINUTES)


_NAMED_HOURS = {"noon": 12, "midday": 12, "mid day": 12, "midnight": 0, "lunch": 13}


@dataclass(frozen=True, slots=True)
class _Clock:
    """A time as said. `half` is "a", "p", or None if the caller didn't name the half of the day."""

    hour: int
    minute: int
    half: str | None

    @property
    def is_midnight(self) -> bool:
        """True if this is midnight."""
        return (self.hour, self.minute, self.half) == (0, 0, _MORNING)

    def at(self, likely: str) -> time:
        """Return the time of day. If `half` is None, use the half `likely` ("a" or "p")."""
        half = self.half or likely
        return time((self.hour % 12 + 12 * (half == _LATER)) if self.hour <= 12 else self.hour, self.minute)


def _half_of(match: re.Match[str], name: str) -> str | None:
    if match[f"{name}half"]:
        return match[f"{name}half"]
    if part := match[f"{name}part"]:
        return _MORNING if part == "morning" else _LATER
    return _LATER if match[f"{name}night"] else None


def _read(match: re.Match[str], name: str = "", half: str | None = None) -> _Clock | None:
    """Return the time from the groups whose names begin with `name`, or None if there is no such time."""
    if word := match[f"{name}noon"]:
        hour = next(hour for start, hour in _NAMED_HOURS.items() if word.startswith(start))
        return _Clock(hour, 0, _LATER if hour else _MORNING)
    hour, minute, written = _hour_and_minute(match, name)
    if hour >= 100 and minute == 0:
        hour, minute = divmod(hour, 100)
    if (hour, minute) == (24, 0):
        return _Clock(0, 0, _MORNING)
    if hour > 23 or minute > 59:
        return None
    return _Clock(hour, minute, _half_of(match, name) or half or written)


def _hour_and_minute(match: re.Match[str], name: str) -> tuple[int, int, str | None]:
    """Return hour, minute, and the half of the day if the notation itself tells it, as "0530" does."""
    if past := match[f"{name}past"]:
        minute = cardinal(match[f"{name}few"]) if match[f"{name}few"] else 30 if "half" in past else 15
        before = match[f"{name}side"] in ("to", "before")
        return cardinal(match[f"{name}past_hour"]) - before, 60 - minute if before else minute, None
    if hundred := match[f"{name}hundred"]:
        # "Twelve hundred" is noon, and "eleven hundred" is in the morning.
        return cardinal(hundred), 0, _LATER if cardinal(hundred) == 12 else _MORNING
    if early := match[f"{name}early"]:
        return cardinal(early), _minute(match[f"{name}early_minute"]), _MORNING
    hour = match[f"{name}hour"]
    return cardinal(hour), _minute(match[f"{name}minute"]), _MORNING if hour.startswith("0") else None


def _minute(words: str | None) -> int:
    return cardinal(re.sub(r"^oh[ -]", "", words)) if words else 0


def _likely(clock: _Clock, latest: int = 5) -> str:
    """Return the likely half of the day: "p" for hours up to `latest` and for twelve, otherwise "a"."""
    return _LATER if clock.hour <= latest or clock.hour == 12 else _MORNING


def _after(match: re.Match[str]) -> TimeWindow | None:
    clock = _read(match)
    if clock and clock.is_midnight:
        return _SMALL_HOURS
    # "After six" means the evening; "before six" means the afternoon.
    return TimeWindow(start=clock.at(_likely(clock, 8))) if clock else None


def _before(match: re.Match[str]) -> TimeWindow | None:
    clock = _read(match)
    # Few flights arrive before seven in the morning, so "be there by seven" means the evening.
    latest = 7 if is_arrival(match.string, match.start(), match.end()) else 5
    return TimeWindow(end=_end(clock, _likely(clock, latest))) if clock else None


def _end(clock: _Clock, likely: str) -> time | None:
    """Return a time as the end of a window. Midnight means no end, so it gives None."""
    return None if clock.is_midnight else clock.at(likely)


def _around(match: re.Match[str]) -> TimeWindow | None:
    clock = _read(match)
    if clock is None:
        return None
    if clock.is_midnight:
        return _AROUND_MIDNIGHT
    moment = clock.at(_likely(clock))
    earlier = moment.replace(hour=moment.hour - 1) if moment.hour else time(0)
    later = moment.replace(hour=moment.hour + 1) if moment.hour < 23 else None
    return TimeWindow(earlier, later)


def _between(match: re.Match[str]) -> TimeWindow | None:
    last = _read(match, "until_")
    first = _read(match, "since_", half=last.half if last and not last.is_midnight else None)
    if first is None or last is None:
        return None
    end = _end(last, _likely(last))
    start = first.at(_likely(first) if not last.is_midnight else _LATER)
    if end and start >= end and last.half is None:
        end = last.at(_LATER)
    # "Between ten and one pm": the "pm" belongs to the second time only.
    if end and start >= end and _read(match, "since_") != first:
        start = _Clock(first.hour, first.minute, _MORNING).at(_MORNING)
    return TimeWindow(start, end)


def _same(window: TimeWindow) -> Callable[[re.Match[str]], TimeWindow]:
    return lambda _: window


_SINCE = r"after|later than|n(?:o|ot) (?:earlier|sooner) than|past|from|since|starting at"
_UNTIL = r"before|by|until|till|earlier than|n(?:o|ot) later than|by ,"
"""In "by ,", the comma replaces a masked day: "by tomorrow six pm"."""
_ALL_DAY = re.compile(
    r"\b(?:at )?any ?time(?: (?:of|in|during) (?:the )?day)?\b|\b(?:all day(?: long)?|the whole day)\b|"
    r"\bflexible (?:on|with|about) (?:the )?times?\b|\b(?:time (?:does not|doesn't) matter|"
    r"time (?:is not|isn't) important|whenever(?=[ ,.?!]*$| is| works)|(?:at )?whatever time)\b|"
    r"\bno (?:time preference|preference (?:of|for|on|about) (?:the )?time)\b|"
    r"\b(?:(?:do not|don't) (?:care|mind)|regardless of|no matter|never mind|forget)"
    r"(?:(?: (?:about|what|which|the))* times?| when)\b|\bnot (?:only|just|necessarily) (?:(?:in )?the )?"
    r"(?:morning|afternoon|evening|night)s?\b"
)
_Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], TimeWindow | None]]
_TO = r"(?:and|to|till|until|-|–)"
_RULES: tuple[_Rule, ...] = (
    # "From ten to seven" is a range, so this rule comes before "from" with "ten to seven".
    (re.compile(rf"\b(?:between|from) {_clock('since_')} {_TO} {_clock('until_')}"), _between),
    (
        re.compile(rf"\b(?:at )?{_clock('since_')} ?(?:to|till|until|-|–) ?{_clock('until_')}"),
        lambda match: _between(match) if _is_range(match) else None,
    ),
    (re.compile(rf"\b(?:any ?time )?(?:{_SINCE}) (?:around |about )?{_clock()}(?: onwards?)?"), _after),
    (re.compile(rf"\b(?:{_UNTIL}) +(?:around |about )?{_clock()}"), _before),
    (re.compile(rf"\b(?:at )?{_clock()},? (?:at the latest|latest|or (?:earlier|before|sooner))\b"), _before),
    (re.compile(rf"\b(?:at )?{_clock()},? (?:at the earliest|onwards?|or (?:later|after))\b"), _after),
    (re.compile(rf"\b(?:{_UNTIL}) +(?:around |about )?{_clock()},? at the latest\b"), _before),
    (re.compile(rf"\b(?:(?:at )?(?:around|about|approximately|near)|at|towards) {_clock()}"), _around),
    (
        re.compile(r"\b(?:tonight|to night|this evening)\b"),
        lambda match: TONIGHT if "night" in match.group() else PARTS_OF_DAY["evening"],
    ),
    (re.compile(r"\bfirst thing(?: in the morning)?"), lambda _: PARTS_OF_DAY["early morning"]),
    (re.compile(r"\bred[ -]?eye\b"), lambda _: PARTS_OF_DAY["late night"]),
    (
        re.compile(
            r"\b(?<!good )(?:in the |at |this |the )?(?P<part>(?:early |late |mid[ -]?)?(?:in the )?"
            r"(?:morning|afternoon|evening|night))s?\b"
        ),
        lambda match: PARTS_OF_DAY[re.sub(r"^mid[ -]?", "mid ", match["part"].replace("in the ", ""))],
    ),
    *((re.compile(rf"\b(?:{words})\b"), _same(window)) for words, window in HALVES_OF_DAY.items()),
    # "Friday pm": the comma replaces a masked day.
    (re.compile(r"(?<=,)( {2,}|\b)(?P<m>[ap])\.?m\b\.?"), lambda match: _HALVES[match["m"]]),
    (_ALL_DAY, lambda _: TimeWindow()),
    # Without a preposition, a number is a time only with "pm", "o'clock" or minutes.
    (re.compile(rf"\b{_clock()}"), lambda match: _around(match) if _tells_time(match) else None),
)


def _tells_time(match: re.Match[str]) -> bool:
    named = (match[name] for name in ("half", "part", "night", "clock", "past", "early"))
    hours = match["hundred"] and (match["nought"] or "h" in match.group().partition("hundred")[2])
    return any(named) or bool(hours) or match["noon"] in _NAMED or (":" in match.group())


_NAMED = ("noon", "midday", "midnight")


def _is_range(match: re.Match[str]) -> bool:
    """Return whether two numbers are surely times: "6 am to 10 am", "5 to 7 pm", "6:00-8:00"."""
    named = any(match[f"until_{name}"] for name in ("half", "part", "night", "noon"))
    # "Ten to seven in the evening" is ten minutes before it.
    minutes_before = match["since_hour"] in ("five", "ten", "twenty") and not match["since_half"]
    return (named and not minutes_before) or bool(
        match["since_minute"] and match["until_minute"] and ":" in match.group()
    )


_COUNTED = re.compile(
    r" ?(?:people|person|passengers?|adults?|days?|weeks?|tickets?|seats?|of us|stops?|hundred|thousand|"
    r"rupees|dollars|/|-\d)"
)


def find_times(text: str) -> list[Found[TimeWindow]]:
    """Find times of day in lower-case `text`, in which dates and flight numbers have been masked."""
    found = []
    for pattern, meaning in _RULES:
        for match in pattern.finditer(text):
            window = meaning(match)
            # "From 2 people" and "by 3 days" are counts, not times.
            if window is not None and not _COUNTED.match(text, match.end()):
                unwanted = not window.is_open and negated(text, match.start(), match.end())
                found.append(found_at(match, window.reversed() if unwanted else window))
    return without_overlaps(found)


def window_of(pieces: list[Found[TimeWindow]]) -> TimeWindow | None:
    """Combine time windows. The limits of later windows replace those of earlier ones.

    Return None if there is no window. "Any time" gives a window without limits.
    """
    window: TimeWindow | None = None
    for piece in pieces:
        window = window.narrowed(piece.value) if window else piece.value
    return window
