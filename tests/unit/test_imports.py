"""Imports make no circle: data goes one way, and any module can be the first that is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter

import pytest

from mesh.settings import CHECKOUT

pytestmark = pytest.mark.unit

ROOMS = ("consent", "mesh", "services", "agent", "gradio_ui", "cli", "doubles")


@cache
def modules() -> dict[str, ast.Module]:
    """Return every module, parsed, by its name."""
    found = {}
    for room in ROOMS:
        for path in (CHECKOUT / room).rglob("*.py"):
            parts = path.relative_to(CHECKOUT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(
                path.read_text(encoding="utf-8")
            )
    return found


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield the names a module imports while it loads, so not those inside functions or for types only."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        match waiting.pop():
            case ast.Import(names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module, names) if module:
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.If(ast.Name("TYPE_CHECKING")):
                continue
            case ast.If(_, body, orelse):
                waiting += [*body, *orelse]
            case ast.Try(body):
                waiting += body
            case ast.ClassDef(body=body):
                waiting += body


def loaded(name: str, known: dict[str, ast.Module]) -> Iterator[str]:
    """Yield our modules that are loaded for a name: the module and the packages around it."""
    parts = name.split(".")
    yield from (package for end in range(1, len(parts) + 1) if (package := ".".join(parts[:end])) in known)


def test_imports_make_no_circle() -> None:
    known = modules()
    graph = {
        name: {other for what in imported(tree) for other in loaded(what, known)}
        for name, tree in known.items()
    }
    for name, others in graph.items():
        # A package may import its own modules; it is loaded before them.
        others -= {name, *loaded(name, known)}
    assert list(TopologicalSorter(graph).static_order())


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def all_imported(tree: ast.Module) -> Iterator[str]:
    """Names imported anywhere in a module: inside functions and for types too."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module, names) if module:
                yield from (f"{module}.{alias.name}" for alias in names)


CLIENT_KIT = "services.conversation.client"
PRODUCT = ("consent", "mesh", "services", "agent", "gradio_ui", "cli")


@pytest.mark.parametrize(
    ("layer", "allowed"),
    [
        ("consent", ["consent"]),
        ("agent.language", ["agent.language"]),
        ("mesh", ["mesh"]),
        ("services.conversation", ["mesh", "agent.language", "services.conversation"]),
        ("services.flightdata", ["mesh", "agent.language", "services.flightdata"]),
        ("services.booking", ["consent", "mesh", "agent.language", "services.booking"]),
        ("services.identity", ["mesh", "agent.language", "services.identity"]),
        ("services.gateway", ["mesh", "agent.language", "services.gateway"]),
        ("agent", ["mesh", "agent", CLIENT_KIT]),
        ("gradio_ui", ["mesh", "gradio_ui", CLIENT_KIT]),
    ],
)
def test_a_layer_imports_only_the_layers_below_it(layer: str, allowed: list[str]) -> None:
    strays = {
        (name, other)
        for name, tree in modules().items()
        if within(name, layer)
        for other in all_imported(tree)
        if within(other, *PRODUCT) and not within(other, *allowed)
    }
    assert not strays
