"""Fixtures and checks for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from tests.postgres_server import PostgresServer, postgres_server
from tests.product import product as product
from tests.redis_server import RedisServer, redis_server

LAYERS = frozenset({"unit", "contract", "integration", "security", "e2e", "chaos"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse modules without exactly one layer marker, because no make target would run them."""
    wrong = {}
    for item in items:
        layers = {marker.name for marker in item.iter_markers()} & LAYERS
        if len(layers) != 1:
            wrong[item.nodeid.partition("::")[0]] = sorted(layers)
    if wrong:
        lines = [f"  {path}: {' and '.join(layers) or 'none'}" for path, layers in sorted(wrong.items())]
        hint = (
            "Every test module needs exactly one layer, for example `pytestmark = pytest.mark.unit` "
            f"({', '.join(sorted(LAYERS))}):"
        )
        raise pytest.UsageError("\n".join([hint, *lines]))


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Undo a test's logging configuration, so that it doesn't affect later tests."""
    before = structlog.get_config()
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patch:
        # A logger cached on first use would outlive the configuration.
        patch.setattr(
            structlog,
            "configure",
            lambda **settings: configure(**settings | {"cache_logger_on_first_use": False}),
        )
        yield
    configure(**before)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server shared by all tests. Use a `new_database()`, and never stop the server."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """A Redis server shared by all tests. Use unique channels and keys, and never stop the server."""
    with redis_server() as server:
        yield server
