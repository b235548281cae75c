"""The saved login: one file in the home that only its owner can read."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from readback.identity.v1.identity_service_pb2 import TokenPair

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
    """The file `login.json` in the home, with the credentials of the saved login."""

    def __init__(self, home: Path) -> None:
        self._path = home / "login.json"

    def read(self) -> Credentials | None:
        """Return the saved credentials; None if the file is missing or invalid."""
        try:
            return Credentials(**json.loads(self._path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def save(self, credentials: Credentials) -> None:
        """Replace the file atomically."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        scratch = self._path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(credentials), file)
        scratch.replace(self._path)

    def delete(self) -> bool:
        """Delete the file; return False if there was none."""
        existed = self._path.exists()
        self._path.unlink(missing_ok=True)
        return existed

    @asynccontextmanager
    async def refresh_lock(self) -> AsyncIterator[None]:
        """Let one command refresh at a time, because a second use of a refresh token ends the session."""
        with self._path.with_suffix(".lock").open("a") as file:
            # In a thread, because the command that has the lock may wait for the network.
            await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
            yield
