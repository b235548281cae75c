"""Settings of the identity service."""

from __future__ import annotations

from pathlib import Path

from pydantic import DirectoryPath, Field, FilePath, field_validator, model_validator

from mesh.database.engine import require_async_url
from mesh.settings import MeshSettings

MIN_PRODUCTION_COST = 12


class IdentitySettings(MeshSettings):
    """Settings of identity in addition to `MeshSettings`."""

    identity_database_url: str = ""
    """Async SQLAlchemy URL (`postgresql+psycopg://…`); when empty, a SQLite file in `READBACK_HOME`, which
    only one replica can use."""
    identity_bcrypt_cost: int = Field(default=12, ge=4, le=16)
    """Cost of a password hash; each step doubles the work. 12 takes half a second; use less only in tests."""
    identity_hashing_threads: int = Field(default=2, ge=1, le=64)
    """Number of passwords that are hashed at the same time. One network address uses all of them but one."""
    identity_failures_per_minute: int = Field(default=20, ge=1, le=10_000)
    """Failed sign-ins that one network address may cause in a minute, on all accounts together. Accounts that
    the address has signed in to before are exempt; each account has its own limit."""
    identity_registrations_per_hour: int = Field(default=100, ge=1, le=1_000_000)
    """Accounts that one network address may create in an hour."""
    identity_customer_token_seconds: int = Field(default=600, ge=120, le=3600)
    """Lifetime of customers' access tokens."""
    identity_actor_token_seconds: int = Field(default=300, ge=120, le=900)
    """Lifetime of the access tokens of agents and services."""
    identity_session_days: int = Field(default=30, ge=1, le=365)
    """Lifetime of a session. Then the customer must sign in again; refreshing doesn't extend the session."""
    identity_refresh_repeat_seconds: int = Field(default=20, ge=0, le=60)
    """Time in which a spent refresh token returns the same successor again, for clients that didn't get the
    response. Later use ends the session."""
    identity_grant_hours: int = Field(default=4, ge=1, le=24)
    """Lifetime of a call's grant, unless it is revoked earlier."""
    identity_actor_keys: DirectoryPath | None = None
    """Folder of the trusted actors' public keys, `<actor>.pem`. When unset, the installation's own actors are
    trusted."""
    identity_previous_signing_keys: tuple[FilePath, ...] = ()
    """PEM files of previous signing keys whose tokens are still accepted, as a JSON list."""

    @field_validator("identity_database_url")
    @classmethod
    def _async_database(cls, url: str) -> str:
        return require_async_url(url)

    @model_validator(mode="after")
    def _safe_in_production(self) -> IdentitySettings:
        if self.environment == "production" and self.identity_bcrypt_cost < MIN_PRODUCTION_COST:
            raise ValueError(
                f"READBACK_IDENTITY_BCRYPT_COST must be at least {MIN_PRODUCTION_COST} in production"
            )
        return self

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the database."""
        return self.identity_database_url or f"sqlite+aiosqlite:///{self.home / 'identity.sqlite3'}"

    def previous_signing_keys(self) -> list[bytes]:
        """Return the previous signing keys as PEM."""
        return [path.read_bytes() for path in self.identity_previous_signing_keys]

    def actor_public_keys(self) -> dict[str, bytes]:
        """Return the trusted actors' current public keys as PEM, by name."""
        if self.identity_actor_keys is None:
            return dict(self.secrets.actor_public_keys())
        return {path.stem: path.read_bytes() for path in Path(self.identity_actor_keys).glob("*.pem")}
