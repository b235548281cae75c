"""Secrets of an installation: made once, at least 256 bits, readable by their owner alone.

In embedded mode they are files below `READBACK_HOME/secrets`; in a cluster the same files are mounted. A secret is never
made again over an existing one, since databases hold what was sealed with it.
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

ACTORS = ("agent", "conversation", "gateway")
"""Members of the mesh that prove themselves with a key of their own."""

_NAME = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class LiveKitKeys:
    """One API key of the LiveKit server with its secret."""

    key: str
    secret: str


class SecretStore:
    """Secrets by name, in a folder of mode 0700. Several processes may ask for a new one at once: one wins, all get the same."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def text(self, name: str) -> str:
        """43 random URL-safe characters (256 bits)."""
        return self._made_once(name, lambda: secrets.token_urlsafe(32).encode()).decode().strip()

    def private_key(self, name: str) -> bytes:
        """A P-256 private key as PEM (PKCS 8)."""
        return self._made_once(f"{name}.pem", _new_private_key)

    def actor_key(self, name: str) -> bytes:
        """The private key of one of `ACTORS` as PEM."""
        return self.private_key(f"actor-{name}")

    def actor_public_keys(self) -> Mapping[str, bytes]:
        """Public keys as PEM of every actor of this installation, by name."""
        return {name: _public_half(self.actor_key(name)) for name in ACTORS}

    def livekit_keys(self, name: str) -> LiveKitKeys:
        """A key pair for the LiveKit server: `livekit` mints tokens, `livekit-worker` belongs to the agents."""
        return LiveKitKeys(key=f"{name}-{self.text(f'{name}-key')[:12]}", secret=self.text(f"{name}-secret"))

    def make_all(self) -> None:
        """Makes every secret that embedded mode needs, so that parts started together never race for them."""
        for name in ("identity-pepper", "page-tokens", "cursors", "grants", "offers", "ui-session"):
            self.text(name)
        self.private_key("identity-signing-key")
        self.actor_public_keys()
        for pair in ("livekit", "livekit-worker"):
            self.livekit_keys(pair)

    def _made_once(self, name: str, make: Callable[[], bytes]) -> bytes:
        if not _NAME.fullmatch(name.removesuffix(".pem")):
            raise ValueError(f"not a name for a secret: {name!r}")
        path = self._directory / name
        if not path.exists():
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            _publish(path, make())
        return path.read_bytes()


def _publish(path: Path, content: bytes) -> None:
    """Writes a file that appears whole or not at all; who comes second leaves the first one's file alone."""
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # 0600 by definition
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


def _public_half(private_pem: bytes) -> bytes:
    public = serialization.load_pem_private_key(private_pem, password=None).public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
