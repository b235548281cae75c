"""A short round of the log benchmark, which fails if the log becomes much slower or larger.

It asserts 0.6 of the aims whose sides a busy machine slows alike: throughput, CPU and bytes as ratios. The
other aims need a full run on a quiet machine: single acks (mostly the disk), catching up (its sides are bound
by the processor and by system calls, which machines do at different speeds), fan-out and the hop between
replicas (tails in milliseconds), wake-ups (a ratio near one) and memory (five thousand streams).
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from bench.transcript_log.aims import AIMS, SHORT_ROUND
from cli.supervisor.child_processes import run
from mesh.settings import CHECKOUT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

GUARDED = (
    "append_vs_naive",
    "append_vs_strong",
    "cpu_vs_naive",
    "batch_vs_strong",
    "wire_vs_text",
    "live_text_kb",
    "stored_vs_text_pg",
    "stored_vs_text_sqlite",
)


@pytest.fixture(scope="module")
def output() -> dict[str, Any]:
    """The JSON output of the benchmark."""
    command = [sys.executable, "bench/conversation.py", "--short", "--json", "--only", ",".join(GUARDED)]
    done = run(command, cwd=CHECKOUT)
    assert done.returncode == 0, done.stderr
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


@pytest.mark.parametrize("key", GUARDED)
def test_a_short_round_reaches_its_share_of_the_aim(output: dict[str, Any], key: str) -> None:
    figure = output["figures"][key]
    assert AIMS[key].met(figure["median"], SHORT_ROUND), f"{figure}\nfloors: {output['floors']}"


def test_floors_are_reported_with_the_figures(output: dict[str, Any]) -> None:
    assert {
        "fdatasync_us",
        "tcp_echo_us",
        "grpc_unary_us",
        "grpc_stream_ping_pong_us",
        "grpc_server_stream_msgs_s",
    } == output["floors"].keys()
    assert output["missing"] == []
