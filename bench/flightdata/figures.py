"""Aims of the flight-data benches, and the table that compares them with the measurements."""

from __future__ import annotations

from collections.abc import Mapping

from bench.transcript_log.aims import Aim
from bench.transcript_log.interleaved_rounds import Spread

AIMS = {
    aim.key: aim
    for aim in (
        Aim("cache_hit_vs_echo", "p50 of a cached search ÷ p50 of a gRPC echo of its messages", 1.5),
        Aim("identical_misses_calls", "vendor calls for 200 equal searches, two replicas, one Redis", 1, ""),
        Aim("hung_primary_vs_secondary", "p50 with a hung vendor ÷ (hedge delay + 1.2 × p50 without)", 1),
        Aim("sample_search_p50_ms", "a sample search over gRPC, 1,000 pairs of busy cities", 5, "ms"),
        Aim("sample_search_p99_ms", "the same, p99", 25, "ms"),
        Aim("sample_search_rss_mb", "memory of the process with server and client", 250, "MB"),
        Aim("startup_seconds", "start of that process until its first request", 2, "s"),
        Aim("fault_schedules_ok", "share of 200 random fault schedules that hold", 0.999, "", at_least=True),
        Aim("fault_schedules_to_the_sick", "share of requests that an open breaker lets through", 0.05, ""),
        Aim("fault_schedules_over_budget", "calls beyond a budget in all schedules", 0, ""),
    )
}


def as_markdown(found: Mapping[str, Spread]) -> str:
    """Format the figures and their aims as a Markdown table, with "missing" for unmeasured figures."""
    rows = ["| key | what | median | range | aim | |", "|---|---|---|---|---|---|"]
    for key, aim in AIMS.items():
        if key in found:
            spread, verdict = found[key], "met" if aim.met(found[key].median) else "**falls short**"
            rows.append(
                f"| `{key}` | {aim.what} | {spread.median:.3g} | {_range(spread)} | {aim} | {verdict} |"
            )
        else:
            rows.append(f"| `{key}` | {aim.what} | missing | | {aim} | |")
    return "\n".join(rows) + "\n"


def _range(spread: Spread) -> str:
    return f"{spread.least:.3g} … {spread.most:.3g}" if spread.least < spread.most else ""
