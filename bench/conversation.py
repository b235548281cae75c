"""How fast the transcript log is: throughput, latency, memory and bytes, beside two REST services and beside what can't be beaten.

    python bench/conversation.py [--json] [--short] [--only KEY,…] [--plots]

Starts everything itself: PostgreSQL, Redis, identity, the conversation service as it is shipped, the REST services of `bench/baselines/`.
Sides take turns A B B A, five rounds after a warm-up; the serving side has one core with its database, the asking side another; both
commit with fsync and have as many requests out. Ratios are taken within a round: read those, and not the absolute numbers.
"""

from __future__ import annotations

from bench.transcript_log.command import main

if __name__ == "__main__":
    main()
