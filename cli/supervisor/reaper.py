"""Ends what the supervisor left behind when it was killed itself.

A small process of its own, run as a script without the product's packages. The supervisor writes `+GROUP` and `-GROUP` for each
process group it starts and sees ended. When the pipe closes, whatever group is still listed is asked to end, then killed: it works
for grandchildren and on every Unix, which a death signal from the kernel doesn't.
"""

import os
import signal
import sys
import time

GRACE_SECONDS = 2.0


def alive(group: int) -> bool:
    """Whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def send(groups: set[int], number: signal.Signals) -> None:
    """Signals every group that is left."""
    for group in groups:
        try:
            os.killpg(group, number)
        except (ProcessLookupError, PermissionError):
            continue


def end(groups: set[int]) -> None:
    """Asks, waits at most `GRACE_SECONDS`, kills."""
    send(groups, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and any(alive(group) for group in groups):
        time.sleep(0.05)
    send(groups, signal.SIGKILL)


def main() -> None:
    """Reads the list until the supervisor is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        (groups.add if line.startswith("+") else groups.discard)(group)
    end(groups)


if __name__ == "__main__":
    main()
