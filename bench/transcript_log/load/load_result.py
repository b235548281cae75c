"""The result of a run under load: turns, waits, and CPU time of each process."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from bench.transcript_log.interleaved_rounds import percentile
from bench.transcript_log.testbed.processes import cpu_seconds


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Turns that were acknowledged as durable, and their cost."""

    turns: int
    seconds: float
    """From the first request to the last answer."""
    waits: Sequence[float]
    """Seconds from each request to its answer."""
    server_cpu: float = 0.0
    """CPU seconds of the server."""
    database_cpu: float = 0.0
    """CPU seconds of the database."""
    client_cpu: float = 0.0
    """CPU seconds of this process."""

    @property
    def rate(self) -> float:
        """Turns per second."""
        return self.turns / self.seconds

    def wait_ms(self, percent: float) -> float:
        """Return a percentile of the waits, in milliseconds."""
        return percentile(self.waits, percent) * 1000

    @property
    def server_us(self) -> float:
        """CPU time of the server per turn, in microseconds."""
        return self.server_cpu / self.turns * 1e6

    @property
    def server_and_database_us(self) -> float:
        """CPU time of server and database together per turn, in microseconds."""
        return (self.server_cpu + self.database_cpu) / self.turns * 1e6


async def with_cpu(
    run: Callable[[], Awaitable[LoadResult]], *, server: int, database: int | None
) -> LoadResult:
    """Run a load; add the CPU time that it used in this process and in those with the given IDs."""

    def used() -> tuple[float, float, float]:
        database_cpu = cpu_seconds(database) if database is not None else 0.0
        return cpu_seconds(server), database_cpu, cpu_seconds(os.getpid(), children=False)

    before = used()
    result = await run()
    server_cpu, database_cpu, client_cpu = (now - then for now, then in zip(used(), before, strict=True))
    return replace(result, server_cpu=server_cpu, database_cpu=database_cpu, client_cpu=client_cpu)
