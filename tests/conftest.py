"""What every test has in common: the layer each module belongs to, and the running product."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from tests.postgres_server import PostgresServer, postgres_server
from tests.product import product as product
from tests.redis_server import RedisServer, redis_server

LAYERS = frozenset({"unit", "contract", "integration", "e2e", "chaos"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuses modules that don't say which one layer they belong to: an unmarked test would run nowhere."""
    astray = {}
    for item in items:
        layers = {marker.name for marker in item.iter_markers()} & LAYERS
        if len(layers) != 1:
            astray[item.nodeid.partition("::")[0]] = sorted(layers)
    if astray:
        lines = [f"  {path}: {' and '.join(layers) or 'none'}" for path, layers in sorted(astray.items())]
        hint = f"Every test module names exactly one layer, for example `pytestmark = pytest.mark.unit` ({', '.join(sorted(LAYERS))}):"
        raise pytest.UsageError("\n".join([hint, *lines]))


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """A part that a test configures logging for must not silence, or keep for itself, the log lines of the tests after it."""
    before = structlog.get_config()
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patch:
        # A logger that is cached on first use would outlive the configuration.
        patch.setattr(
            structlog,
            "configure",
            lambda **settings: configure(**settings | {"cache_logger_on_first_use": False}),
        )
        yield
    configure(**before)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server shared by a session's tests: take a `new_database()` each, and leave it running."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """A Redis server shared by a session's tests: use channels and keys of your own, and leave it running."""
    with redis_server() as server:
        yield server
