"""Replicas of the conversation service as processes with one store, to kill, freeze and restart."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.processes import ForkServer, Process
from tests.product import free_ports

SERVE = "services.conversation.app:main"
STARTS_WITHIN_SECONDS = 30.0


@dataclass
class Replica:
    """One replica; each start uses the same ports."""

    fork_server: ForkServer
    environment: dict[str, str]
    log: Path
    port: int
    process: Process | None = None
    starts: int = 0

    @property
    def address(self) -> str:
        """Address of the replica."""
        return f"127.0.0.1:{self.port}"

    @property
    def running(self) -> Process:
        """Process of the replica."""
        assert self.process is not None
        return self.process

    async def start(self, failpoints: str = "", **settings: str) -> None:
        """Start it and wait until it listens, or until a failpoint (`name=kill@N`) kills it."""
        environment = (
            self.environment | settings | ({"READBACK_FAILPOINTS": failpoints} if failpoints else {})
        )
        tasks = self.log.with_suffix(".tasks")
        self.process = await asyncio.to_thread(
            self.fork_server.start, SERVE, environment, self.log, tasks=tasks
        )
        self.starts += 1
        async with asyncio.timeout(STARTS_WITHIN_SECONDS):
            while self.process.alive and not await self._listens():  # noqa: ASYNC110 -- another process
                await asyncio.sleep(0.01)
        assert self.process.alive or failpoints, (
            f"the service ended with {self.process.status}:\n{self.log.read_text()[-4000:]}"
        )

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True

    async def kill(self) -> None:
        """Send SIGKILL: the process dies without any cleanup."""
        await self._end_with(signal.SIGKILL)

    async def terminate(self) -> None:
        """Send SIGTERM: the process drains."""
        await self._end_with(signal.SIGTERM)

    def freeze(self) -> None:
        """Send SIGSTOP: its connections stay open, and nothing answers."""
        self.running.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Send SIGCONT."""
        self.running.signal(signal.SIGCONT)

    async def restart(self, failpoints: str = "") -> None:
        """Kill it and start it again."""
        await self.kill()
        await self.start(failpoints)

    async def tasks(self) -> int:
        """Return the number of its asyncio tasks."""
        counted = self.log.with_suffix(".tasks")
        counted.unlink(missing_ok=True)
        self.running.signal(signal.SIGUSR1)
        async with asyncio.timeout(10):
            while not counted.exists():  # noqa: ASYNC110 -- another process
                await asyncio.sleep(0.01)
        return int(counted.read_text())

    async def _end_with(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.signal(number)
            await self.process.ended()


@dataclass
class Cluster:
    """Replicas with one store."""

    replicas: Sequence[Replica]
    proxies: list[str] = field(default_factory=list)
    """Addresses of proxies in front of the replicas, in the same order; empty without proxies."""

    @property
    def target(self) -> str:
        """Target for `open_channel` with the addresses of all replicas."""
        return ",".join(self.proxies or [replica.address for replica in self.replicas])

    async def start(self) -> None:
        """Start the replicas that don't run; the first one alone, because it creates the tables."""
        first, *others = self.replicas
        for group in ([first], others):
            await asyncio.gather(
                *(
                    replica.start()
                    for replica in group
                    if replica.process is None or not replica.process.alive
                )
            )

    async def stop(self) -> None:
        """Kill all replicas."""
        await asyncio.gather(*(replica.kill() for replica in self.replicas))


def cluster(fork_server: ForkServer, folder: Path, settings: dict[str, str], *, replicas: int = 1) -> Cluster:
    """Make replicas that share `settings`; none is started."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("READBACK_", "LIVEKIT_"))
    }
    made = []
    for place, port in enumerate(free_ports(replicas)):
        own = {
            "READBACK_CONVERSATION_PORT": str(port),
            "READBACK_CONVERSATION_HTTP_PORT": "0",
            "READBACK_LOG_LEVEL": "warning",
        }
        made.append(
            Replica(fork_server, inherited | settings | own, folder / f"conversation-{place}.log", port)
        )
    return Cluster(made)
