"""Replicas of the conversation service as processes over one store, to be killed, stopped and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.processes import Nursery, Process
from tests.product import free_ports

SERVE = "services.conversation.app:main"
STARTS_WITHIN_SECONDS = 30.0


@dataclass
class Replica:
    """One replica: the same ports whenever it is started."""

    nursery: Nursery
    environment: dict[str, str]
    log: Path
    port: int
    process: Process | None = None
    starts: int = 0

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    @property
    def running(self) -> Process:
        """Its process."""
        assert self.process is not None
        return self.process

    async def start(self, failpoints: str = "", **settings: str) -> None:
        """Starts it and waits until it listens. With `failpoints` (`name=kill@N`) it will end itself, perhaps before that."""
        environment = (
            self.environment | settings | ({"READBACK_FAILPOINTS": failpoints} if failpoints else {})
        )
        tasks = self.log.with_suffix(".tasks")
        self.process = await asyncio.to_thread(self.nursery.start, SERVE, environment, self.log, tasks=tasks)
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
        """SIGKILL: nothing is said, nothing is flushed."""
        await self._ended_by(signal.SIGKILL)

    async def terminate(self) -> None:
        """SIGTERM: drained."""
        await self._ended_by(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP: its connections stay, nothing answers."""
        self.running.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.running.signal(signal.SIGCONT)

    async def restart(self, failpoints: str = "") -> None:
        """SIGKILL, and up again."""
        await self.kill()
        await self.start(failpoints)

    async def tasks(self) -> int:
        """How many asyncio tasks it has."""
        counted = self.log.with_suffix(".tasks")
        counted.unlink(missing_ok=True)
        self.running.signal(signal.SIGUSR1)
        async with asyncio.timeout(10):
            while not counted.exists():  # noqa: ASYNC110 -- another process
                await asyncio.sleep(0.01)
        return int(counted.read_text())

    async def _ended_by(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.signal(number)
            await self.process.ended()


@dataclass
class Cluster:
    """Replicas over one store."""

    replicas: Sequence[Replica]
    doors: list[str] = field(default_factory=list)
    """Where callers find them, when not at their own ports: proxies in front, in the same order."""

    @property
    def target(self) -> str:
        """For `open_channel`: all of them."""
        return ",".join(self.doors or [replica.address for replica in self.replicas])

    async def start(self) -> None:
        """Starts those that don't run; the first by itself, since it makes the tables."""
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
        """Ends all."""
        await asyncio.gather(*(replica.kill() for replica in self.replicas))


def cluster(nursery: Nursery, folder: Path, settings: dict[str, str], *, replicas: int = 1) -> Cluster:
    """Replicas that share `settings`; nothing runs yet."""
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
        made.append(Replica(nursery, inherited | settings | own, folder / f"conversation-{place}.log", port))
    return Cluster(made)
