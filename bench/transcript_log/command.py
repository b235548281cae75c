"""The command line: which figures, how thoroughly, and how they are told."""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop
from rich.console import Console
from rich.status import Status

from bench.transcript_log import replica_hop
from bench.transcript_log.aims import AIMS
from bench.transcript_log.figures import Figure, Measured, as_json, as_markdown, as_table, machine
from bench.transcript_log.measurements import ack_latency as acks
from bench.transcript_log.measurements import append_throughput as appends
from bench.transcript_log.measurements import byte_sizes as sizes
from bench.transcript_log.measurements import catch_up as replay
from bench.transcript_log.measurements import delivery_latency as fanout
from bench.transcript_log.measurements import floors, growth
from bench.transcript_log.measurements import wakeup_cost as wakeups
from bench.transcript_log.measurements import watcher_memory as memory
from bench.transcript_log.testbed.cores import ask_from_here
from bench.transcript_log.testbed.testbed import Effort, Stage, stage
from mesh.settings import CHECKOUT


@dataclass(frozen=True, slots=True)
class Group:
    """Figures that are measured together."""

    keys: tuple[str, ...]
    measure: Callable[[Stage], Awaitable[list[Figure]]]


GROUPS = (
    Group(("append_vs_naive", "append_vs_strong", "cpu_vs_naive"), appends.measure),
    Group(("batch_vs_strong",), appends.measure_batches),
    Group(("ack_vs_floor_sqlite", "ack_vs_floor_pg"), acks.measure),
    Group(("fanout100_p99_vs_floor",), fanout.measure),
    Group(("replica_hop_p50_ms", "replica_hop_p99_ms"), replica_hop.measure),
    Group(("wakeups_on_vs_off",), wakeups.measure),
    Group(("replay_vs_single",), replay.measure),
    Group(("rss_per_watcher_kb",), memory.measure),
    Group(("wire_vs_text",), sizes.measure_wire),
    Group(("stored_vs_text_pg",), sizes.measure_pg),
    Group(("stored_vs_text_sqlite",), sizes.measure_sqlite),
)
DOCS = CHECKOUT / "docs"
SHORT = Effort(rounds=2, seconds=0.6)


def chosen(only: str) -> list[Group]:
    """The groups that give the keys named, separated by commas; all when none is.

    Raises:
        SystemExit: a key is unknown.
    """
    keys = set(filter(None, only.split(",")))
    if unknown := keys - AIMS.keys():
        raise SystemExit(f"There is no {', '.join(sorted(unknown))}; there are: {', '.join(AIMS)}.")
    return [group for group in GROUPS if not keys or keys & set(group.keys)]


async def measure(groups: Sequence[Group], effort: Effort, say: Callable[[str], None]) -> Measured:
    """The figures of these groups, and the floors. A group that fails is told as missing and costs no other."""
    figures: list[Figure] = []
    missing: dict[str, str] = {}
    async with stage(effort, say) as standing:
        bounds = await floors.measured(standing)
        for group in groups:
            try:
                figures += await group.measure(standing)
            except Exception:  # noqa: BLE001 -- told, with the others' figures
                missing |= dict.fromkeys(group.keys, traceback.format_exc() + standing.complaints())
    return Measured(figures, bounds, missing)


async def draw_growth(effort: Effort, say: Callable[[str], None]) -> None:
    """Measures how cost grows and draws it into `docs/`."""
    from bench.transcript_log.measurements import plots

    async with stage(effort, say) as standing:
        appended = await growth.appends(standing)
        plots.draw(appended, plots.APPENDS, DOCS / "appends.svg")
        caught_up = await growth.catching_up(standing)
        plots.draw(caught_up, plots.CATCHING_UP, DOCS / "catching_up.svg")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line."""
    from bench import conversation

    parser = argparse.ArgumentParser(
        description=conversation.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="writes the table for a page as well")
    parser.add_argument("--short", action="store_true", help="a round for CI: two rounds of 0.6 s")
    parser.add_argument(
        "--plots",
        action="store_true",
        help="draw how cost grows, into docs/, instead of measuring the figures",
    )
    parser.add_argument("--only", default="", metavar="KEY,…", help=f"only these: {', '.join(AIMS)}")
    parsed = parser.parse_args(arguments)
    ask_from_here()
    began = time.monotonic()
    progress = Console(stderr=True)
    effort = SHORT if parsed.short else Effort()
    with progress.status("starting", refresh_per_second=1) as status:
        say = _saying(status, began)
        if parsed.plots:
            uvloop.run(draw_growth(effort, say))
            return
        measured = uvloop.run(measure(chosen(parsed.only), effort, say))
    if parsed.json:
        json.dump(as_json(measured, machine(), time.monotonic() - began), sys.stdout, indent=2)
        print()
    else:
        Console(width=None if sys.stdout.isatty() else 150).print(as_table(measured, machine()))
    if parsed.markdown:
        parsed.markdown.write_text(as_markdown(measured))
    for key, trace in measured.missing.items():
        progress.print(f"[red]{key} could not be measured[/]")
        progress.print(trace, markup=False, highlight=False)
    if measured.missing:
        raise SystemExit(1)


def _saying(status: Status, began: float) -> Callable[[str], None]:
    runs = 0

    def say(what: str) -> None:
        nonlocal runs
        runs += 1
        status.update(f"{what} · run {runs} · {time.monotonic() - began:.0f} s")

    return say
