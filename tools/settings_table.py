"""Write `docs/settings.md` from the settings classes: tables of all environment variables.

`python -m tools.settings_table` writes; with `--check` it fails if the page is stale.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mesh.settings import CHECKOUT, MeshSettings, default_home, variable_of

PAGE = CHECKOUT / "docs/settings.md"
MODULES = {
    "every process": "mesh.settings",
    "identity": "services.identity.settings",
    "conversation": "services.conversation.settings",
    "flightdata": "services.flightdata.settings",
    "booking": "services.booking.settings",
    "gateway": "services.gateway.settings",
    "agent": "agent.settings",
    "page": "gradio_ui.settings",
    "command line and supervisor": "cli.settings",
}
HEAD = """# Settings

Environment variables, read once when a process starts. If any is wrong, the process doesn't start, and its
error message names every mistake. `python -m tools.settings_table` writes this page.
"""


def classes(module: str) -> list[type[MeshSettings]]:
    """Return the settings classes that a module defines."""
    loaded = importlib.import_module(module)
    found = [
        value
        for value in vars(loaded).values()
        if isinstance(value, type) and issubclass(value, MeshSettings)
    ]
    return [value for value in found if value.__module__ == module]


def own_fields(settings: type[MeshSettings]) -> dict[str, FieldInfo]:
    """Return the fields that a class adds to those of its bases."""
    inherited = {name for base in settings.__mro__[1:] for name in getattr(base, "model_fields", {})}
    return {name: field for name, field in settings.model_fields.items() if name not in inherited}


def row(settings: type[MeshSettings], name: str, field: FieldInfo) -> str:
    """Return one line of a table."""
    meaning = " ".join((field.description or "").split())
    if get_origin(field.annotation) is Literal:
        meaning += " One of " + ", ".join(f"`{value}`" for value in get_args(field.annotation)) + "."
    return f"| `{variable_of(settings, name)}` | {_default(field)} | {meaning} |"


def _default(field: FieldInfo) -> str:
    default: Any = default_home() if field.default_factory is default_home else field.default
    if default is PydanticUndefined or default is None or default == "":
        return ""
    if isinstance(default, Path):
        default = default.relative_to(CHECKOUT) if default.is_relative_to(CHECKOUT) else default
    return f"`{default}`"


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for title, module in MODULES.items():
        rows = [
            row(settings, name, field)
            for settings in classes(module)
            for name, field in own_fields(settings).items()
        ]
        if rows:
            parts.append(
                f"\n## {title[0].upper()}{title[1:]}\n\n| variable | default | meaning |\n|---|---|---|\n"
                + "\n".join(rows)
                + "\n"
            )
    return "".join(parts)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if docs/settings.md is stale")
    if not parser.parse_args().check:
        PAGE.write_text(page())
    elif PAGE.read_text() != page():
        sys.exit("docs/settings.md is stale; run `python -m tools.settings_table`")


if __name__ == "__main__":
    main()
