"""What every scenario of chaos has at hand: dice with a printed seed, a nursery of processes, stores, and a report."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
import structlog

from tests.chaos import scale
from tests.chaos.processes import Nursery, nursery
from tests.chaos.report import Report
from tests.chaos.world import World, world
from tests.postgres_server import PostgresServer
from tests.toxiproxy import Toxiproxy, toxiproxy_server

Worlds = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Streams break by the thousand here: the kit's remarks on that are left out."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    structlog.reset_defaults()


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """This test's dice. To replay it: `READBACK_CHAOS_SEED`."""
    print(f"READBACK_CHAOS_SEED={scale.SEED}")
    return scale.dice_for(request.node.nodeid)


@pytest.fixture(scope="session")
def forks() -> Iterator[Nursery]:
    """Where processes come from."""
    with nursery() as made:
        yield made


@pytest.fixture
def worlds(forks: Nursery, tmp_path: Path, dice: random.Random) -> Worlds:
    """Makes a world: `async with worlds(replicas=2, READBACK_…=…) as world`."""
    return partial(world, forks, tmp_path, dice)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of a store, one of each kind."""
    if request.param == "sqlite":
        return {}
    server: PostgresServer = request.getfixturevalue("postgres")
    return {"READBACK_CONVERSATION_DATABASE_URL": server.new_database()}


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """A database for a cluster."""
    return postgres.new_database()


@pytest.fixture(scope="session")
def toxiproxy() -> Iterator[Toxiproxy]:
    """A toxiproxy server shared by a session's tests: use doors of your own."""
    with toxiproxy_server() as server:
        yield server


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """What this test counts, for the summary."""
    made = Report(request.node.name)
    failed_before = request.session.testsfailed
    yield made
    made.broken = request.session.testsfailed > failed_before
    made.write()
