"""What every test has in common: the layer each module belongs to, and the running product."""

from __future__ import annotations

import pytest

from tests.product import product as product

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
