"""`readback migrate` and `readback reset` on a home of their own."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from readback_client.session import Credentials, CredentialsFile

from mesh.security.secrets import SecretStore
from tests.product import READBACK, environment_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


IDENTITY = "127.0.0.1:50051"


def readback(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = environment_for(home, READBACK_IDENTITY_ADDRESS=IDENTITY)
    command = [*READBACK, *arguments]
    return subprocess.run(
        command, env=environment, input="", capture_output=True, text=True, timeout=120, check=False
    )


def login(home: Path) -> CredentialsFile:
    """The saved login of the environment of `readback`."""
    return CredentialsFile(home / "config" / "readback" / f"{IDENTITY}.json")


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with databases, secrets and a person logged in, from which each test gets a copy."""
    home = tmp_path_factory.mktemp("migrated")
    SecretStore(home / "secrets").create_all()
    login(home).save(Credentials("a@b.example", "access", 0, "refresh"))
    result = readback(home, "migrate")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        f"{service}: up to date" for service in ("identity", "conversation", "booking")
    ]
    return home


@pytest.fixture
def home(tmp_path: Path, migrated: Path) -> Path:
    """A home of this test."""
    return Path(shutil.copytree(migrated, tmp_path / "home"))


def tables(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_migrating_makes_the_tables_and_may_be_repeated(home: Path) -> None:
    assert {"customers", "alembic_version"} <= tables(home / "identity.sqlite3")
    assert {"conversations", "log_pages", "alembic_version"} <= tables(home / "conversation.sqlite3")
    assert readback(home, "migrate").returncode == 0


def test_reset_asks_first(home: Path) -> None:
    result = readback(home, "reset")
    assert result.returncode == 2
    assert "--yes" in result.stderr
    assert (home / "identity.sqlite3").exists()


def test_reset_deletes_data_and_login_and_keeps_the_secrets(home: Path) -> None:
    assert readback(home, "reset", "--yes").returncode == 0
    assert list(home.glob("*.sqlite3*")) == []
    assert login(home).read() is None
    assert (home / "secrets" / "identity-pepper").exists()


def test_secrets_go_only_when_asked_to_and_never_without_the_databases(home: Path) -> None:
    assert readback(home, "reset", "--yes", "--secrets").returncode == 0
    assert not (home / "secrets").exists()
    assert list(home.glob("*.sqlite3*")) == []
    assert "nothing to delete" in readback(home, "reset", "--yes").stdout


def test_up_refuses_databases_whose_secrets_are_gone(home: Path) -> None:
    for secret in (home / "secrets").iterdir():
        secret.unlink()
    result = readback(home, "up")
    assert result.returncode == 2
    assert "secrets are gone" in result.stderr
    assert not (home / "logs").exists()
