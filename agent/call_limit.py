"""Limit on the calls that one worker accepts.

By default livekit-agents admits calls by CPU load, which says little about the capacity for one more call:

* A worker whose load is above a threshold refuses jobs. A job that is starting counts as the whole threshold
  divided by `num_idle_processes`. So with one idle process and any finite threshold, an idle worker refuses
  the second of two simultaneous calls.
* The LiveKit server skips a worker that reports a load of 1. On a busy machine every worker reports that.

Therefore the threshold is infinite, the reported load is the number of calls relative to the limit, and
`CallLimit` refuses calls above the limit.
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
        """Return whether to accept this job while the jobs in `running` are running.

        An accepted job that doesn't start within 15 seconds no longer counts.
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
