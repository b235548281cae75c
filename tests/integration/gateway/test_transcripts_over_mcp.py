"""A customer reads their own conversations over MCP, and nobody else's."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]
