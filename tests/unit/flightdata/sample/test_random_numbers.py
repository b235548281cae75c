"""Random numbers depend on the seed and the parts only."""

from __future__ import annotations

import subprocess
import sys
from statistics import mean

import pytest

from services.flightdata.sample import number, unit

pytestmark = pytest.mark.unit


def test_the_same_choice_is_made_in_another_process() -> None:
    program = "from services.flightdata.sample import number; print(number('seed', 'AI542', 7))"
    other = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "99"},
    )
    assert int(other.stdout) == number("seed", "AI542", 7)


def test_seeds_and_parts_all_matter_and_do_not_run_together() -> None:
    assert (
        len(
            {
                number("a", "b"),
                number("b", "a"),
                number("a", "b", ""),
                number("ab"),
                number("a", "bc"),
                number("a", "b", "c"),
            }
        )
        == 6
    )


def test_shares_fill_the_unit_interval_evenly() -> None:
    drawn = [unit("seed", "share", i) for i in range(4000)]
    assert all(0 <= share < 1 for share in drawn)
    assert mean(drawn) == pytest.approx(0.5, abs=0.02)
    assert sum(share < 0.025 for share in drawn) == pytest.approx(100, abs=35)
