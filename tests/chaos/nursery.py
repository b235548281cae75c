"""A process that has imported the service and forks one whenever it is told to: ready in a fifth of a second instead of two seconds.

What it forks are processes like any other, to be killed, stopped and measured; only their imports were done beforehand. Run as
`python -m tests.chaos.nursery`, it reads one JSON object a line (`{"call": "module:function", "environment": {…}, "log": "…"}`),
answers each with `{"started": pid}`, and says `{"ended": pid, "status": …}` for each child that has gone. When its input ends, all of
them are killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import sys
from asyncio import Task
from pathlib import Path
from typing import Any, NoReturn

WARM = (
    "services.conversation.app",
    "tests.chaos.lone_watcher",
    "tests.chaos.load",
    "alembic.command",
    "alembic.autogenerate",
    "psycopg",
    "redis.asyncio",
)
"""Imported once. None of them may start a thread or touch gRPC's core: neither survives a fork."""
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serves until the input ends."""
    for module in WARM:
        importlib.import_module(module)
    gc.freeze()  # what is imported stays shared between the children
    ears, mouth = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _say(ready=os.getpid())
    children: set[int] = set()
    heard = b""
    while True:
        readable, _, _ = select.select([sys.stdin.fileno(), ears], [], [])
        if ears in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(ears, 4096)
        _bury(children)
        if sys.stdin.fileno() in readable:
            read = os.read(sys.stdin.fileno(), 65536)
            if not read:
                break
            *lines, heard = (heard + read).split(b"\n")
            for line in lines:
                children.add(_born(json.loads(line)))
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def _say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def _bury(children: set[int]) -> None:
    for child in list(children):
        gone, status = os.waitpid(child, os.WNOHANG)
        if gone:
            children.discard(child)
            _say(ended=child, status=os.waitstatus_to_exitcode(status))


def _born(order: dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        _live(order)
    _say(started=child)
    return child


def _live(order: dict[str, Any]) -> NoReturn:
    """The child: a process of its own, with the environment and the log it was given, that ends when its parent does."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _redirect(Path(order["log"]))
        os.environ.clear()
        os.environ.update(order["environment"])
        if "tasks" in order:
            _count_tasks_when_asked(Path(order["tasks"]))
        module, _, function = order["call"].partition(":")
        getattr(importlib.import_module(module), function)()
        code = 0
    except BaseException:  # noqa: BLE001 -- whatever it is goes into the log of this process, which then ends
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _redirect(log: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(source, target)


def _count_tasks_when_asked(where: Path) -> None:
    """SIGUSR1 writes how many asyncio tasks are going on: the one thing that can't be seen from outside."""

    def count(*_: object) -> None:
        gc.collect()
        tasks = [thing for thing in gc.get_objects() if isinstance(thing, Task) and not thing.done()]
        scratch = where.with_suffix(".new")
        scratch.write_text(str(len(tasks)))
        scratch.replace(where)

    signal.signal(signal.SIGUSR1, count)


if __name__ == "__main__":
    main()
