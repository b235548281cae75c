"""The web app, one per module because Gradio takes a second to build, and customers with browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.integration.gradio_ui.site import Person, Site, site_at


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A site for the tests of one module. Each test has its own customers."""
    async with site_at(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def stranger(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is not signed in."""
    async with site.browser() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def ada(site: Site) -> AsyncIterator[Person]:
    """A customer who has just signed up."""
    async with site.signed_in() as person:
        yield person


@pytest_asyncio.fixture(loop_scope="module")
async def eve(site: Site) -> AsyncIterator[Person]:
    """Another customer."""
    async with site.signed_in("Eve") as person:
        yield person
