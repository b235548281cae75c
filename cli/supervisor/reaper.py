"""Reaper: ends the supervisor's process groups when the supervisor itself was killed.

A small process, run as a script that imports nothing of the product. The supervisor writes `+GROUP` for
each process group it starts and `-GROUP` for each that has ended. When the pipe closes, the groups still
listed are terminated, then killed. Unlike a death signal from the kernel this includes grandchildren, on
every Unix.
"""

import os
import signal
import sys
import time

GRACE_SECONDS = 2.0


def alive(group: int) -> bool:
    """Return whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def send(groups: set[int], number: signal.Signals) -> None:
    """Send a signal to every group that is left."""
    for group in groups:
        try:
            os.killpg(group, number)
        except (ProcessLookupError, PermissionError):
            continue


def end(groups: set[int]) -> None:
    """Terminate the groups, wait at most `GRACE_SECONDS`, and kill what is left."""
    send(groups, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and any(alive(group) for group in groups):
        time.sleep(0.05)
    send(groups, signal.SIGKILL)


def main() -> None:
    """Keep the list of groups until the supervisor is gone, then end them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        (groups.add if line.startswith("+") else groups.discard)(group)
    end(groups)


if __name__ == "__main__":
    main()
