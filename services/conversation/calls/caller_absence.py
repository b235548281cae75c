"""Caller absence: when a call without its caller ends.

- If the caller has joined before, or an agent has opened its stream: after a minute without the caller.
- Otherwise: when the caller's last token has expired, including LiveKit's leeway.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.conversation.model.records import Call

ABSENT_SECONDS = 60.0
"""Time without the caller after which the call ends."""
JOIN_LEEWAY = timedelta(seconds=60)
"""Time for which LiveKit still accepts an expired token."""


@dataclass(slots=True)
class CallerPresence:
    """Observations of one call's caller. `present_since` and `absent_since` are in monotonic seconds."""

    present_since: float | None = None
    absent_since: float | None = None
    admitted_until: datetime | None = None
    """Expiry of the caller's token when the absence began."""

    def reset(self) -> None:
        """Forget the observations. Call it when the room server can't be reached."""
        self.present_since = self.absent_since = None

    def observe_present(self, now: float) -> float:
        """Record that the caller is in the room. Return the seconds since the caller was first seen there."""
        self.absent_since = None
        self.present_since = now if self.present_since is None else self.present_since
        return now - self.present_since

    def observe_absent(self, call: Call, now: float, time: datetime) -> bool:
        """Record that the caller is not in the room. Return whether the call must end.

        Args:
            now: current time in monotonic seconds.
            time: current time of the wall clock.
        """
        self.present_since = None
        if self.absent_since is None or self.admitted_until != call.access_expire_time:
            # The caller has just left, or has a new token and is about to return.
            self.absent_since, self.admitted_until = now, call.access_expire_time
        if call.caller_joined_time is not None or call.writer_id is not None:
            return now - self.absent_since > ABSENT_SECONDS
        return time > call.access_expire_time + JOIN_LEEWAY
