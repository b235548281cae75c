"""The service under test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.booking.harness import Booking, Customer, running_booking


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database; empty means the default, a SQLite file in the home."""
    return request.getfixturevalue("postgres").new_database() if request.param == "postgresql" else ""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def booking(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> AsyncIterator[Booking]:
    """A booking service, shared by the tests of a module."""
    async with running_booking(tmp_path_factory.mktemp("home"), database_url) as service:
        yield service


@pytest_asyncio.fixture(loop_scope="module")
async def asha(booking: Booking) -> Customer:
    """A new customer."""
    return await booking.customer()
