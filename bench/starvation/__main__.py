"""Benchmark of fairness: a well-behaved customer's waiting times while others attack.

    python -m bench.starvation [--seconds N] [--json] [--markdown FILE]

It measures an idle product, then one attack after another. Aim: every p95 is at most three times the idle
one. Attackers are processes of low priority on the same machine, and have addresses of their own.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from bench.starvation.attacks import ATTACKS, Targets
from bench.starvation.customer import FAILED_SECONDS, WellBehaved
from bench.starvation.services import Services, running_services
from cli.supervisor.child_processes import child_process, ended_by_signals

AIM = 3.0
IDLE = "idle"
LOGS_TO_DELETE = 3
SETTLE_SECONDS = 3.0

Column = Mapping[str, Sequence[float]]
"""Durations in seconds, by action."""


@contextmanager
def attacking(name: str, targets: Targets, log: Path) -> Any:
    """Run an attack until the block ends."""
    command = ["nice", "-n", "19", sys.executable, "-m", "bench.starvation.attacks", name, targets.encoded()]
    with log.open("wb") as output, child_process(command, stdout=output, stderr=output) as process:
        time.sleep(SETTLE_SECONDS)
        if process.poll() is not None:
            raise RuntimeError(f"the attack ended:\n{log.read_text()}")
        yield


async def measured(seconds: float, names: Sequence[str]) -> dict[str, Column]:
    """Measure idle and each attack."""
    with TemporaryDirectory(prefix="readback-bench-") as folder:
        async with running_services(Path(folder)) as services:
            customer = WellBehaved(services, await services.customers("good", 12))
            targets = await _targets(services, long_logs="long log" in names)
            await customer.measure(3)  # warm
            columns: dict[str, Column] = {IDLE: await customer.measure(seconds)}
            for name in names:
                _progress(name)
                with attacking(name, targets, Path(folder) / "attack.log"):
                    columns[name] = await customer.measure(seconds)
            return columns


async def _targets(services: Services, *, long_logs: bool) -> Targets:
    accounts = await services.customers("bad", 3)
    logs = [await services.long_log(accounts[0]) for _ in range(1 + LOGS_TO_DELETE if long_logs else 0)]
    return Targets(
        services.addresses,
        "good-0@example.com",
        [account.token for account in accounts],
        logs[0] if logs else "",
        logs[1:],
    )


def p95(durations: Sequence[float]) -> float:
    """Return the 95th percentile; a failed attempt counts as `FAILED_SECONDS`."""
    return sorted(durations)[max(0, math.ceil(0.95 * len(durations)) - 1)]


def figures(columns: Mapping[str, Column]) -> dict[str, Any]:
    """Return the p95 in milliseconds, its ratio to idle, and the failures, by attack and action."""
    found: dict[str, Any] = {}
    for name, column in columns.items():
        found[name] = {
            action: {
                "p95_ms": round(p95(durations) * 1000, 1),
                "vs_idle": round(p95(durations) / p95(columns[IDLE][action]), 2),
                "attempts": len(durations),
                "failed": sum(duration >= FAILED_SECONDS for duration in durations),
            }
            for action, durations in column.items()
        }
    return found


def as_markdown(found: Mapping[str, Any]) -> str:
    """Return a table with a row for each attack."""
    actions = list(found[IDLE])
    rows = [f"| | {' | '.join(actions)} |", "|---" * (len(actions) + 1) + "|"]
    for name, cells in found.items():
        rows.append(f"| {name} | " + " | ".join(_cell(cells[action], name) for action in actions) + " |")
    return "\n".join(rows) + "\n"


def _cell(cell: Mapping[str, Any], name: str) -> str:
    text = f"{cell['p95_ms']:.0f} ms"
    if name != IDLE:
        text += f" ({cell['vs_idle']:.1f} ×)"
        text = text if cell["vs_idle"] <= AIM else f"**{text}**"
    return f"{text}, {cell['failed']} failed" if cell["failed"] else text


def _progress(text: str) -> None:
    print(f"  {text}", file=sys.stderr)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20, help="duration of a measurement")
    parser.add_argument("--attack", choices=ATTACKS, action="append", help="only these attacks")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--markdown", type=Path, help="also write the table to this file")
    options = parser.parse_args()
    with ended_by_signals():
        columns = uvloop.run(measured(options.seconds, options.attack or list(ATTACKS)))
    found = figures(columns)
    table = as_markdown(found)
    if options.markdown:
        options.markdown.write_text(table, encoding="utf-8")
    print(json.dumps(found) if options.json else table)


if __name__ == "__main__":
    main()
