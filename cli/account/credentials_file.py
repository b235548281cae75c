"""The saved logins of a user: one file per Readback, which only the user can read."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from readback.identity.v1.identity_service_pb2 import TokenPair

from mesh.settings import ConfigurationError, MeshSettings, user_folder

REFRESH_BEFORE_EXPIRY = timedelta(seconds=60)
"""An access token is refreshed before use if it expires within this time."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The tokens of a signed-in session."""

    email: str
    access_token: str
    access_expires: float
    """Seconds since the epoch."""
    refresh_token: str

    @classmethod
    def from_tokens(cls, email: str, tokens: TokenPair) -> Credentials:
        """Return credentials for the tokens of an identity response."""
        return cls(email, tokens.access_token, tokens.access_expire_time.seconds, tokens.refresh_token)

    def fresh_at(self, now: datetime) -> bool:
        """Return True if the access token can be used without a refresh."""
        return datetime.fromtimestamp(self.access_expires, UTC) - now > REFRESH_BEFORE_EXPIRY

    def __repr__(self) -> str:
        return "Credentials(…)"


class CredentialsFile:
    """The file with the credentials of the saved login at one address."""

    def __init__(self, path: Path, old_path: Path | None = None) -> None:
        """Use the file `path`. A file that an older version wrote to `old_path` is moved there."""
        self._path, self._old_path = path, old_path or path

    @classmethod
    def of(cls, settings: MeshSettings) -> CredentialsFile:
        """Return the file for the address of the identity service.

        It is in the user's configuration folder (XDG), or in `READBACK_HOME` if the user has none.
        """
        try:
            folder = user_folder("XDG_CONFIG_HOME", ".config") / "readback"
        except ConfigurationError:
            folder = settings.home / "logins"
        address = quote(settings.address_of("identity"), safe=":,")
        return cls(folder / f"{address}.json", settings.home / "login.json")

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
        """Let one command refresh at a time, because a second use of a refresh token ends the session."""
        with self._path.with_suffix(".lock").open("a") as file:
            # In a thread, because the command that has the lock may wait for the network.
            await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
            yield


def _read(path: Path) -> Credentials | None:
    try:
        return Credentials(**json.loads(path.read_text()))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None
