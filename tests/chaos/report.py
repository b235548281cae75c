"""What a run of chaos counted: each scenario adds a line to the file that `READBACK_CHAOS_REPORT` names."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from pathlib import Path

from tests.chaos import scale
from tests.chaos.history import History


class Report:
    """The counts of one scenario."""

    def __init__(self, scenario: str) -> None:
        self.scenario, self.counts = scenario, Counter[str]()
        self.measures: dict[str, float] = {}
        """Judged or not, what was measured: by name with its unit."""
        self.broken = True
        """Until the test has passed."""
        self._began = time.monotonic()

    def of(self, history: History) -> None:
        """Takes over what a history holds. To be called when it was found sound."""
        self.counts["appends"] += len(history.appends)
        self.counts["acked"] += len(history.acked)
        self.counts["handed out"] += sum(len(watcher.handed) for watcher in history.watchers)
        self.counts["streams"] += sum(len(watcher.streams) for watcher in history.watchers)

    def write(self) -> None:
        """Appends it to the report, if one is wanted."""
        where = os.environ.get("READBACK_CHAOS_REPORT")
        if where:
            seconds = round(time.monotonic() - self._began, 1)
            line = {"scenario": self.scenario, "seed": scale.SEED, "seconds": seconds, "broken": self.broken}
            line |= {"counts": self.counts, "measures": self.measures}
            with Path(where).open("a") as file:
                file.write(json.dumps(line) + "\n")
