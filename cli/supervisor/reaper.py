"""Reaper: ends the process groups of its parent if the parent is killed.

The reaper is a small process. It runs as a script and imports no other module of the product. Its parent
writes `+GROUP` to its stdin for each process group that starts, and `-GROUP` for each group that has ended.
When the pipe closes, the reaper terminates the groups in its list, then kills them. A death signal from the
kernel would not reach grandchildren, and doesn't exist on every Unix.
"""

import os
import signal
import sys
import time

GRACE_SECONDS = 2.0


def alive(group: int) -> bool:
    """Return whether any process of the group still exists."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def send(groups: set[int], number: signal.Signals) -> None:
    """Send a signal to every group that still exists."""
    for group in groups:
        try:
            os.killpg(group, number)
        except (ProcessLookupError, PermissionError):
            continue


def end(groups: set[int]) -> None:
    """Terminate the groups, wait at most `GRACE_SECONDS`, and kill the groups that still exist."""
    send(groups, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and any(alive(group) for group in groups):
        time.sleep(0.05)
    send(groups, signal.SIGKILL)


def main() -> None:
    """Update the list of groups until the parent closes the pipe, then end the groups."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        (groups.add if line.startswith("+") else groups.discard)(group)
    end(groups)


if __name__ == "__main__":
    main()
