"""How many calls a worker takes.

livekit-agents admits by CPU load. A worker above its threshold is passed over, and a first job that is being started counts as the whole
threshold divided by `num_idle_processes`: with one idle process, of two calls that come together the second is refused by a worker that
has nothing to do, and no threshold helps but an infinite one. The LiveKit server adds a gate of its own: it passes over a worker that
reports a load of 1, which on a busy machine is every worker that reports its CPU. How loaded the machine was a moment ago says little about
whether one more call fits. So the threshold is infinite, the load reported is that of calls, and this counts them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

_START_WITHIN_S = 15.0


class Admission:
    """Counts calls that run and calls that were accepted and are about to."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self._limit, self._clock = limit, clock
        self._accepted: dict[str, float] = {}

    def admit(self, job_id: str, running: Collection[str]) -> bool:
        """Whether to take this job while those run. What was accepted and has not started in time never will."""
        now = self._clock()
        self._accepted = {
            job: at for job, at in self._accepted.items() if job not in running and now - at < _START_WITHIN_S
        }
        if len(running) + len(self._accepted) >= self._limit:
            return False
        self._accepted[job_id] = now
        return True
