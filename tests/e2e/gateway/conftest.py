"""The HTTP gateway over real services, and a real Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.e2e.gradio_ui.conftest import CHROMIUM
from tests.integration.gateway.conftest import Mesh, running_mesh


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory) -> AsyncIterator[Mesh]:
    """The services, shared by a module's tests."""
    async with running_mesh(tmp_path_factory.mktemp("home")) as services:
        yield services


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium, shared by a module's tests."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield started
        await started.close()
