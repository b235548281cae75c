"""The services that the clients' tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.integration.conversation.mesh import Mesh


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Mesh]:
    """Identity alone; tests start the conversation service."""
    async with AsyncExitStack() as stack:
        made = Mesh(tmp_path, stack)
        await made.start_identity()
        yield made
