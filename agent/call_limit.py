"""Limit on the calls that one worker takes.

livekit-agents admits calls by CPU load. It skips a worker above its threshold, and counts a first job that is
starting as the whole threshold divided by `num_idle_processes`: with one idle process, the second of two
simultaneous calls is refused by an idle worker, whatever the threshold, unless that is infinite. The LiveKit
server also skips a worker that reports a load of 1, which on a busy machine is every worker that reports its
CPU. Recent load says little about room for one more call. So the threshold is infinite, the reported load is
that of calls, and this class counts them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

_START_TIMEOUT_S = 15.0


class CallLimit:
    """Counter of running calls, and of accepted calls that are about to start."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self._limit, self._clock = limit, clock
        self._accepted: dict[str, float] = {}

    def admit(self, job_id: str, running: Collection[str]) -> bool:
        """Return whether to take this job next to the running ones.

        Accepted jobs that don't start in time are dropped.
        """
        now = self._clock()
        self._accepted = {
            job: at
            for job, at in self._accepted.items()
            if job not in running and now - at < _START_TIMEOUT_S
        }
        if len(running) + len(self._accepted) >= self._limit:
            return False
        self._accepted[job_id] = now
        return True
