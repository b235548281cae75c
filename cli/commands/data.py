"""`readback migrate` and `readback reset`: upgrade or delete the databases of this installation."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from cli.account.credentials_files import credentials_file
from cli.errors import UsageError
from cli.settings import settings_classes
from cli.supervisor import home
from mesh.settings import MeshSettings, load


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(migrate)
    app.command()(reset)


def migrate() -> None:
    """Bring every database to the newest schema. Services do the same when they start."""
    # SQLAlchemy takes a second to import, and `reset` doesn't need it.
    from mesh.database.migrations import migrate as upgrade

    for name, url, migrations in _databases():
        asyncio.run(upgrade(url, migrations))
        print(f"{name}: up to date")


def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Delete the secrets too; this ends all sessions.")
    ] = False,
) -> None:
    """Delete every account, conversation, transcript and booking of this installation."""
    settings = load(MeshSettings)
    folder = settings.home
    if home.is_locked(folder):
        raise UsageError(f"Readback is running on {folder}; end it first.")
    files = home.databases(folder)
    if not files and not secrets:
        print(f"There is nothing to delete in {folder}.")
        return
    if not yes:
        _confirm(folder)
    for path in files:
        path.unlink()
    credentials_file(settings).delete()
    if secrets:
        shutil.rmtree(folder / "secrets", ignore_errors=True)
    print(f"Deleted {len(files)} database files{' and the secrets' if secrets else ''} in {folder}.")


def _confirm(folder: Path) -> None:
    if not sys.stdin.isatty():
        raise UsageError("There is no terminal to confirm on; use --yes to delete everything.")
    typer.confirm(f"Delete every account, conversation, transcript and booking in {folder}?", abort=True)


def _databases() -> Iterator[tuple[str, str, Path]]:
    """Yield the name, database URL and migrations folder of every service with a database."""
    for settings in settings_classes():
        package = settings.__module__.rpartition(".")[0]
        spec = importlib.util.find_spec(package)
        folder = Path(str(spec.origin)).parent / "migrations" if spec and spec.origin else Path()
        if hasattr(settings, "database_url") and folder.is_dir():
            yield package.rpartition(".")[2], load(settings).database_url, folder
