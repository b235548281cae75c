"""The tokens of the person at this command line: one file of the home, readable by its owner alone."""

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

FRESH_FOR = timedelta(seconds=60)
"""A token with less than this left is renewed before it is used."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A signed-in session."""

    email: str
    access_token: str
    access_expires: float
    """Seconds since the epoch."""
    refresh_token: str

    @classmethod
    def of(cls, email: str, tokens: TokenPair) -> Credentials:
        """From what identity answers."""
        return cls(email, tokens.access_token, tokens.access_expire_time.seconds, tokens.refresh_token)

    def fresh_at(self, now: datetime) -> bool:
        """Whether the access token may still be used for a while."""
        return datetime.fromtimestamp(self.access_expires, UTC) - now > FRESH_FOR

    def __repr__(self) -> str:
        return "Credentials(…)"


class CredentialFile:
    """Where credentials are kept between commands."""

    def __init__(self, home: Path) -> None:
        self._path = home / "login.json"

    def read(self) -> Credentials | None:
        """What was saved last; None when nobody is logged in, or the file can't be understood."""
        try:
            return Credentials(**json.loads(self._path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def save(self, credentials: Credentials) -> None:
        """Keeps credentials; the file appears whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        scratch = self._path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(credentials), file)
        scratch.replace(self._path)

    def forget(self) -> bool:
        """Deletes them; False when there were none."""
        existed = self._path.exists()
        self._path.unlink(missing_ok=True)
        return existed

    @asynccontextmanager
    async def renewing(self) -> AsyncIterator[None]:
        """Keeps other commands from renewing at the same time: a refresh token that is used twice ends the session."""
        with self._path.with_suffix(".lock").open("a") as file:
            await asyncio.to_thread(
                fcntl.flock, file, fcntl.LOCK_EX
            )  # whoever holds it is waiting for the network
            yield
