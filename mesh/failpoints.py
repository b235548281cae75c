"""Failpoints: places in the code where a test can kill, stop, delay or fail the process.

`READBACK_FAILPOINTS="conversation.after_commit_before_ack=kill@7,…"` acts when the process reaches this point
for the seventh time:

    kill        SIGKILL
    stop        SIGSTOP, until the test continues the process
    sleep:0.5   wait 0.5 seconds, at this visit and at every later one
    fail        raise `FailpointReached`

Without `@N` a failpoint acts at the first visit. A failpoint that isn't set costs one dictionary lookup.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from mesh.settings import ConfigurationError

FAILPOINTS = "READBACK_FAILPOINTS"
"""Environment variable that sets the failpoints."""


class FailpointReached(Exception):
    """Raised at a failpoint that is set to `fail`."""


@dataclass(frozen=True, slots=True)
class _Action:
    kind: str
    seconds: float
    visit: int
    """Number of the visit at which it acts; the first visit is 1."""


_actions: dict[str, _Action] = {}
_reached: Counter[str] = Counter()


def set_failpoints(text: str, *, environment: str) -> None:
    """Replace all failpoints by the ones in `text`; an empty text clears them.

    Raises:
        ConfigurationError: the environment is production, or the text is malformed.
    """
    actions = dict(_parsed(part.strip()) for part in text.split(",") if part.strip())
    if actions and environment == "production":
        raise ConfigurationError(f"{FAILPOINTS} is set in production; unset it.")
    _actions.clear()
    _reached.clear()
    _actions.update(actions)


async def failpoint(name: str) -> None:
    """Run the action that this failpoint is set to, if it is set.

    Raises:
        FailpointReached: the failpoint is set to `fail`.
    """
    if _actions and name in _actions:
        await _reach(name, _actions[name])


async def _reach(name: str, action: _Action) -> None:
    _reached[name] += 1
    if action.kind == "sleep" and _reached[name] >= action.visit:
        await asyncio.sleep(action.seconds)
    if _reached[name] != action.visit:
        return
    match action.kind:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "fail":
            raise FailpointReached(name)


def _parsed(part: str) -> tuple[str, _Action]:
    name, _, rest = part.partition("=")
    action, _, visit = rest.partition("@")
    kind, _, seconds = action.partition(":")
    if name and kind in {"kill", "stop", "sleep", "fail"} and (kind == "sleep") == bool(seconds):
        with suppress(ValueError):
            return name, _Action(kind, float(seconds or 0), int(visit or 1))
    raise ConfigurationError(f"{FAILPOINTS} has {part!r}, which is not of the form name=kill@N.")
