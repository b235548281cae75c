"""Settings of the identity service."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import DirectoryPath, Field, FilePath, field_validator, model_validator
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from mesh.settings import MeshSettings

LOWEST_PRODUCTION_COST = 12


class IdentitySettings(MeshSettings):
    """What the identity service needs to know beside `MeshSettings`."""

    identity_database_url: str = ""
    """Async SQLAlchemy URL (`postgresql+psycopg://…`); a SQLite file in `READBACK_HOME` when empty, which is good for one replica."""
    identity_bcrypt_cost: int = Field(default=12, ge=4, le=16)
    """Doublings of the work of a password hash. 12 takes about half a second of a core; lower ones are for tests."""
    identity_hashing_threads: int = Field(default=2, ge=1, le=64)
    """How many passwords are hashed at the same time."""
    identity_customer_token_seconds: int = Field(default=600, ge=120, le=3600)
    """Lifetime of customers' access tokens, which nothing can call back."""
    identity_actor_token_seconds: int = Field(default=300, ge=120, le=900)
    """Lifetime of access tokens of agents and services."""
    identity_session_days: int = Field(default=30, ge=1, le=365)
    """How long after signing in a password is needed again, however often the session is refreshed."""
    identity_grant_hours: int = Field(default=4, ge=1, le=24)
    """How long a call's grant is good for, if nobody revokes it."""
    identity_actor_keys: DirectoryPath | None = None
    """Folder of `<actor>.pem` public keys; the installation's own actors when unset."""
    identity_previous_signing_keys: tuple[FilePath, ...] = ()
    """PEM files of earlier signing keys whose tokens are still accepted, as a JSON list."""

    @field_validator("identity_database_url")
    @classmethod
    def _async_database(cls, url: str) -> str:
        try:
            usable = not url or _is_async(make_url(url))
        except (ArgumentError, ImportError):
            usable = False
        if not usable:
            raise ValueError(
                "must be an async SQLAlchemy URL, for example postgresql+psycopg://readback@db/identity or sqlite+aiosqlite:////srv/identity.db"
            )
        return url

    @model_validator(mode="after")
    def _safe_in_production(self) -> IdentitySettings:
        if self.environment == "production" and self.identity_bcrypt_cost < LOWEST_PRODUCTION_COST:
            raise ValueError(
                f"READBACK_IDENTITY_BCRYPT_COST must be at least {LOWEST_PRODUCTION_COST} in production"
            )
        return self

    @property
    def database_url(self) -> str:
        """Where the database is."""
        return self.identity_database_url or f"sqlite+aiosqlite:///{self.home / 'identity.sqlite3'}"

    @property
    def customer_token_lifetime(self) -> timedelta:
        """Of customers' access tokens."""
        return timedelta(seconds=self.identity_customer_token_seconds)

    @property
    def actor_token_lifetime(self) -> timedelta:
        """Of access tokens of agents and services."""
        return timedelta(seconds=self.identity_actor_token_seconds)

    def previous_signing_keys(self) -> list[bytes]:
        """PEM of earlier signing keys."""
        return [path.read_bytes() for path in self.identity_previous_signing_keys]

    def actor_public_keys(self) -> dict[str, bytes]:
        """PEM of the trusted actors' public keys by name, as they are now."""
        if self.identity_actor_keys is None:
            return dict(self.secrets.actor_public_keys())
        return {path.stem: path.read_bytes() for path in Path(self.identity_actor_keys).glob("*.pem")}


def _is_async(url: URL) -> bool:
    return url.get_dialect().get_async_dialect_cls(url).is_async  # psycopg's is two dialects under one name
