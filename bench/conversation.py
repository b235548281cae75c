"""Benchmark of the transcript log; `bench/transcript_log/command.py` describes it."""

from __future__ import annotations

from bench.transcript_log.command import main

if __name__ == "__main__":
    main()
