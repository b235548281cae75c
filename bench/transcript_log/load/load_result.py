"""What a side got done in a while, however it was asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from bench.transcript_log.interleaved_rounds import percentile
from bench.transcript_log.testbed.cores import cpu_seconds


@dataclass(frozen=True, slots=True)
class Load:
    """Turns that were acknowledged as durable."""

    turns: int
    seconds: float
    """From the first request to the last answer."""
    waits: Sequence[float]
    """Seconds from each request to its answer."""
    server_cpu: float = 0.0
    """Seconds of CPU that the serving process used."""
    database_cpu: float = 0.0
    """Seconds of CPU that the database used."""
    asking_cpu: float = 0.0
    """Seconds of CPU that this process used."""

    @property
    def rate(self) -> float:
        """Turns a second."""
        return self.turns / self.seconds

    def wait_ms(self, percent: float) -> float:
        """A percentile of the waits, in milliseconds."""
        return percentile(self.waits, percent) * 1000

    @property
    def server_us(self) -> float:
        """Microseconds of the server's CPU a turn."""
        return self.server_cpu / self.turns * 1e6

    @property
    def serving_us(self) -> float:
        """Microseconds of CPU a turn of server and database together."""
        return (self.server_cpu + self.database_cpu) / self.turns * 1e6


async def costed(
    load: Callable[[], Awaitable[Load]], *, server: int, database: int | None, asking: int
) -> Load:
    """A load with what it cost the processes of these ids."""

    def used() -> tuple[float, float, float]:
        return (
            cpu_seconds(server),
            cpu_seconds(database) if database is not None else 0.0,
            cpu_seconds_alone(asking),
        )

    before = used()
    done = await load()
    server_cpu, database_cpu, asking_cpu = (
        after - earlier for after, earlier in zip(used(), before, strict=True)
    )
    return replace(done, server_cpu=server_cpu, database_cpu=database_cpu, asking_cpu=asking_cpu)


def cpu_seconds_alone(pid: int) -> float:
    """CPU time of one process without those it started."""
    import psutil

    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
