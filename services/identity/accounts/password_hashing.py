"""Password hashing: bcrypt over a keyed digest, in a thread pool.

bcrypt reads only 72 bytes and stops at a NUL. So it gets base64(HMAC-SHA-384(password, pepper)): 64 printable
characters for every password (OWASP Password Storage Cheat Sheet, "Pre-Hashing Passwords with bcrypt"). The
pepper is not stored in the database. A stored hash begins with the version of this scheme, so that the hashes
of a later scheme can be distinguished.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import bcrypt

from mesh.errors import Overloaded

T = TypeVar("T")
VERSION = "v1"


class PasswordHasher:
    """Creates and checks password hashes.

    A hash at cost 12 takes one core about half a second. So at most `threads` run at the same time and
    `waiting` more may queue; the next one is refused, because it would miss its deadline.
    """

    def __init__(self, pepper: bytes, *, cost: int, threads: int = 2, waiting: int = 16) -> None:
        self._pepper = pepper
        self._cost = cost
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="bcrypt")
        self._slots = threading.BoundedSemaphore(threads + waiting)
        # A hash that no password matches. Checking it takes as long as checking a real hash.
        self._unmatchable = bcrypt.gensalt(cost) + b"." * 31

    async def hash(self, password: str) -> str:
        """Return the versioned hash of a password.

        Raises:
            Overloaded: the queue is full.
        """
        digest = self._digest(password)
        hashed = await self._run(lambda: bcrypt.hashpw(digest, bcrypt.gensalt(self._cost)))
        return f"{VERSION}{hashed.decode()}"

    async def verify(self, password: str, stored: str | None) -> bool:
        """Return whether a password matches a stored hash. With None (unknown account) it takes as long.

        Raises:
            Overloaded: the queue is full.
        """
        expected = self._unmatchable if stored is None else _bcrypt_part(stored)
        digest = self._digest(password)
        matches = await self._run(lambda: bcrypt.checkpw(digest, expected))
        return matches and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Return whether the hash has another version or cost, and should be replaced at the next sign-in."""
        return not stored.startswith(f"{VERSION}$2b${self._cost:02d}$")

    def refuse_when_full(self) -> None:
        """Raise Overloaded if the queue is full. Call it before an action that needs a hash."""
        self._take_slot()
        self._slots.release()

    def close(self) -> None:
        """Stop the threads and discard the queue."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _digest(self, password: str) -> bytes:
        return base64.b64encode(hmac.digest(self._pepper, password.encode(), "sha384"))

    def _take_slot(self) -> None:
        if not self._slots.acquire(blocking=False):
            raise Overloaded(
                "Many people are signing in just now; try again in a moment.",
                retry_after=timedelta(seconds=1),
            )

    async def _run(self, work: Callable[[], T]) -> T:
        self._take_slot()
        future = self._pool.submit(work)
        # The thread releases the slot, because the hash of a cancelled caller still occupies a core.
        future.add_done_callback(lambda _: self._slots.release())
        return await asyncio.wrap_future(future)


def _bcrypt_part(stored: str) -> bytes:
    version, mark, rest = stored.partition("$")
    if version != VERSION:
        raise ValueError(f"unknown version of password hash: {version}")
    return (mark + rest).encode()
