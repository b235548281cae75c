"""Outbox recovery: append the drafts that crashed writers left behind.

A writer locks its file as long as it lives, so a file that can be locked has no living writer. The drafts in
such a file are appended with the writer's late ticket, which is valid after the call has ended or another
agent has taken over. Then the file is deleted. If the service will never accept the drafts (the conversation
has ended, or an entry breaks a rule), the file is moved to another folder for a person to check. If the
customer has deleted the conversation, the file is deleted. Every file is deleted when it expires.

A file is bad if it can't be read, or if the service fails to process its drafts. It doesn't delay other
files: the problem is logged, and the file is retried after a pause that doubles each time. While the service
is unavailable, all files wait.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import grpc
import structlog

from mesh.clock import Clock, SystemClock
from services.conversation.client.late_append import append_late
from services.conversation.client.outbox_file import SUFFIX, UNFINISHED, read

if TYPE_CHECKING:
    from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceAsyncStub

SET_ASIDE = "set-aside"
"""Folder, inside the outbox folder, for files that the service will never accept."""
KEPT_FOR = timedelta(days=7)
"""Age at which a file is deleted even if it was not recovered, because it contains a customer's words."""
UNFINISHED_FOR = timedelta(minutes=1)
"""Age at which an unfinished file is deleted."""
SCAN_SECONDS = 2.0
"""Pause between scans. Another agent takes the call of a killed one within about the same time."""
LONGEST_PAUSE_SECONDS = 600.0
"""Longest pause between attempts to recover a bad file. The first pause is `SCAN_SECONDS`; each later
pause is twice as long as the one before it."""
_DELETED = {"CALL_NOT_FOUND", "CONVERSATION_NOT_FOUND"}

_log = structlog.get_logger()


class _Pause(NamedTuple):
    until: float
    """End of the pause, in monotonic seconds."""
    seconds: float


class OutboxRecovery:
    """Recovery of the outbox files in a folder. Several processes may share the folder.

    Args:
        stub: sends the agent's own token, like a recorder's.
    """

    def __init__(self, folder: Path, stub: CallRecordServiceAsyncStub, clock: Clock | None = None) -> None:
        self._folder, self._stub, self._clock = folder, stub, clock or SystemClock()
        self._pauses: dict[Path, _Pause] = {}
        self._unavailable = False

    async def run(self) -> None:
        """Scan periodically, until cancelled."""
        while True:
            try:
                await self.scan()
            except Exception:  # noqa: BLE001 -- the next scan may succeed
                _log.exception("outbox scan failed")
            await self._clock.sleep(SCAN_SECONDS)

    async def scan(self) -> None:
        """Try to recover every file that is not paused, oldest first."""
        self._unavailable = False
        found = [*self._files(self._folder / SET_ASIDE), *self._files(self._folder)]
        self._pauses = {path: pause for path, pause in self._pauses.items() if path.exists()}
        for path in found:
            try:
                with _lock_abandoned(path) as data:
                    if data is not None:
                        await self._process(path, data)
            except Exception as error:  # noqa: BLE001 -- one bad file must not stop the others
                self._postpone(path, repr(error))

    async def _process(self, path: Path, data: bytes) -> None:
        kept_for = KEPT_FOR if path.suffix == SUFFIX else UNFINISHED_FOR
        if self._clock.now() - _written(path) >= kept_for:
            _delete(path)
            _log.warning("outbox expired", path=path.name)
            return
        if path.suffix != SUFFIX or path.parent != self._folder or self._unavailable or self._paused(path):
            return
        try:
            await self._recover(path, data)
        except grpc.aio.AioRpcError as error:
            _log.info("outbox recovery postponed", code=error.code().name, path=path.name)
            self._unavailable = True

    def _files(self, folder: Path) -> list[Path]:
        """Return all outbox files in a folder, unfinished ones too, oldest first; empty if unreadable."""
        found = []
        try:
            for path in folder.iterdir():
                if path.suffix in {SUFFIX, UNFINISHED}:
                    with suppress(FileNotFoundError):  # its recorder has just deleted it
                        found.append((path.stat().st_mtime, path))
        except FileNotFoundError:
            return []
        except OSError as error:
            self._postpone(folder, repr(error))
        return [path for _, path in sorted(found)]

    def _postpone(self, path: Path, why: str) -> None:
        """Log a problem with a bad file, and pause its recovery."""
        if self._paused(path):
            return
        before = self._pauses.get(path)
        seconds = SCAN_SECONDS if before is None else min(2 * before.seconds, LONGEST_PAUSE_SECONDS)
        self._pauses[path] = _Pause(self._clock.monotonic() + seconds, seconds)
        _log.warning("outbox not recovered", path=path.name, why=why, retry_seconds=seconds)

    def _paused(self, path: Path) -> bool:
        pause = self._pauses.get(path)
        return pause is not None and self._clock.monotonic() < pause.until

    async def _recover(self, path: Path, data: bytes) -> None:
        contents = read(data)
        if contents is None or contents.opened is None or not contents.drafts:
            _delete(path)  # the writer never held the call, or all its drafts are settled
            return
        opening, ticket, drafts = contents.opening, contents.opened.late_ticket, contents.drafts.values()
        log = _log.bind(path=path.name, call_id=opening.call_id, epoch=opening.epoch, entries=len(drafts))
        refusals = await append_late(self._stub, opening, ticket, drafts, until=_written(path))
        reasons = sorted({refusal.reason for refusal in refusals})
        if not refusals:
            _delete(path)
            log.info("outbox recovered")
        elif not all(refusal.final or refusal.reason in _DELETED for refusal in refusals):
            self._postpone(path, ", ".join(reasons))
        elif _DELETED.intersection(reasons):
            _delete(path)
            log.warning("outbox deleted with its call", reasons=reasons)
        else:
            self._set_aside(path)
            log.warning("outbox set aside", refused=len(refusals), reasons=reasons)

    def _set_aside(self, path: Path) -> None:
        folder = self._folder / SET_ASIDE
        folder.mkdir(mode=0o700, exist_ok=True)
        path.replace(folder / path.name)


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)


def _written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


@contextmanager
def _lock_abandoned(path: Path) -> Iterator[bytes | None]:
    """Lock a file and yield its bytes; yield None if the file is gone or another process has locked it.

    Raises:
        OSError: the file can't be read.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The previous owner of the lock may have deleted or replaced the file.
            current = path.stat().st_ino == os.fstat(file.fileno()).st_ino
        except (BlockingIOError, FileNotFoundError):
            current = False
        yield file.read() if current else None
