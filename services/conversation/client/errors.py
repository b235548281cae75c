"""How the client kit says that something is over, or can't be done.

CallOver                the call is no longer this writer's
├── CallLost            another agent has it, or its log can't be kept any more: stop speaking at once, don't come back
└── CallEnded           it has ended: leave
DraftRefused            the service did not take an entry; the others stand
OutboxFull              nothing was acknowledged for so long that no more can be held
CursorExpired           what a watch's cursor stood on is gone; carries the earliest cursor that there is
"""

from __future__ import annotations


class CallOver(Exception):
    """The call is no longer this writer's."""


class CallLost(CallOver):
    """Another agent has the call: stop speaking at once, don't come back."""


class CallEnded(CallOver):
    """The call has ended: leave."""


class DraftRefused(Exception):
    """The service did not take an entry; `str(error)` says why."""


class OutboxFull(Exception):
    """Nothing was acknowledged for so long that no more can be held."""


class CursorExpired(Exception):
    """What the cursor stood on is no longer there: the database was restored or replaced, or entries were deleted by age."""

    def __init__(self, earliest_cursor: str) -> None:
        super().__init__(
            "What the cursor stood on is no longer there; follow from the earliest cursor, or from a time."
        )
        self.earliest_cursor = earliest_cursor
        """From here on everything that is left can be followed; empty for the beginning."""
