"""The command line: which figures, how thoroughly, and how they are told."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import uvloop
from rich.console import Console
from rich.status import Status

from bench.transcript_log import appends, floors
from bench.transcript_log.aims import AIMS
from bench.transcript_log.comparing import Spread
from bench.transcript_log.cores import ask_from_here
from bench.transcript_log.figures import Figure, as_json, as_table, machine
from bench.transcript_log.stage import Effort, Stage, stage


@dataclass(frozen=True, slots=True)
class Group:
    """Figures that are measured together."""

    keys: tuple[str, ...]
    measure: Callable[[Stage], Awaitable[list[Figure]]]


GROUPS = (
    Group(("append_vs_naive", "append_vs_strong", "cpu_vs_naive"), appends.measure),
    Group(("batch_vs_strong",), appends.measure_batches),
)
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


async def measure(groups: Sequence[Group], effort: Effort, say: Callable[[str], None]) -> tuple[list[Figure], dict[str, Spread]]:
    """The figures of these groups, and the floors."""
    figures: list[Figure] = []
    async with stage(effort, say) as standing:
        bounds = await floors.measured(standing)
        for group in groups:
            figures += await group.measure(standing)
    return figures, bounds


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line."""
    from bench import conversation

    parser = argparse.ArgumentParser(description=conversation.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    parser.add_argument("--short", action="store_true", help="a round for CI: two rounds of 0.6 s")
    parser.add_argument("--only", default="", metavar="KEY,…", help=f"only these: {', '.join(AIMS)}")
    parsed = parser.parse_args(arguments)
    ask_from_here()
    began = time.monotonic()
    progress = Console(stderr=True)
    with progress.status("starting", refresh_per_second=1) as status:
        figures, bounds = uvloop.run(measure(chosen(parsed.only), SHORT if parsed.short else Effort(), _saying(status, began)))
    told = machine()
    if parsed.json:
        json.dump(as_json(figures, bounds, told, time.monotonic() - began), sys.stdout, indent=2)
        print()
    else:
        Console(width=None if sys.stdout.isatty() else 150).print(as_table(figures, bounds, told))


def _saying(status: Status, began: float) -> Callable[[str], None]:
    runs = 0

    def say(what: str) -> None:
        nonlocal runs
        runs += 1
        status.update(f"{what} · run {runs} · {time.monotonic() - began:.0f} s")

    return say
