"""The services, shared by all tests of this layer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.postgres_server import PostgresServer
from tests.security.running_mesh import Mesh, running_mesh


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mesh(tmp_path_factory, postgres: PostgresServer) -> AsyncIterator[Mesh]:
    """The running services. Never stop them, and never delete what they hold for ada and bob."""
    async with running_mesh(tmp_path_factory.mktemp("home"), postgres) as running:
        yield running
