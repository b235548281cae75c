"""Figures of the starvation bench: percentiles, ratios to idle, and failures."""

from __future__ import annotations

import pytest

from bench.starvation.__main__ import as_markdown, figures, p95
from bench.starvation.customer import FAILED_SECONDS

pytestmark = pytest.mark.unit


def test_the_p95_is_a_measured_duration() -> None:
    assert p95([0.1]) == 0.1
    assert p95([number / 100 for number in range(1, 101)]) == 0.95


def test_the_table_marks_what_is_above_the_aim_and_counts_failures() -> None:
    columns = {
        "idle": {"sign-in": [0.1] * 20, "search": [0.01] * 20},
        "guessing": {"sign-in": [0.2] * 20, "search": [0.05] * 18 + [FAILED_SECONDS] * 2},
    }
    found = figures(columns)
    assert found["guessing"]["sign-in"]["vs_idle"] == 2
    assert as_markdown(found).splitlines()[2:] == [
        "| idle | 100 ms | 10 ms |",
        "| guessing | 200 ms (2.0 ×) | **30000 ms (3000.0 ×)**, 2 failed |",
    ]
