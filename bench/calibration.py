"""Calibration of the confidence of `readback understand`: is a frame with 90 % right nine times of ten?

    python -m bench.calibration CORPORA [--plot FILE] [--json]

CORPORA is a folder with labelled corpora, which are not part of this repository. Each has a `score.py` and
`*.jsonl` files of rows `{"text": …, "today": "YYYY-MM-DD", …}`. A row with `slots` is judged by the function
`judge(row, frame)` of its `score.py`, another row by its accepted `intents`. Rows with `apart` need the
question before them and are left out.

Printed are the frames, the mean confidence and the share of right frames of each bin, and the expected
calibration error: the mean distance between the two, weighted by the number of frames. The plot shows the
bins, with 95 % intervals (Wilson).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import runpy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from agent.dialogue.context import Context
from agent.dialogue.several_requests import first_request
from bench.plot_style import COLOURS, INK, STYLE, save
from bench.understanding import LexiconPlaces

EDGES = (0.0, 0.5, 0.8, 0.96, 1.01)
"""Edges of the bins. They are narrow where most frames are."""
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Judged:
    """The confidence of one frame, and whether the frame is right."""

    confidence: float
    right: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """Frames with similar confidence."""

    frames: int
    confidence: float
    share: float

    @classmethod
    def of(cls, judged: Sequence[Judged]) -> Bin:
        """Return the bin of one or more frames."""
        count = len(judged)
        mean = sum(frame.confidence for frame in judged) / count
        return cls(count, mean, sum(frame.right for frame in judged) / count)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share (Wilson, 1927)."""
        spread = _Z**2 / self.frames
        centre = (self.share + spread / 2) / (1 + spread)
        half = _Z * math.sqrt(self.share * (1 - self.share) / self.frames + spread / self.frames / 4)
        return centre - half / (1 + spread), centre + half / (1 + spread)


def bins_of(judged: Sequence[Judged]) -> Sequence[Bin]:
    """Return the bins that have frames, by confidence."""
    groups = ([frame for frame in judged if low <= frame.confidence < high] for low, high in pairwise(EDGES))
    return [Bin.of(group) for group in groups if group]


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Return the mean distance between confidence and share, weighted by the number of frames."""
    frames = sum(each.frames for each in bins)
    return sum(each.frames * abs(each.confidence - each.share) for each in bins) / frames


def _rows(folder: Path) -> Iterator[Mapping[str, Any]]:
    for path in sorted(folder.glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
        yield from (row for row in rows if "text" in row and not row.get("apart"))


def _is_right(row: Mapping[str, Any], frame: Mapping[str, Any], rules: Mapping[str, Any]) -> bool:
    if "slots" not in row:
        return frame["intent"] in row["intents"]
    verdicts, intent_right = rules["judge"](row, frame)
    return intent_right is not False and all(verdict == "right" for verdict in verdicts.values())


async def _frames(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the frame of the first request of each row, as `readback understand` prints it."""
    places = LexiconPlaces()
    contexts = [Context.pinned(date.fromisoformat(row["today"])) for row in rows]
    return [
        (await first_request(row["text"], places, context)).frame.to_json()
        for row, context in zip(rows, contexts, strict=True)
    ]


def judged_frames(corpora: Path) -> list[Judged]:
    """Return the judged frames of all corpora below a folder."""
    judged = []
    for score in sorted(corpora.rglob("score.py")):
        rules, rows = runpy.run_path(str(score)), list(_rows(score.parent))
        for row, frame in zip(rows, asyncio.run(_frames(rows)), strict=True):
            judged.append(Judged(frame["confidence"], _is_right(row, frame, rules)))
    return judged


def draw(bins: Sequence[Bin], error: float, path: Path) -> None:
    """Write an SVG of the share of right frames by confidence."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 4.6), layout="constrained")
        axes = figure.subplots()
        axes.plot([0.4, 1], [0.4, 1], "--", color=INK, label="confidence = share")
        reach = [
            [each.share - each.interval[0] for each in bins],
            [each.interval[1] - each.share for each in bins],
        ]
        axes.errorbar(
            [each.confidence for each in bins],
            [each.share for each in bins],
            yerr=[[max(side, 0.0) for side in sides] for sides in reach],
            fmt="o",
            color=COLOURS[0],
            capsize=3,
            label="frames of a bin, 95 % interval",
        )
        axes.set(
            title=f"Expected calibration error {error:.3f}",
            xlabel="confidence",
            ylabel="share of right frames",
            xlim=(0.4, 1.03),
            ylim=(0.4, 1.03),
        )
        axes.grid(visible=True)
        axes.legend(loc="upper left", frameon=False)
        save(figure, path)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpora", type=Path, help="folder with labelled corpora")
    parser.add_argument("--plot", type=Path, help="write the plot to this SVG file")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    arguments = parser.parse_args()
    bins = bins_of(judged_frames(arguments.corpora))
    if not bins:
        parser.error(f"no rows below {arguments.corpora}")
    error = expected_calibration_error(bins)
    if arguments.json:
        rows = [{"frames": each.frames, "confidence": each.confidence, "share": each.share} for each in bins]
        print(json.dumps({"bins": rows, "expected_calibration_error": error}))
    else:
        print("frames  confidence  right")
        for each in bins:
            print(f"{each.frames:6}  {each.confidence:10.3f}  {each.share:5.3f}")
        print(f"expected calibration error: {error:.3f}")
    if arguments.plot:
        draw(bins, error, arguments.plot)


if __name__ == "__main__":
    main()
