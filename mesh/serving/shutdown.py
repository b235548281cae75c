"""Shutdown on SIGTERM or SIGINT, and the waiting times of a stopping server."""

from __future__ import annotations

import asyncio
import signal

NOTICE_SECONDS = 0.2
"""Time for which a stopping server still accepts RPCs after its health stream says NOT_SERVING."""
DRAIN_SECONDS = 0.8
"""Time that running RPCs get to finish after `NOTICE_SECONDS`."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stop_event() -> asyncio.Event:
    """Return an event that the first SIGTERM or SIGINT sets. A second signal ends the process immediately."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopping.set()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    return stopping
