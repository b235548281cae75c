"""Outboxes whose writers died, or left while the service was away: found, handed in, and put out of the way.

A writer keeps its file locked, so a file that can be locked has nobody behind it. What is in it is handed in with the writer's late ticket,
whether the call goes on with another agent or has ended. What the service will never take (the conversation has ended, an entry breaks
a rule) is set aside for a person to look at; when the customer has deleted the conversation nothing is kept. Everything expires.

One file keeps no other waiting: what is wrong with it alone, be it that it can't be read or that the service fails at what is in it, is
said, and it is left alone for a while that grows. Only a service that is away is away for all.
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
from services.conversation.client.late import Refusal, hand_in_late
from services.conversation.client.outbox_file import SUFFIX, UNFINISHED, Leftover, read

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

SET_ASIDE = "set-aside"
"""Folder, inside that of the outboxes, for what the service won't take."""
KEPT_FOR = timedelta(days=7)
"""After this a file is deleted, handed in or not: it holds what a customer said."""
UNFINISHED_FOR = timedelta(minutes=1)
"""After this a file that never became an outbox is deleted."""
LOOK_SECONDS = 2.0
"""Pause between looks: a successor of a killed agent has the call within about as long."""
LONGEST_REST_SECONDS = 600.0
"""Longest pause between attempts at a file with which something is wrong; the first is short, and each is twice as long as the last."""
_GONE = {"ERROR_REASON_CALL_NOT_FOUND", "ERROR_REASON_CONVERSATION_NOT_FOUND"}

_log = structlog.get_logger()


class _Rest(NamedTuple):
    """How long a file is left alone."""

    until: float
    """By the monotonic clock."""
    seconds: float


class AbandonedOutboxes:
    """Looks after a folder of outboxes. Any number of processes may look after the same one.

    Args:
        stub: with the agent's own token, as a recorder's.
    """

    def __init__(self, folder: Path, stub: ConversationServiceAsyncStub, clock: Clock | None = None) -> None:
        self._folder, self._stub, self._clock = folder, stub, clock or SystemClock()
        self._resting: dict[Path, _Rest] = {}
        self._away = False

    async def run(self) -> None:
        """Looks, for ever."""
        while True:
            try:
                await self.look()
            except Exception:  # noqa: BLE001 -- whatever it was, the next look may fare better
                _log.exception("abandoned outboxes could not be looked after")
            await self._clock.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Hands in what can be handed in now, oldest first."""
        self._away = False
        found = [*self._files(self._folder / SET_ASIDE), *self._files(self._folder)]
        self._resting = {path: rest for path, rest in self._resting.items() if path.exists()}
        for path in found:
            try:
                with _ownerless(path) as data:
                    if data is not None:
                        await self._look_after(path, data)
            except Exception as error:  # noqa: BLE001 -- whatever is wrong with one file, the others are looked after
                self._rest(path, repr(error))

    async def _look_after(self, path: Path, data: bytes) -> None:
        if self._expired(path):
            _delete(path)
            _log.warning("an abandoned outbox has expired and is deleted", path=path.name)
        elif (
            path.suffix == SUFFIX and path.parent == self._folder and not self._away and not self._rests(path)
        ):
            try:
                await self._settle(path, data)
            except grpc.aio.AioRpcError as error:
                _log.info("abandoned outboxes wait", code=error.code().name, path=path.name)
                self._away = True  # the next would fare no better

    def _files(self, folder: Path) -> list[Path]:
        """The outboxes of a folder, finished or not, the oldest first; none of one that isn't there, or can't be read."""
        found = []
        try:
            for path in folder.iterdir():
                if path.suffix in {SUFFIX, UNFINISHED}:
                    with suppress(FileNotFoundError):  # its recorder is done with it
                        found.append((path.stat().st_mtime, path))
        except FileNotFoundError:
            return []
        except OSError as error:
            self._rest(folder, repr(error))
        return [path for _, path in sorted(found)]

    def _rest(self, path: Path, why: str) -> None:
        """Says what is wrong with a file, and leaves it alone for a while."""
        if self._rests(path):
            return
        before = self._resting.get(path)
        pause = LOOK_SECONDS if before is None else min(2 * before.seconds, LONGEST_REST_SECONDS)
        self._resting[path] = _Rest(self._clock.monotonic() + pause, pause)
        _log.warning(
            "an abandoned outbox makes trouble and is tried again later",
            path=path.name,
            why=why,
            seconds=pause,
        )

    def _rests(self, path: Path) -> bool:
        rest = self._resting.get(path)
        return rest is not None and self._clock.monotonic() < rest.until

    async def _settle(self, path: Path, data: bytes) -> None:
        leftover = read(data)
        drafts = list(leftover.drafts.values()) if leftover else []
        if leftover is None or leftover.opened is None or not drafts:
            _delete(path)  # nothing was said, or by somebody who never had the call
            return
        opening, ticket = leftover.opening, leftover.opened.late_ticket
        refusals = await hand_in_late(self._stub, opening, ticket, drafts, until=_written(path))
        if not refusals:
            _delete(path)
            _log.info(
                "an abandoned outbox was handed in",
                call_id=opening.call_id,
                epoch=opening.epoch,
                entries=len(drafts),
            )
        elif all(refusal.final or refusal.reason in _GONE for refusal in refusals):
            self._put_away(path, leftover, refusals)
        else:
            self._rest(path, ", ".join(sorted({refusal.reason for refusal in refusals})))

    def _put_away(self, path: Path, leftover: Leftover, refusals: list[Refusal]) -> None:
        reasons = sorted({refusal.reason for refusal in refusals})
        about = {
            "call_id": leftover.opening.call_id,
            "epoch": leftover.opening.epoch,
            "entries": len(refusals),
            "reasons": reasons,
        }
        if _GONE.intersection(reasons):
            _delete(path)
            _log.warning("an abandoned outbox is of a call that was deleted, and is deleted too", **about)
            return
        aside = self._folder / SET_ASIDE
        aside.mkdir(mode=0o700, exist_ok=True)
        path.replace(aside / path.name)
        _log.warning(
            "an abandoned outbox can't be handed in and is set aside",
            path=f"{SET_ASIDE}/{path.name}",
            **about,
        )

    def _expired(self, path: Path) -> bool:
        return self._clock.now() - _written(path) >= (KEPT_FOR if path.suffix == SUFFIX else UNFINISHED_FOR)


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)


def _written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


@contextmanager
def _ownerless(path: Path) -> Iterator[bytes | None]:
    """What is in a file that nobody writes any more, locked against others who look; None when somebody does, or it is gone.

    Raises OSError when it can't be read.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held the lock until now may have deleted the file, or put a new one in its place.
            still_there = path.stat().st_ino == os.fstat(file.fileno()).st_ino
        except (BlockingIOError, FileNotFoundError):
            still_there = False
        yield file.read() if still_there else None
