"""Password hashing: bcrypt over a keyed digest, in threads of its own.

bcrypt reads 72 bytes and stops at a NUL, so it never sees the password itself but base64(HMAC-SHA-384(password, pepper)):
64 printable characters, whatever the password's length or alphabet (OWASP Password Storage Cheat Sheet, "Pre-Hashing
Passwords with bcrypt"). The pepper lives outside the database. A stored hash begins with the version of this recipe, so that a
new recipe or another pepper can live beside it.
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
    """Makes and checks password hashes.

    One at cost 12 takes about half a second of a core, so at most `threads` run at once and `waiting` more may queue; the next
    is refused rather than kept beyond its deadline.
    """

    def __init__(self, pepper: bytes, *, cost: int, threads: int = 2, waiting: int = 16) -> None:
        self._pepper = pepper
        self._cost = cost
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="bcrypt")
        self._room = threading.BoundedSemaphore(threads + waiting)
        # A hash nothing matches: checking against it costs what checking a real one costs.
        self._nobody = bcrypt.gensalt(cost) + b"." * 31

    async def hash(self, password: str) -> str:
        """The versioned hash of a new password.

        Raises:
            Overloaded: too many are waiting.
        """
        digest = self._digest(password)
        hashed = await self._in_pool(lambda: bcrypt.hashpw(digest, bcrypt.gensalt(self._cost)))
        return f"{VERSION}{hashed.decode()}"

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password made the stored hash. None stands for an unknown account and takes as long as a known one.

        Raises:
            Overloaded: too many are waiting.
        """
        expected = self._nobody if stored is None else _bcrypt_part(stored)
        digest = self._digest(password)
        matches = await self._in_pool(lambda: bcrypt.checkpw(digest, expected))
        return matches and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with another recipe or cost than today's, and should be made again at the next sign-in."""
        return not stored.startswith(f"{VERSION}$2b${self._cost:02d}$")

    def refuse_when_full(self) -> None:
        """Raises Overloaded if `hash` and `verify` would, for callers who must know before they begin."""
        self._enter()
        self._room.release()

    def close(self) -> None:
        """Ends the threads; what is still queued is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _digest(self, password: str) -> bytes:
        return base64.b64encode(hmac.digest(self._pepper, password.encode(), "sha384"))

    def _enter(self) -> None:
        if not self._room.acquire(blocking=False):
            raise Overloaded(
                "Many people are signing in just now; try again in a moment.",
                retry_after=timedelta(seconds=1),
            )

    async def _in_pool(self, work: Callable[[], T]) -> T:
        self._enter()
        future = self._pool.submit(work)
        # Room is made by the thread, not by the caller: one who hangs up leaves a hash behind that still occupies its core.
        future.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(future)


def _bcrypt_part(stored: str) -> bytes:
    version, mark, rest = stored.partition("$")
    if version != VERSION:
        raise ValueError(f"unknown version of password hash: {version}")
    return (mark + rest).encode()
