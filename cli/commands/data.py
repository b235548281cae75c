"""`readback migrate` and `readback reset`: the databases of this installation."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.account.credentials_file import CredentialFile
from cli.errors import UsageError
from cli.settings import settings_classes
from cli.supervisor import home
from mesh.settings import MeshSettings, load


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(migrate)
    app.command()(reset)


def migrate() -> None:
    """Bring every database to the newest schema. Services do the same when they start."""
    from mesh.database.migrations import (
        migrate as bring_up_to_date,
    )  # SQLAlchemy takes a second to import, and `reset` needs none of it

    for name, url, migrations in _databases():
        asyncio.run(bring_up_to_date(url, migrations))
        print(f"{name}: up to date")


def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Delete the secrets too; everybody is signed out for good.")
    ] = False,
) -> None:
    """Delete every account, conversation and transcript of this installation."""
    folder = load(MeshSettings).home
    if home.is_held(folder):
        raise UsageError(f"Readback is running on {folder}; end it first.")
    doomed = home.databases(folder)
    if not doomed and not secrets:
        print(f"There is nothing to delete in {folder}.")
        return
    _confirm(folder, yes=yes)
    for path in doomed:
        path.unlink()
    CredentialFile(folder).forget()
    if secrets:
        shutil.rmtree(folder / "secrets", ignore_errors=True)
    print(f"Deleted {len(doomed)} database files{' and the secrets' if secrets else ''} in {folder}.")


def _confirm(folder: Path, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask on; pass --yes to delete everything.")
    typer.confirm(f"Delete every account, conversation and transcript in {folder}?", abort=True)


def _databases() -> list[tuple[str, str, Path]]:
    """Name, URL and migrations of every service that keeps a database."""
    found = []
    for settings in settings_classes():
        room = settings.__module__.rpartition(".")[0]
        spec = importlib.util.find_spec(room)
        folder = Path(str(spec.origin)).parent / "migrations" if spec and spec.origin else Path()
        if hasattr(settings, "database_url") and folder.is_dir():
            found.append((room.rpartition(".")[2], load(settings).database_url, folder))
    return found
