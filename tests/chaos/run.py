"""One run of chaos: its size, its seed, and its report.

`READBACK_CHAOS=full` (`make chaos`) runs everything; without it a slice runs that fits into a check. Each
scenario adds a line to the file that `READBACK_CHAOS_REPORT` names.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
import zlib
from collections import Counter
from pathlib import Path

from tests.chaos.history import History

FULL = os.environ.get("READBACK_CHAOS") == "full"
"""True if everything runs and times are checked, which makes sense only on a quiet machine."""
SEED = int(os.environ.get("READBACK_CHAOS_SEED") or random.SystemRandom().randrange(2**32))
"""Seed of all random choices; it is printed, and can be set to repeat a run."""


def amount(*, slice: int, full: int) -> int:  # noqa: A002  # the usual word
    """Return the first number in a slice, the second in a full run."""
    return full if FULL else slice


def rng_for(test: str) -> random.Random:
    """Return a test's own generator; it does not depend on the other tests of the run."""
    return random.Random(SEED ^ zlib.crc32(test.encode()))


SECONDS = amount(slice=60, full=900)
"""Timeout of one scenario."""


def end_with_the_first_signal() -> None:
    """Let Ctrl-C end this process at once, as SIGTERM does, instead of after the tests that its threads run.

    Their processes end with it (`cli.supervisor.child_processes`).
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Report:
    """Counts and measurements of one scenario."""

    def __init__(self, scenario: str) -> None:
        self.scenario, self.counts = scenario, Counter[str]()
        self.measures: dict[str, float] = {}
        """Measurements by name with unit, checked or not."""
        self.broken = True
        """False once the test has passed."""
        self._began = time.monotonic()

    def add(self, history: History) -> None:
        """Add the counts of a history that the validators have accepted."""
        self.counts["appends"] += len(history.appends)
        self.counts["acked"] += len(history.acked)
        self.counts["yielded"] += sum(len(watcher.yielded) for watcher in history.watchers)
        self.counts["streams"] += sum(len(watcher.streams) for watcher in history.watchers)

    def write(self) -> None:
        """Append a line to the report file, if there is one."""
        path = os.environ.get("READBACK_CHAOS_REPORT")
        if path:
            seconds = round(time.monotonic() - self._began, 1)
            line = {"scenario": self.scenario, "seed": SEED, "seconds": seconds, "broken": self.broken}
            line |= {"counts": self.counts, "measures": self.measures}
            with Path(path).open("a") as file:
                file.write(json.dumps(line) + "\n")
