"""Benchmark of the idle product: CPU time of every part without a call, and wake-ups of its threads.

    python bench/idle_cpu.py [--json] [--seconds N]

It starts the whole product, waits until the agent's idle process has loaded its models, and then adds up user
and system time of every process of each part. Aim: all parts together use at most 2 % of a core.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from cli.supervisor.child_processes import ended_by_signals
from tests.product import Product, environment_for, started

AIM_PERCENT = 2.0
SETTLE_SECONDS = 20.0
"""Time after the start in which caches fill and the agent's idle process loads its models."""
PARTS = ("livekit", "identity", "flightdata", "conversation", "agent", "page", "gateway")


@dataclass(frozen=True, slots=True)
class Use:
    """CPU time and wake-ups of a process until now."""

    cpu_seconds: float
    wake_ups: int
    """Number of times that one of its threads stopped waiting."""


def processes(product: Product) -> Iterator[tuple[str, psutil.Process]]:
    """Yield each process with the name of its part; the supervisor and its reaper are `supervisor`."""
    everything = set(product.processes())
    for part in PARTS:
        main = product.process_of(part)
        group = {main, *main.children(recursive=True)}
        yield from ((part, process) for process in group)
        everything -= group
    yield from (("supervisor", process) for process in everything)


def use(process: psutil.Process) -> Use:
    """Return what a process has used."""
    times = process.cpu_times()
    switches = 0
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        with suppress(OSError):
            lines = (task / "status").read_text().splitlines()
            switches += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary"))
    return Use(times.user + times.system, switches)


def measure(product: Product, seconds: float) -> Mapping[str, tuple[float, float]]:
    """Return the percentage of a core, and the wake-ups a second, of each part."""
    before = [(part, process, use(process)) for part, process in processes(product)]
    began = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    percent: dict[str, float] = defaultdict(float)
    wake_ups: dict[str, float] = defaultdict(float)
    for part, process, then in before:
        now = use(process)
        percent[part] += 100 * (now.cpu_seconds - then.cpu_seconds) / took
        wake_ups[part] += (now.wake_ups - then.wake_ups) / took
    return {part: (percent[part], wake_ups[part]) for part in (*PARTS, "supervisor")}


@ended_by_signals()
def main() -> None:
    """Measure and print; exit with 1 if the aim is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, started(environment_for(Path(home))) as product:
        product.wait_for("Ctrl-C ends everything")
        time.sleep(SETTLE_SECONDS)
        found = measure(product, options.seconds)
    total = sum(percent for percent, _ in found.values())
    if options.json:
        print(json.dumps({"total_percent": total, "aim_percent": AIM_PERCENT, "parts": found}))
    else:
        for part, (percent, wake_ups) in found.items():
            print(f"{part:12} {percent:6.2f} % of a core {wake_ups:8.0f} wake-ups/s")
        print(f"{'together':12} {total:6.2f} % of a core (aim: {AIM_PERCENT:.0f} %)")
    raise SystemExit(total > AIM_PERCENT)


if __name__ == "__main__":
    main()
