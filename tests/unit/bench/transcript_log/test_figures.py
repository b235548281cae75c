"""Figures as a table, as Markdown and as one JSON object."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console

from bench.transcript_log.figures import Figure, Measured, as_json, as_markdown, as_table, machine
from bench.transcript_log.interleaved_rounds import Spread
from bench.transcript_log.load.load_result import LoadResult

pytestmark = pytest.mark.unit

GOOD = Figure("append_vs_naive", Spread(13.04, 12.51, 14.2), {"readback_turns_s": 8123.4})
BAD = Figure("wire_vs_text", Spread(1.31, 1.3, 1.34))
MEASURED = Measured(
    [GOOD, BAD], {"fdatasync_us": Spread(123.4, 120, 150)}, {"rss_per_watcher_kb": "Traceback …"}
)


def printed() -> str:
    written = StringIO()
    Console(file=written, width=150).print(as_table(MEASURED, {"cpus": 2}))
    return written.getvalue()


def test_a_figure_is_judged_by_its_median() -> None:
    assert GOOD.met
    assert not BAD.met
    assert Figure("append_vs_naive", Spread(12, 3, 50)).met


def test_one_json_object_contains_everything() -> None:
    output = json.loads(json.dumps(as_json(MEASURED, {"cpus": 2}, 12.34)))
    assert output["machine"] == {"cpus": 2}
    assert output["seconds"] == 12.3
    assert output["floors"]["fdatasync_us"] == {"median": 123, "least": 120, "most": 150}
    assert output["figures"]["append_vs_naive"] == {
        "median": 13.0,
        "least": 12.5,
        "most": 14.2,
        "aim": "≥ 12 ×",
        "met": True,
        "beside": {"readback_turns_s": 8123},
    }
    assert output["figures"]["wire_vs_text"]["met"] is False
    assert output["missing"] == ["rss_per_watcher_kb"]


def test_the_table_says_pass_and_falls_short() -> None:
    lines = printed().splitlines()
    assert any(
        "append_vs_naive" in line and "12.5 … 14.2" in line and "≥ 12 ×" in line and "PASS" in line
        for line in lines
    )
    assert any("wire_vs_text" in line and "FALLS SHORT" in line for line in lines)


def test_the_markdown_table_has_every_figure_and_floor() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in as_markdown(MEASURED).splitlines()
    ]
    assert {len(row) for row in rows} == {6}
    output = {row[0]: row[2:] for row in rows}
    assert output["`append_vs_naive`"] == ["13", "12.5 … 14.2", "≥ 12 ×", "met"]
    assert output["`wire_vs_text`"][-1] == "**falls short**"
    assert output["`rss_per_watcher_kb`"][0] == "missing"
    assert output["*floor*"][0] == "123"


def test_missing_figures_are_listed() -> None:
    assert any("rss_per_watcher_kb" in line and "MISSING" in line for line in printed().splitlines())


def test_floors_stand_in_the_same_table() -> None:
    assert any("floor fdatasync_us" in line and "123" in line for line in printed().splitlines())


def test_the_machine_is_described_without_its_name() -> None:
    assert set(machine()) == {"cpus", "system", "arch", "python"}


def test_a_load_has_rate_waits_and_cost() -> None:
    load = LoadResult(
        turns=1000, seconds=2.0, waits=[0.001] * 99 + [0.101], server_cpu=0.5, database_cpu=0.25
    )
    assert load.rate == 500
    assert load.wait_ms(50) == pytest.approx(1.0)
    assert load.wait_ms(100) == pytest.approx(101)
    assert load.server_us == pytest.approx(500)
    assert load.server_and_database_us == pytest.approx(750)
