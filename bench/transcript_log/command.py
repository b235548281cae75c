"""Benchmark of the transcript log: throughput, latency, memory and bytes, against REST services and floors.

    python bench/conversation.py [--json] [--short] [--only KEY,…] [--plots]

It starts all servers: PostgreSQL, Redis, identity, the unchanged conversation service, and the REST services
of `bench/baselines/`. The compared sides run in the order A B B A, five rounds after a warm-up. The server
and its database share one core, the clients have another. All sides commit with fsync and have the same
number of open requests. Ratios are computed within a round: compare ratios, not absolute numbers.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import uvloop
from rich.console import Console
from rich.status import Status

from bench.transcript_log.aims import AIMS
from bench.transcript_log.figures import Figure, Measured, as_json, as_markdown, as_table, machine
from bench.transcript_log.measurements import (
    byte_sizes,
    floors,
    growth,
    latency,
    throughput,
    wakeup_cost,
    watcher_memory,
)
from bench.transcript_log.testbed.processes import pin_to_asking_core
from bench.transcript_log.testbed.testbed import Effort, Testbed, running_testbed
from cli.supervisor.child_processes import ended_by_signals
from mesh.settings import CHECKOUT

Measure = Callable[[Testbed], Awaitable[list[Figure]]]

GROUPS: Mapping[tuple[str, ...], Measure] = {
    ("append_vs_naive", "append_vs_strong", "cpu_vs_naive"): throughput.measure_appends,
    ("batch_vs_strong",): throughput.measure_batches,
    ("ack_vs_floor_sqlite", "ack_vs_floor_pg"): latency.measure_acks,
    ("fanout100_p99_vs_floor",): latency.measure_fanout,
    ("replica_hop_p50_ms", "replica_hop_p99_ms"): latency.measure_replica_hop,
    ("wakeups_on_vs_off",): wakeup_cost.measure,
    ("replay_vs_single",): throughput.measure_catch_up,
    ("rss_per_watcher_kb",): watcher_memory.measure,
    ("wire_vs_text",): byte_sizes.measure_wire,
    ("live_text_kb",): byte_sizes.measure_live,
    ("stored_vs_text_pg",): byte_sizes.measure_pg,
    ("stored_vs_text_sqlite",): byte_sizes.measure_sqlite,
}
"""Functions that measure a group of figures, by the keys of the figures."""
DOCS = CHECKOUT / "docs"
SHORT = Effort(rounds=2, seconds=0.6)


def chosen_groups(only: str) -> dict[tuple[str, ...], Measure]:
    """Return the groups with the given keys, separated by commas; all if none is given.

    Raises:
        SystemExit: a key is unknown.
    """
    keys = set(filter(None, only.split(",")))
    if unknown := keys - AIMS.keys():
        raise SystemExit(f"Unknown key {', '.join(sorted(unknown))}; use some of: {', '.join(AIMS)}.")
    return {group: run for group, run in GROUPS.items() if not keys or keys & set(group)}


async def measure(
    groups: Mapping[tuple[str, ...], Measure], effort: Effort, progress: Callable[[str], None]
) -> Measured:
    """Measure the groups and the floors. If a group fails, its figures are missing; the next group runs."""
    figures: list[Figure] = []
    missing: dict[str, str] = {}
    async with running_testbed(effort, progress) as bed:
        bounds = await floors.measure(bed)
        for keys, run in groups.items():
            try:
                figures += await run(bed)
            except Exception:  # noqa: BLE001 -- reported with the figures of the other groups
                missing |= dict.fromkeys(keys, traceback.format_exc() + bed.last_warnings())
    return Measured(figures, bounds, missing)


async def draw_growth(effort: Effort, progress: Callable[[str], None]) -> None:
    """Measure how cost grows and draw it into `docs/`."""
    from bench.transcript_log.measurements import plots  # needs matplotlib, which nothing else does

    async with running_testbed(effort, progress) as bed:
        plots.draw(await growth.appends(bed), plots.APPENDS, DOCS / "appends.svg")
        plots.draw(await growth.catching_up(bed), plots.CATCHING_UP, DOCS / "catching_up.svg")


@ended_by_signals()
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table as Markdown too")
    parser.add_argument("--short", action="store_true", help="measure briefly, for CI: two rounds of 0.6 s")
    parser.add_argument(
        "--plots", action="store_true", help="measure how cost grows instead, and draw it into docs/"
    )
    parser.add_argument("--only", default="", metavar="KEY,…", help=f"measure only these: {', '.join(AIMS)}")
    parsed = parser.parse_args(arguments)
    pin_to_asking_core()
    began = time.monotonic()
    stderr = Console(stderr=True)
    effort = SHORT if parsed.short else Effort()
    with stderr.status("starting", refresh_per_second=1) as status:
        progress = _progress(status, began)
        if parsed.plots:
            uvloop.run(draw_growth(effort, progress))
            return
        measured = uvloop.run(measure(chosen_groups(parsed.only), effort, progress))
    if parsed.json:
        json.dump(as_json(measured, machine(), time.monotonic() - began), sys.stdout, indent=2)
        print()
    else:
        Console(width=None if sys.stdout.isatty() else 150).print(as_table(measured, machine()))
    if parsed.markdown:
        parsed.markdown.write_text(as_markdown(measured))
    for key, trace in measured.missing.items():
        stderr.print(f"[red]{key} could not be measured[/]")
        stderr.print(trace, markup=False, highlight=False)
    if measured.missing:
        raise SystemExit(1)


def _progress(status: Status, began: float) -> Callable[[str], None]:
    runs = 0

    def show(what: str) -> None:
        nonlocal runs
        runs += 1
        status.update(f"{what} · run {runs} · {time.monotonic() - began:.0f} s")

    return show
