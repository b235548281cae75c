"""Supervises parts in the foreground of a terminal until a signal says stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console

from cli.settings import UpSettings
from cli.supervisor.parts import Part
from cli.supervisor.supervisor import Supervisor
from cli.supervisor.terminal import Terminal
from mesh.addresses import reachable_host, with_port

SAME_WISH_SECONDS = 0.5
"""A second signal this soon is the same wish: `make` passes on what its whole process group was sent."""


def environment_of_parts(settings: UpSettings) -> Mapping[str, str]:
    """What every part finds in its environment."""
    host = reachable_host(settings.bind)
    local = {"READBACK_HOME": str(settings.home), "PYTHONUNBUFFERED": "1"}
    if not settings.livekit_is_external:
        # The page's Content-Security-Policy names it, and that has no words for an IPv6 address (CSP Level 3 §2.3.1).
        local["LIVEKIT_URL"] = (
            f"ws://{with_port('localhost' if host == '::1' else host, settings.livekit_port)}"
        )
    proxied = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
    direct = ",".join(
        filter(None, [proxied, "127.0.0.1", "localhost", host])
    )  # the parts reach each other without a proxy
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
    supervisor = Supervisor(
        parts, environment_of_parts(settings), settings.home / "logs", Terminal(console, verbose=verbose)
    )

    first: float | None = None

    def stop() -> None:
        nonlocal first
        now = asyncio.get_running_loop().time()
        if first is None:
            first = now
            console.print("\n  Ending everything; once more to kill it.", highlight=False)
            supervisor.stop()
        elif now - first > SAME_WISH_SECONDS:
            supervisor.stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await supervisor.run(when_ready)
    console.print("  Ended.", highlight=False)
