"""Leaving a provider that fails alone, but for a few questions that find out whether it is well again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

STRIKES = 3
"""Failures in a row after which a provider is left alone."""
FIRST_REST, LONGEST_REST = timedelta(seconds=10), timedelta(minutes=2)
"""How long at first, and at most after more failures, each time twice as long."""
OTHERS_PER_PROBE = 20
"""Questions that go elsewhere for each that is tried on a sick provider: 5 % at most."""
FORGIVEN_AFTER = timedelta(minutes=15)
"""Where few ask, twenty questions may take days: after so long the breaker is no longer open and the next question is a trial."""


@dataclass(slots=True)
class Breaker:
    """Of one capability of one provider. Closed until `STRIKES` failures in a row; open it lets hardly anything through."""

    strikes: int = 0
    rests_until: datetime | None = None
    rest: timedelta = FIRST_REST
    merely_slow: bool = True
    """Whether none of the strikes was an error."""
    changed: datetime | None = None
    """When it last opened or closed, which is what replicas tell each other."""
    _turned_away: int = 0
    _probing: bool = False
    """Whether a probe is on its way, as far as is known."""

    @property
    def is_open(self) -> bool:
        """Whether questions are turned away."""
        return self.rests_until is not None

    def admits(self, now: datetime, *, last_resort: bool = False) -> bool:
        """Whether this question may be asked; one that may while it is open is a probe, and the next has to wait for its turn.

        A `last_resort` is a question that nobody else could answer: it waits for the end of the rest only, and not even for that when
        all that was wrong is that another was faster.
        """
        if self.rests_until is None or (last_resort and self.merely_slow):
            return True
        if not self._is_due(self.rests_until, now, last_resort=last_resort):
            self._turned_away += not last_resort
            return False
        self._turned_away, self._probing, self.rests_until = 0, True, now + self.rest
        return True

    def would_admit(self, now: datetime) -> bool:
        """What `admits` would say, without a question being counted or a probe spent."""
        return self.rests_until is None or self._is_due(self.rests_until, now)

    def _is_due(self, rests_until: datetime, now: datetime, *, last_resort: bool = False) -> bool:
        due = now >= rests_until and (last_resort or self._turned_away >= OTHERS_PER_PROBE)
        return due or now >= rests_until + FORGIVEN_AFTER

    def succeeded(self, now: datetime) -> bool:
        """It answered; whether that closed the breaker."""
        was_open = self.is_open
        self.strikes, self.rests_until, self.rest, self.merely_slow, self._probing = (
            0,
            None,
            FIRST_REST,
            True,
            False,
        )
        if was_open:
            self.changed = now
        return was_open

    def failed(self, now: datetime, *, overtaken: bool = False) -> bool:
        """It failed, or was `overtaken` by one that was asked later; whether that opened the breaker, or opened it anew.

        While it is open only a probe's failure is news: questions asked before it opened fail for what opened it.
        """
        self.strikes += 1
        self.merely_slow = self.merely_slow and overtaken
        if self.strikes < STRIKES or (self.is_open and not self._probing):
            return False
        self.rest = min(LONGEST_REST, self.rest * 2) if self.is_open else FIRST_REST
        self._turned_away, self._probing = 0, False
        self.rests_until, self.changed = now + self.rest, now
        return True

    def hear(self, rests_until: datetime | None, changed: datetime) -> None:
        """What another replica found out, if it is newer."""
        if self.changed is not None and changed <= self.changed:
            return
        self.changed, self.rests_until = changed, rests_until
        self.strikes = STRIKES if rests_until else 0
