"""One supervisor per home, and no new secrets for old databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.errors import UsageError
from cli.supervisor import home

pytestmark = pytest.mark.unit


def test_a_second_supervisor_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with (
        home.locked(tmp_path),
        pytest.raises(UsageError, match="already running") as refused,
        home.locked(tmp_path),
    ):
        pass
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)


def test_a_home_is_free_again_afterwards(tmp_path: Path) -> None:
    with home.locked(tmp_path):
        assert home.is_locked(tmp_path)
    assert not home.is_locked(tmp_path)
    with home.locked(tmp_path):
        pass


def test_a_missing_home_is_not_locked(tmp_path: Path) -> None:
    assert not home.is_locked(tmp_path / "none")


def test_a_full_disk_is_refused_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "MIN_FREE_BYTES", 1 << 60)
    with pytest.raises(UsageError, match=f"The disk of {tmp_path} is full") as refused, home.locked(tmp_path):
        pass
    assert "\n" not in str(refused.value)


def test_databases_without_secrets_are_refused(tmp_path: Path) -> None:
    (tmp_path / "identity.sqlite3").touch()
    with pytest.raises(UsageError, match="secrets are gone"):
        home.require_secrets_of_databases(tmp_path)


def test_databases_with_secrets_and_fresh_homes_pass(tmp_path: Path) -> None:
    home.require_secrets_of_databases(tmp_path)
    (tmp_path / "identity.sqlite3").touch()
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "cursors").touch()
    home.require_secrets_of_databases(tmp_path)


def test_files_of_sqlite_belong_to_their_database(tmp_path: Path) -> None:
    for name in ("identity.sqlite3", "identity.sqlite3-wal", "identity.sqlite3-shm", "livekit.yaml"):
        (tmp_path / name).touch()
    assert [path.name for path in home.databases(tmp_path)] == [
        "identity.sqlite3",
        "identity.sqlite3-shm",
        "identity.sqlite3-wal",
    ]
