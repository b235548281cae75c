"""`python -m tests.chaos` runs all scenarios of chaos and prints a summary.

Four lanes run in parallel: two mostly wait for injected faults, two mostly compute. Scenarios that check
times run alone afterwards. `--slice` runs the small part for CI; `--json` and `--markdown` name files for the
summary.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.supervisor import child_processes
from mesh.settings import CHECKOUT
from tests.chaos.run import SEED, end_with_the_first_signal

PYTEST = ("-m", "pytest", "-q", "--show-capture=no", "-p", "no:cacheprovider")
CONVERSATION = "tests/chaos/conversation"
MODEL = (*PYTEST, "tests/integration/conversation/log/test_log_model.py")
LANES: Sequence[Sequence[Sequence[str]]] = (
    (
        (
            *PYTEST,
            f"{CONVERSATION}/test_kills.py",
            f"{CONVERSATION}/test_lost_acks.py",
            f"{CONVERSATION}/test_bad_networks.py",
        ),
        (*PYTEST, f"{CONVERSATION}/test_cancelled_calls.py"),
        (*PYTEST, f"{CONVERSATION}/test_killed_service.py", "tests/chaos/product"),
    ),
    (
        (*PYTEST, f"{CONVERSATION}/test_moved_watchers.py"),
        ("-m", "tests.chaos.mutants"),
    ),
    (MODEL,),
    (MODEL,),
)
ALONE: Sequence[Sequence[str]] = (
    (*PYTEST, f"{CONVERSATION}/test_rolling_restart.py"),
    (*PYTEST, f"{CONVERSATION}/test_stores_lost.py"),
    (*PYTEST, f"{CONVERSATION}/test_stalled_watcher.py", f"{CONVERSATION}/test_overload.py"),
)
"""Scenarios that check times."""
HISTORIES = {"full": 1000, "slice": 12}
"""Histories of the state machine on which memory, SQLite and PostgreSQL must agree, in each of its two
lanes."""


@dataclass(frozen=True, slots=True)
class Result:
    """Result of one command."""

    command: Sequence[str]
    code: int
    seconds: float
    output: str


def main() -> int:
    """Run everything; return 0 if nothing broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--slice", action="store_true", help="run the small part for CI")
    parser.add_argument("--json", type=Path, help="write the summary to this file as one JSON object")
    parser.add_argument("--markdown", type=Path, help="write the summary to this file as a table")
    wanted = parser.parse_args()
    size = "slice" if wanted.slice else "full"
    with tempfile.TemporaryDirectory(prefix="readback-chaos-") as folder:
        report = Path(folder) / "report"
        report.touch()
        environment = {
            **os.environ,
            "READBACK_CHAOS": size,
            "READBACK_CHAOS_SEED": str(SEED),
            "READBACK_CHAOS_REPORT": str(report),
        }
        environment["READBACK_MODEL_EXAMPLES"] = str(HISTORIES[size])
        print(f"chaos, {size}: READBACK_CHAOS_SEED={SEED}", flush=True)
        began = time.monotonic()
        results = _run(environment)
        scenarios = [json.loads(line) for line in report.read_text().splitlines()]
    scenarios.append(_model([one for one in results if one.command == MODEL], HISTORIES[size]))
    failed = [one for one in results if one.code]
    summary = {
        "seed": SEED,
        "size": size,
        "seconds": round(time.monotonic() - began),
        "scenarios": scenarios,
        "failed": len(failed),
    }
    table = markdown(summary)
    print(table)
    for one in failed:
        print(f"\n{' '.join(one.command)} ended with {one.code}:\n{one.output[-6000:]}")
    if wanted.json:
        wanted.json.write_text(json.dumps(summary, indent=1) + "\n")
    if wanted.markdown:
        wanted.markdown.write_text(table)
    return 1 if failed else 0


def _run(environment: Mapping[str, str]) -> list[Result]:
    with ThreadPoolExecutor(len(LANES)) as pool:
        lanes = list(pool.map(lambda lane: [_run_command(command, environment) for command in lane], LANES))
    return [
        *(one for lane in lanes for one in lane),
        *(_run_command(command, environment) for command in ALONE),
    ]


def _run_command(command: Sequence[str], environment: Mapping[str, str]) -> Result:
    began = time.monotonic()
    process = child_processes.run([sys.executable, *command], env=environment, cwd=CHECKOUT)
    result = Result(command, process.returncode, time.monotonic() - began, process.stdout + process.stderr)
    name = " ".join(
        word for word in command if not word.startswith("-") and word not in ("pytest", "no:cacheprovider")
    )
    print(f"  {'ok    ' if not result.code else 'FAILED'} {result.seconds:5.0f} s  {name}", flush=True)
    return result


def _model(lanes: Sequence[Result], histories: int) -> dict[str, Any]:
    counts = {"histories": histories * len(lanes), "steps each": 50}
    seconds, broken = max(lane.seconds for lane in lanes), any(lane.code for lane in lanes)
    return {
        "scenario": "memory, SQLite and PostgreSQL agree",
        "seconds": seconds,
        "counts": counts,
        "measures": {},
        "broken": broken,
    }


def markdown(summary: Mapping[str, Any]) -> str:
    """Return the summary as a table."""
    lines = ["| scenario | counted | measured | s | violations |", "|---|---|---|---:|---:|"]
    for one in summary["scenarios"]:
        counts, measures = (
            ", ".join(f"{value:,} {name}" for name, value in one[kind].items())
            for kind in ("counts", "measures")
        )
        broken = "yes" if one.get("broken") else "0"
        lines.append(
            f"| {_scenario_name(one['scenario'])} | {counts} | {measures} | {one['seconds']:.0f} | {broken} |"
        )
    lines.append(f"\nSeed {summary['seed']}, {summary['size']}, {summary['seconds']} s in total.\n")
    return "\n".join(lines)


def _scenario_name(scenario: str) -> str:
    return scenario.removeprefix("test_").replace("_", " ").replace("[", " (").replace("]", ")")


if __name__ == "__main__":
    end_with_the_first_signal()
    sys.exit(main())
