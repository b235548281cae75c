"""Parts that run in the foreground of a terminal until a signal stops them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence, Set

from rich.console import Console

from cli.settings import UpSettings, check_all
from cli.supervisor import ports
from cli.supervisor.parts import Part, parts_of
from cli.supervisor.supervisor import Supervisor
from cli.supervisor.terminal import TerminalOutput
from mesh.serving.shutdown import stop_signals
from mesh.settings import reachable_host, with_port

REPEATED_SIGNAL_SECONDS = 0.5
"""A second signal within this time is ignored, because `make` forwards a signal that we also get directly."""


async def supervise(
    settings: UpSettings,
    parts: Sequence[Part],
    console: Console,
    *,
    verbose: bool = False,
    when_ready: Callable[[], None] = lambda: None,
) -> None:
    """Run the parts until SIGINT, SIGTERM or SIGHUP. A second signal kills them.

    Raises:
        CommandError: the first start of a part failed.
    """
    loop = asyncio.get_running_loop()
    first: float | None = None

    def stop() -> None:
        nonlocal first
        if first is None:
            first = loop.time()
            supervisor.stop()
            output.say("\n  Ending everything; press Ctrl-C again to kill it.")
        elif loop.time() - first > REPEATED_SIGNAL_SECONDS:
            supervisor.stop()

    output = TerminalOutput(console, verbose=verbose, on_closed=stop)
    supervisor = Supervisor(parts, environment_of_parts(settings), settings.home / "logs", output)
    for number in stop_signals():
        loop.add_signal_handler(number, stop)
    await supervisor.run(when_ready)
    output.say("  Ended.")


def serve_all(names: Set[str]) -> None:
    """Run several services, without the rest of the product, until a signal stops them.

    Raises:
        CommandError: a port is in use, or a service could not be started.
        ConfigurationError: a setting is wrong.
    """
    settings = check_all()
    parts = [part for part in parts_of(settings, None, None) if part.name in names]
    ports.check(parts, settings.bind)
    settings.secrets.create_all()
    asyncio.run(supervise(settings, parts, Console()))


def environment_of_parts(settings: UpSettings) -> Mapping[str, str]:
    """Return the environment variables that every part gets."""
    host = reachable_host(settings.bind)
    variables = {"READBACK_HOME": str(settings.home), "PYTHONUNBUFFERED": "1"}
    if not settings.livekit_is_external:
        # The web app's Content-Security-Policy has no syntax for an IPv6 address (CSP Level 3 §2.3.1).
        livekit = with_port("localhost" if host == "::1" else host, settings.livekit_port)
        variables["LIVEKIT_URL"] = f"ws://{livekit}"
    # Parts must not use a proxy to reach each other.
    no_proxy = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
    direct = ",".join(filter(None, [no_proxy, "127.0.0.1", "localhost", host]))
    return os.environ | variables | {"NO_PROXY": direct, "no_proxy": direct}
