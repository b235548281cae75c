"""Fork server: a process that has imported the service and forks a child per request, ten times faster.

The children are ordinary processes that can be killed, stopped and measured. `python -m
tests.chaos.fork_server` reads one JSON object per line (`{"call": "module:function", "environment": {…},
"log": "…"}`), answers `{"started": pid}`, and writes `{"ended": pid, "status": …}` for each child that ends.
They stay in its process group, which is killed when the server is closed.
"""

from __future__ import annotations

import contextlib
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

PRELOADED = (
    "services.conversation.app",
    "tests.chaos.client_processes",
    "alembic.command",
    "alembic.autogenerate",
    "psycopg",
    "redis.asyncio",
)
"""Modules to import. None of them may start a thread or use gRPC's core: neither survives a fork."""


def main() -> None:
    """Serve until the input ends."""
    for module in PRELOADED:
        importlib.import_module(module)
    gc.freeze()  # keeps the imported modules shared between the children
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _write(ready=os.getpid())
    children: set[int] = set()
    buffer = b""
    while True:
        readable, _, _ = select.select([sys.stdin.fileno(), woken], [], [])
        if woken in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 4096)
        _reap(children)
        if sys.stdin.fileno() in readable:
            read = os.read(sys.stdin.fileno(), 65536)
            if not read:
                return
            *lines, buffer = (buffer + read).split(b"\n")
            for line in lines:
                children.add(_fork(json.loads(line)))


def _write(**message: Any) -> None:
    print(json.dumps(message), flush=True)


def _reap(children: set[int]) -> None:
    for child in list(children):
        gone, status = os.waitpid(child, os.WNOHANG)
        if gone:
            children.discard(child)
            _write(ended=child, status=os.waitstatus_to_exitcode(status))


def _fork(request: dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        _run_child(request)
    _write(started=child)
    return child


def _run_child(request: dict[str, Any]) -> NoReturn:
    """Run the child with its own environment and log."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _redirect(Path(request["log"]))
        os.environ.clear()
        os.environ.update(request["environment"])
        if "tasks" in request:
            _count_tasks_on_signal(Path(request["tasks"]))
        module, _, function = request["call"].partition(":")
        getattr(importlib.import_module(module), function)()
        code = 0
    except BaseException:  # noqa: BLE001 -- logged, then the process ends
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


def _count_tasks_on_signal(path: Path) -> None:
    """Write the number of running asyncio tasks on SIGUSR1; it can't be measured from outside."""

    def count(*_: object) -> None:
        gc.collect()
        tasks = [thing for thing in gc.get_objects() if isinstance(thing, Task) and not thing.done()]
        scratch = path.with_suffix(".new")
        scratch.write_text(str(len(tasks)))
        scratch.replace(path)

    signal.signal(signal.SIGUSR1, count)


if __name__ == "__main__":
    main()
