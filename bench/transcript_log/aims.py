"""Performance targets of the log: each aim with its key, as published with the results."""

from __future__ import annotations

from dataclasses import dataclass

SHORT_ROUND = 0.6
"""Share of an aim that a short measurement on a busy machine must reach."""


@dataclass(frozen=True, slots=True)
class Aim:
    """One target for speed or size."""

    key: str
    what: str
    bound: float
    unit: str = "×"
    at_least: bool = False
    """True if the aim is a minimum, False if it is a maximum."""

    def met(self, value: float, share: float = 1.0) -> bool:
        """Return whether a value reaches a share of the aim. 0.6 of "at least 10" is 6, of "at most 3" 5."""
        return value >= self.bound * share if self.at_least else value <= self.bound / share

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g} {self.unit}".rstrip()


_ALL = (
    Aim(
        "append_vs_naive",
        "acked durable turns/s, 16 streams, window 8, PostgreSQL, against the naive REST service",
        12,
        at_least=True,
    ),
    Aim("append_vs_strong", "the same against the strong REST service", 2.5, at_least=True),
    Aim("batch_vs_strong", "16 turns a message against POSTs of 16 turns", 1.8, at_least=True),
    Aim("ack_vs_floor_sqlite", "p50 of one durable append ÷ (stream ping-pong + fdatasync), SQLite", 1.8),
    Aim("ack_vs_floor_pg", "the same on PostgreSQL", 2.3),
    Aim("fanout100_p99_vs_floor", "p99 to 100 watchers of one conversation ÷ (100 / raw stream rate)", 3),
    Aim("replica_hop_p50_ms", "delay of an entry on another replica than the one that stored it", 1, "ms"),
    Aim("replica_hop_p99_ms", "the same, p99", 10, "ms"),
    Aim(
        "wakeups_on_vs_off",
        "append throughput with 100 watched conversations, wake-ups on ÷ off",
        0.9,
        at_least=True,
    ),
    Aim("replay_vs_single", "catch-up turns/s ÷ a raw stream with one message a turn", 6, at_least=True),
    Aim("rss_per_watcher_kb", "server memory per idle watcher, up to 5,000 in one process", 40, "kB"),
    Aim("wire_vs_text", "bytes of a replayed 60-turn conversation ÷ its text", 1.25),
    Aim("live_text_kb", "live text of three spoken sentences, 100 revisions", 5, "kB"),
    Aim("stored_vs_text_pg", "bytes on disk after VACUUM ÷ text, PostgreSQL", 2.2),
    Aim("stored_vs_text_sqlite", "the same, SQLite", 1.5),
    Aim("cpu_vs_naive", "server CPU per acked turn ÷ the naive REST service's", 0.2),
)
AIMS = {aim.key: aim for aim in _ALL}
