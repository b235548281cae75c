"""Fixtures of all scenarios: a seeded random generator, a fork server, stores, and a report."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
import structlog

from tests.chaos import run
from tests.chaos.deployment import Deployment, open_deployment
from tests.chaos.processes import ForkServer, fork_server
from tests.chaos.run import Report
from tests.postgres_server import PostgresServer
from tests.toxiproxy import Toxiproxy, toxiproxy_server

Deployments = Callable[..., AbstractAsyncContextManager[Deployment]]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Drop the client's info logs: streams break by the thousand here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    structlog.reset_defaults()


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Random generator of this test. Set `READBACK_CHAOS_SEED` to repeat a run."""
    print(f"READBACK_CHAOS_SEED={run.SEED}")
    return run.rng_for(request.node.nodeid)


@pytest.fixture(scope="session")
def forks() -> Iterator[ForkServer]:
    """Fork server of the session."""
    with fork_server() as made:
        yield made


@pytest.fixture
def deployments(forks: ForkServer, tmp_path: Path, rng: random.Random) -> Deployments:
    """Makes a deployment: `async with deployments(replicas=2, READBACK_…=…) as deployment`."""
    return partial(open_deployment, forks, tmp_path, rng)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of a store, one of each kind."""
    if request.param == "sqlite":
        return {}
    server: PostgresServer = request.getfixturevalue("postgres")
    return {"READBACK_CONVERSATION_DATABASE_URL": server.new_database()}


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """URL of a new database for a cluster."""
    return postgres.new_database()


@pytest.fixture(scope="session")
def toxiproxy() -> Iterator[Toxiproxy]:
    """Toxiproxy server of the session; each test makes its own proxies."""
    with toxiproxy_server() as server:
        yield server


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """Report of this test for the summary."""
    made = Report(request.node.name)
    failed_before = request.session.testsfailed
    yield made
    made.broken = request.session.testsfailed > failed_before
    made.write()
