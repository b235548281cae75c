"""A short round of the bench, as a guard: whoever makes the log much slower or larger hears of it here and not from a user.

Asserted are 0.6 of the aims whose two sides are slowed alike by whatever else a machine does: throughput, CPU and bytes as ratios. Left to
the full run on a quiet machine are those that a busy one spoils: single acks (the disk's own mood is most of them), fan-out and the
hop between replicas (tails, in milliseconds), wake-ups (a ratio near one, of six services) and memory (five thousand streams).
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from bench.transcript_log.aims import AIMS, SHORT_ROUND
from mesh.settings import CHECKOUT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

GUARDED = (
    "append_vs_naive",
    "append_vs_strong",
    "cpu_vs_naive",
    "batch_vs_strong",
    "replay_vs_single",
    "wire_vs_text",
    "stored_vs_text_pg",
    "stored_vs_text_sqlite",
)


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What the bench's command says."""
    command = [sys.executable, "bench/conversation.py", "--short", "--json", "--only", ",".join(GUARDED)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


@pytest.mark.parametrize("key", GUARDED)
def test_a_short_round_reaches_its_share_of_the_aim(told: dict[str, Any], key: str) -> None:
    figure = told["figures"][key]
    assert AIMS[key].met(figure["median"], SHORT_ROUND), f"{figure}\nfloors: {told['floors']}"


def test_floors_are_told_with_the_figures(told: dict[str, Any]) -> None:
    assert {
        "fdatasync_us",
        "tcp_echo_us",
        "grpc_unary_us",
        "grpc_stream_ping_pong_us",
        "grpc_server_stream_msgs_s",
    } == told["floors"].keys()
    assert told["missing"] == []
