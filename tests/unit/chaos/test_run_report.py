"""The run report shows counts and violations of each scenario; equal seeds give equal random numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mesh.settings import CHECKOUT
from tests.chaos.__main__ import ALONE, CONVERSATION, LANES, markdown
from tests.chaos.run import Report, rng_for

pytestmark = pytest.mark.unit


def test_each_scenario_has_a_line_with_its_counts_and_violations() -> None:
    scenarios = [
        {
            "scenario": "test_a_b[sqlite]",
            "seconds": 3.4,
            "counts": {"kills": 1200},
            "measures": {"MB more": 1.5},
            "broken": False,
        },
        {"scenario": "planted bugs", "seconds": 1, "counts": {}, "measures": {}, "broken": True},
    ]
    table = markdown({"scenarios": scenarios, "seed": 7, "size": "full", "seconds": 5})
    assert "| a b (sqlite) | 1,200 kills | 1.5 MB more | 3 | 0 |" in table
    assert "| planted bugs |  |  | 1 | yes |" in table
    assert "Seed 7, full, 5 s in total." in table


def test_a_scenario_that_did_not_end_counts_as_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READBACK_CHAOS_REPORT", str(tmp_path / "report"))
    report = Report("test_it")
    report.counts["kills"] += 2
    report.write()
    line = json.loads((tmp_path / "report").read_text())
    assert (line["scenario"], line["counts"], line["broken"]) == ("test_it", {"kills": 2}, True)


def test_the_same_test_throws_the_same_dice_and_another_test_others() -> None:
    throws = [[rng_for(name).random() for _ in range(3)] for name in ("one", "one", "other")]
    assert throws[0] == throws[1] != throws[2]


def test_every_scenario_of_the_conversation_service_is_run() -> None:
    arguments = {word for lane in (*LANES, ALONE) for command in lane for word in command}
    assert arguments >= {
        f"{CONVERSATION}/{path.name}" for path in (CHECKOUT / CONVERSATION).glob("test_*.py")
    }
    assert all((CHECKOUT / word).exists() for word in arguments if word.startswith("tests/"))
