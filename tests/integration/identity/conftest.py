"""The service under test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.integration.identity.harness import Identity, running_identity


@pytest_asyncio.fixture
async def identity(tmp_path: Path) -> AsyncIterator[Identity]:
    """An identity service with an empty database."""
    async with running_identity(tmp_path) as service:
        yield service
