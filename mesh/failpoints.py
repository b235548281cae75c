"""Places in the code at which a test may kill or hold up the process, to see what survives.

`READBACK_FAILPOINTS="conversation.after_commit_before_ack=kill@7,…"`: at the seventh time that a point is reached, something happens.

    kill        SIGKILL, as the machine's memory would be gone
    stop        SIGSTOP: the process stands still until somebody continues it
    sleep:0.5   it takes so many seconds longer, at this and every later time
    fail        `FailpointReached` is raised

Without `@N` it happens the first time. Off, a point costs one look at an empty table.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from dataclasses import dataclass

from mesh.settings import ConfigurationError

FAILPOINTS = "READBACK_FAILPOINTS"
"""The variable that sets them."""


class FailpointReached(Exception):
    """Raised where a test asked for it."""


@dataclass(frozen=True, slots=True)
class _Action:
    what: str
    seconds: float
    after: int
    """How often the point must be reached."""


_actions: dict[str, _Action] = {}
_reached: Counter[str] = Counter()


def set_failpoints(text: str, *, environment: str) -> None:
    """Sets what happens where, in place of what was set before. An empty text sets nothing.

    Raises:
        ConfigurationError: the environment is production, or the text is no list of failpoints.
    """
    actions = dict(_parsed(part.strip()) for part in text.split(",") if part.strip())
    if actions and environment == "production":
        raise ConfigurationError(f"{FAILPOINTS} is set, but this is production.")
    _actions.clear()
    _reached.clear()
    _actions.update(actions)


async def failpoint(name: str) -> None:
    """A place at which something may be made to happen.

    Raises:
        FailpointReached: if that was asked for.
    """
    if _actions and name in _actions:
        await _reach(name, _actions[name])


async def _reach(name: str, action: _Action) -> None:
    _reached[name] += 1
    if action.what == "sleep" and _reached[name] >= action.after:
        await asyncio.sleep(action.seconds)
    if _reached[name] != action.after:
        return
    match action.what:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "fail":
            raise FailpointReached(name)


def _parsed(part: str) -> tuple[str, _Action]:
    name, _, rest = part.partition("=")
    what, _, count = rest.partition("@")
    what, _, seconds = what.partition(":")
    if not name or what not in {"kill", "stop", "sleep", "fail"} or (what == "sleep") != bool(seconds):
        raise ConfigurationError(f"{FAILPOINTS} has {part!r}, which is not of the form name=kill@N.")
    try:
        return name, _Action(what, float(seconds or 0), int(count or 1))
    except ValueError:
        raise ConfigurationError(
            f"{FAILPOINTS} has {part!r}, which is not of the form name=kill@N."
        ) from None
