"""What kind of answer the dialogue waits for."""

from __future__ import annotations

from enum import StrEnum


class Expectation(StrEnum):
    """The answer that the last question asks for; it decides how short answers are read and how soon a turn is over."""

    NONE = "none"
    YES_NO = "yes_no"
    PLACE = "place"
    DATE = "date"
    FLIGHT_NUMBER = "flight_number"


class Completeness(StrEnum):
    """How sure it is that the speaker has finished."""

    COMPLETE = "complete"
    UNKNOWN = "unknown"
    INCOMPLETE = "incomplete"
