"""The signed-in session: where its tokens are kept, and when they are refreshed."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

REFRESH_BEFORE_EXPIRY_SECONDS = 60
"""An access token is refreshed before use if it expires within this time."""


class NotSignedIn(Exception):
    """There is no session, or it has ended: sign in."""


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """The tokens of a signed-in session."""

    email: str
    access_token: str
    access_expires: float
    """Seconds since the epoch."""
    refresh_token: str

    def fresh_at(self, now: float) -> bool:
        """Return True if the access token can be used without a refresh."""
        return self.access_expires - now > REFRESH_BEFORE_EXPIRY_SECONDS

    def __repr__(self) -> str:
        return "Credentials(…)"


class CredentialsStore(Protocol):
    """Keeps the credentials of one session."""

    def read(self) -> Credentials | None:
        """Return the saved credentials; None if there are none."""

    def save(self, credentials: Credentials) -> None:
        """Replace the saved credentials."""

    def delete(self) -> bool:
        """Delete the saved credentials; return False if there were none."""

    def refresh_lock(self) -> AbstractAsyncContextManager[None]:
        """Let one user of the store refresh at a time: a refresh token is good for one use."""


class CredentialsInMemory:
    """Credentials that are gone when the program ends."""

    def __init__(self) -> None:
        self._credentials: Credentials | None = None
        self._lock = asyncio.Lock()

    def read(self) -> Credentials | None:
        """Return the saved credentials; None if there are none."""
        return self._credentials

    def save(self, credentials: Credentials) -> None:
        """Replace the saved credentials."""
        self._credentials = credentials

    def delete(self) -> bool:
        """Delete the saved credentials; return False if there were none."""
        known, self._credentials = self._credentials, None
        return known is not None

    @asynccontextmanager
    async def refresh_lock(self) -> AsyncIterator[None]:
        """Let one task refresh at a time."""
        async with self._lock:
            yield


class CredentialsFile:
    """The file with the credentials of the saved login at one address. Only its user can read it.

    `readback login` writes the same file.
    """

    def __init__(self, path: Path, old_path: Path | None = None) -> None:
        """Use the file `path`. A file that an older version wrote to `old_path` is moved there."""
        self._path, self._old_path = path, old_path or path

    @classmethod
    def for_address(cls, identity_address: str) -> CredentialsFile:
        """Return the user's file for this address of the identity service, below `$XDG_CONFIG_HOME`."""
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "readback"
        return cls.in_folder(folder, identity_address)

    @classmethod
    def in_folder(cls, folder: Path, identity_address: str, old_path: Path | None = None) -> CredentialsFile:
        """Return the file in another folder."""
        return cls(folder / f"{quote(identity_address, safe=':,')}.json", old_path)

    def read(self) -> Credentials | None:
        """Return the saved credentials; None if the file is missing or invalid."""
        self._move_old_file()
        return _read(self._path)

    def save(self, credentials: Credentials) -> None:
        """Replace the file atomically."""
        with self._written(credentials) as scratch:
            scratch.replace(self._path)

    def delete(self) -> bool:
        """Delete the file; return False if there was none."""
        files = [path for path in (self._path, self._old_path) if path.exists()]
        for path in files:
            path.unlink(missing_ok=True)
        return bool(files)

    def _move_old_file(self) -> None:
        """Move an older version's file, unless there is a new file, which may have newer tokens."""
        credentials = None if self._path.exists() else _read(self._old_path)
        if credentials is not None:
            with self._written(credentials) as scratch, suppress(FileExistsError):
                os.link(scratch, self._path)
            with suppress(OSError):  # in a home that can only be read, it stays
                self._old_path.unlink()

    @contextmanager
    def _written(self, credentials: Credentials) -> Iterator[Path]:
        """Write to a temporary file, which is deleted after the block if it still exists."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        scratch = self._path.with_suffix(f".{os.getpid()}")
        try:
            with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(asdict(credentials), file)
                file.flush()
                os.fsync(file.fileno())
            yield scratch
        finally:
            scratch.unlink(missing_ok=True)

    @asynccontextmanager
    async def refresh_lock(self) -> AsyncIterator[None]:
        """Let one process refresh at a time."""
        with self._path.with_suffix(".lock").open("a") as file:
            # In a thread, because the process that has the lock may wait for the network.
            await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
            yield


def _read(path: Path) -> Credentials | None:
    try:
        return Credentials(**json.loads(path.read_text()))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None


class Session:
    """A saved session. Its access token is refreshed shortly before it expires."""

    def __init__(
        self,
        store: CredentialsStore,
        refresh: Callable[[Credentials], Awaitable[Credentials]],
        now: Callable[[], float] = time.time,
    ) -> None:
        """Use the credentials in `store`.

        `refresh` exchanges a refresh token for the next credentials. It raises NotSignedIn if the session
        has ended.
        """
        self._store, self._refresh, self._now = store, refresh, now

    async def token(self) -> str:
        """Return an access token that is valid for a minute at least.

        Raises:
            NotSignedIn: there is no session, or it has ended.
            ReadbackError: the identity service could not refresh the token.
        """
        credentials = self._read()
        if not credentials.fresh_at(self._now()):
            async with self._store.refresh_lock():
                credentials = self._read()  # another program may have refreshed the token meanwhile
                if not credentials.fresh_at(self._now()):
                    credentials = await self._refreshed(credentials)
        return credentials.access_token

    def _read(self) -> Credentials:
        credentials = self._store.read()
        if credentials is None:
            raise NotSignedIn("You are not signed in.")
        return credentials

    async def _refreshed(self, old: Credentials) -> Credentials:
        try:
            credentials = await self._refresh(old)
        except NotSignedIn:
            self._store.delete()
            raise
        self._store.save(credentials)
        return credentials
