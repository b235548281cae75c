"""The service under test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.identity.harness import Identity, running_identity


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database; empty means the default, a SQLite file in the home."""
    return request.getfixturevalue("postgres").new_database() if request.param == "postgresql" else ""


@pytest_asyncio.fixture
async def identity(tmp_path: Path, database_url: str) -> AsyncIterator[Identity]:
    """An identity service with an empty database."""
    async with running_identity(tmp_path, identity_database_url=database_url) as service:
        yield service
