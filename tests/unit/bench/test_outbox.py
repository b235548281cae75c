"""The bench of the outbox measures what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.outbox import figures, puts, syncing

pytestmark = pytest.mark.unit


async def test_every_put_is_measured_and_nothing_is_left(tmp_path: Path) -> None:
    took = await puts(tmp_path, 50)
    assert took == sorted(took)
    assert len(took) == 50
    assert len(left_in(tmp_path)) == 0


def test_percentiles_are_of_all_puts() -> None:
    assert figures([float(index) for index in range(1, 101)]) == {"p50": 51.0, "p99": 100.0, "max": 100.0}


def test_the_disk_is_kept_busy_until_the_block_ends(tmp_path: Path) -> None:
    with syncing(tmp_path):
        pass
    assert len(left_in(tmp_path)) <= 1


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())
