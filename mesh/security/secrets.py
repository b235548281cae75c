"""Secrets of an installation: created once, at least 256 bits, readable by their owner only.

In embedded mode they are files in `READBACK_HOME/secrets`; in a cluster the same files are mounted. An
existing secret is never replaced, because stored data, for example password hashes, depends on it.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

ACTORS = ("agent", "conversation", "gateway", "page", "booking")
"""Services that authenticate with a private key of their own."""

_NAME = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class LiveKitKeys:
    """An API key of the LiveKit server, and its secret."""

    key: str
    secret: str


class SecretStore:
    """Secrets by name, in a folder of mode 0700.

    Processes that create a secret of the same name at the same time all get the same secret.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def text(self, name: str) -> str:
        """Return a secret of 43 random URL-safe characters (256 bits)."""
        return self._get_or_create(name, lambda: secrets.token_urlsafe(32).encode()).decode().strip()

    def private_key(self, name: str) -> bytes:
        """Return a P-256 private key as PEM (PKCS 8)."""
        return self._get_or_create(f"{name}.pem", _new_private_key)

    def actor_key(self, name: str) -> bytes:
        """Return the private key of one of `ACTORS` as PEM."""
        return self.private_key(f"actor-{name}")

    def actor_public_keys(self) -> Mapping[str, bytes]:
        """Return the public keys of all `ACTORS` as PEM, by name."""
        return {name: _public_key(self.actor_key(name)) for name in ACTORS}

    def livekit_keys(self, name: str) -> LiveKitKeys:
        """Return a LiveKit API key: `livekit` signs callers' tokens, `livekit-worker` is for agents."""
        return LiveKitKeys(key=f"{name}-{self.text(f'{name}-key')[:12]}", secret=self.text(f"{name}-secret"))

    def create_all(self) -> None:
        """Create every secret that embedded mode needs, before its processes start."""
        for name in (
            "identity-pepper",
            "page-tokens",
            "cursors",
            "grants",
            "offers",
            "confirmations",
            "ui-session",
        ):
            self.text(name)
        self.private_key("identity-signing-key")
        self.actor_public_keys()
        for pair in ("livekit", "livekit-worker"):
            self.livekit_keys(pair)

    def _get_or_create(self, name: str, create: Callable[[], bytes]) -> bytes:
        if not _NAME.fullmatch(name.removesuffix(".pem")):
            raise ValueError(f"not a name of a secret: {name!r}")
        path = self._directory / name
        if not path.exists():
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            _publish(path, create())
        return path.read_bytes()


def _publish(path: Path, content: bytes) -> None:
    """Create a file atomically; leave an existing file unchanged."""
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(scratch, path)
    except FileExistsError:
        pass
    finally:
        Path(scratch).unlink()


def _new_private_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_key(private_pem: bytes) -> bytes:
    public = serialization.load_pem_private_key(private_pem, password=None).public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
