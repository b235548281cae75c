"""Supervises parts in the foreground of a terminal until a signal says stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console

from cli.settings import UpSettings
from cli.supervisor.parts import Part, reachable_host
from cli.supervisor.report import Terminal
from cli.supervisor.supervisor import Supervisor


def environment_of_parts(settings: UpSettings) -> Mapping[str, str]:
    """What every part finds in its environment."""
    local = {"READBACK_HOME": str(settings.home), "PYTHONUNBUFFERED": "1"}
    if not settings.livekit_is_external:
        local["LIVEKIT_URL"] = f"ws://{reachable_host(settings.bind)}:{settings.livekit_port}"
    proxied = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
    direct = ",".join(filter(None, [proxied, "127.0.0.1", "localhost"]))  # the parts reach each other without a proxy
    return os.environ | local | {"NO_PROXY": direct, "no_proxy": direct}


async def supervise(
    settings: UpSettings,
    parts: Sequence[Part],
    console: Console,
    *,
    verbose: bool = False,
    when_ready: Callable[[], None] = lambda: None,
) -> None:
    """Runs the parts until SIGINT, SIGTERM or SIGHUP.

    Raises:
        CommandError: a part could not be started in the first place.
    """
    supervisor = Supervisor(parts, environment_of_parts(settings), settings.home / "logs", Terminal(console, verbose=verbose))

    def stop() -> None:
        console.print("\n  Ending everything; once more to kill it.", highlight=False)
        supervisor.stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await supervisor.run(when_ready)
    console.print("  Ended.", highlight=False)
