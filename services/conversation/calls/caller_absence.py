"""Caller absence: when a call without its caller ends.

- If the caller has joined, or an agent has held the call: after a minute without the caller.
- If the caller has never joined: when the caller's last token has expired.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.conversation.model.records import Call

ABSENT_SECONDS = 60.0
"""Time without the caller after which the call ends."""
JOIN_LEEWAY = timedelta(seconds=60)
"""Time for which LiveKit accepts an expired token."""


@dataclass(slots=True)
class CallerPresence:
    """Presence of the caller of one call, as observed, in monotonic seconds."""

    present_since: float | None = None
    absent_since: float | None = None
    admitted_until: datetime | None = None
    """Expiry of the caller's token when the absence began."""

    def reset(self) -> None:
        """Forget the observations, because the room server can't be reached."""
        self.present_since = self.absent_since = None

    def observe_present(self, now: float) -> float:
        """Note that the caller is in the room; return for how many seconds."""
        self.absent_since = None
        self.present_since = now if self.present_since is None else self.present_since
        return now - self.present_since

    def observe_absent(self, call: Call, now: float, time: datetime) -> bool:
        """Note that the caller is not in the room; return whether the call ends.

        Args:
            now: in monotonic seconds.
            time: the wall clock's.
        """
        self.present_since = None
        if self.absent_since is None or self.admitted_until != call.access_expire_time:
            # The caller has just left, or has a new token and is about to return.
            self.absent_since, self.admitted_until = now, call.access_expire_time
        if call.caller_joined_time is not None or call.writer_id is not None:
            return now - self.absent_since > ABSENT_SECONDS
        return time > call.access_expire_time + JOIN_LEEWAY
