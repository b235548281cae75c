"""A real conversation service and a real identity service on free ports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.integration.conversation.mesh import Mesh


@pytest.fixture
async def lone_mesh(tmp_path: Path) -> AsyncIterator[Mesh]:
    """Identity alone; the test starts and stops the conversation service."""
    async with AsyncExitStack() as stack:
        made = Mesh(tmp_path, stack)
        await made.start_identity()
        yield made


@pytest.fixture
async def mesh(lone_mesh: Mesh) -> AsyncIterator[Mesh]:
    """Identity and conversation, both running."""
    async with lone_mesh.conversation():
        yield lone_mesh
