"""Parts of the day: the hours that count as morning, afternoon, evening and night."""

from __future__ import annotations

from datetime import time

from agent.language.meanings import TimeWindow

PARTS_OF_DAY = {
    "early morning": TimeWindow(time(4), time(8)),
    "late morning": TimeWindow(time(10), time(12)),
    "mid morning": TimeWindow(time(8), time(11)),
    "morning": TimeWindow(time(5), time(12)),
    "early afternoon": TimeWindow(time(12), time(15)),
    "late afternoon": TimeWindow(time(15), time(18)),
    "mid afternoon": TimeWindow(time(14), time(16)),
    "mid evening": TimeWindow(time(18), time(21)),
    "mid night": TimeWindow(time(23), time(1)),
    "afternoon": TimeWindow(time(12), time(17)),
    "early evening": TimeWindow(time(17), time(19)),
    "late evening": TimeWindow(time(19), time(22)),
    "evening": TimeWindow(time(17), time(21)),
    "late night": TimeWindow(time(22)),
    "night": TimeWindow(time(20)),
}
"""Time windows that callers mean by these words."""
HALVES_OF_DAY = {
    r"(?:early|earlier|sooner) (?:on )?(?:in|during) the day": TimeWindow(end=time(12)),
    r"(?:(?:at|towards?|in) )?the (?:start|beginning|first half) of the day": TimeWindow(end=time(12)),
    r"(?:(?:in|around|about|towards?) )?the middle of the day": TimeWindow(time(10), time(15)),
    r"later (?:on )?(?:(?:in|during) the|that) day": TimeWindow(time(12)),
    r"(?:in )?the (?:second|other|latter) half of the day": TimeWindow(time(12)),
    r"late (?:on )?(?:in|during) the day|(?:at|towards?) the end of the day": TimeWindow(time(16)),
    r"(?:in|during) (?:the )?day(?: ?time)?|(?:in )?(?:the )?day ?time": TimeWindow(time(6), time(18)),
}
"""Time windows by patterns for parts of a whole day: "later in the day", "during the day"."""
TONIGHT = TimeWindow(time(18))


def part_of_day(hour: int) -> str:
    """Return the words to say after a clock time: "in the morning", "at night"."""
    if 4 <= hour < 12:
        return "in the morning"
    if 12 <= hour < 17:
        return "in the afternoon"
    return "in the evening" if 17 <= hour < 21 else "at night"


_WORDS = {
    window: f"{'at' if name.endswith('night') else 'in the'} {name}" for name, window in PARTS_OF_DAY.items()
}


def named_part(window: TimeWindow | None) -> str | None:
    """Return the name of a window, such as "in the late morning", or None if it has no name."""
    return _WORDS.get(window) if window else None
