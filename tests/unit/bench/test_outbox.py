"""The benchmark of the outbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.outbox import busy_disk, measure_puts, percentiles

pytestmark = pytest.mark.unit


async def test_every_put_is_measured_and_no_file_remains(tmp_path: Path) -> None:
    took = await measure_puts(tmp_path, 50)
    assert took == sorted(took)
    assert len(took) == 50
    assert len(left_in(tmp_path)) == 0


def test_percentiles_are_of_all_puts() -> None:
    assert percentiles([float(index) for index in range(1, 101)]) == {"p50": 51.0, "p99": 100.0, "max": 100.0}


def test_the_disk_is_kept_busy_until_the_block_ends(tmp_path: Path) -> None:
    with busy_disk(tmp_path):
        pass
    assert len(left_in(tmp_path)) <= 1


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())
