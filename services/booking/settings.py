"""Settings of the booking service."""

from __future__ import annotations

from pydantic import Field, field_validator

from mesh.database.engine import require_async_url
from mesh.settings import MeshSettings


class BookingSettings(MeshSettings):
    """Settings of booking in addition to `MeshSettings`."""

    booking_database_url: str = ""
    """Async SQLAlchemy URL (`postgresql+psycopg://…`); when empty, a SQLite file in `READBACK_HOME`, which
    only one replica can use."""
    booking_quotes_per_hour: int = Field(default=120, ge=1, le=100_000)
    """Quotes that one customer may make in an hour."""

    @field_validator("booking_database_url")
    @classmethod
    def _async_database(cls, url: str) -> str:
        return require_async_url(url)

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the database."""
        return self.booking_database_url or f"sqlite+aiosqlite:///{self.home / 'booking.sqlite3'}"
