"""Shutdown on a signal, and the waiting times of a stopping server."""

from __future__ import annotations

import asyncio
import signal

NOTICE_SECONDS = 0.2
"""Time for which a stopping server still accepts RPCs after its health stream says NOT_SERVING."""
DRAIN_SECONDS = 0.8
"""Time that running RPCs get to finish after `NOTICE_SECONDS`."""


def stop_signals() -> list[signal.Signals]:
    """Return SIGTERM, SIGINT, and SIGHUP (a closed terminal) unless it is ignored, as under `nohup`."""
    hangup = [signal.SIGHUP] if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN else []
    return [signal.SIGTERM, signal.SIGINT, *hangup]


def stop_event() -> asyncio.Event:
    """Return an event that the first of `stop_signals` sets. A second one ends the process immediately."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = stop_signals()

    def stop() -> None:
        stopping.set()
        for number in signals:
            loop.remove_signal_handler(number)

    for number in signals:
        loop.add_signal_handler(number, stop)
    return stopping
