"""Saved tokens are for their owner alone, and refreshed by one command at a time."""

from __future__ import annotations

import fcntl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from readback_client.session import Credentials, CredentialsFile

from cli.account.credentials_files import credentials_file
from mesh.settings import MeshSettings, load

pytestmark = pytest.mark.unit

NOW = datetime(2027, 1, 1, tzinfo=UTC)


def credentials(lifetime: timedelta = timedelta(minutes=10)) -> Credentials:
    return Credentials("a@b.example", "access", (NOW + lifetime).timestamp(), "refresh")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MeshSettings:
    """Settings of a checkout, whose user has an empty configuration folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "home").mkdir()
    return load(MeshSettings, home=tmp_path / "home", identity_address="10.0.0.5:50051")


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    CredentialsFile(tmp_path / "folder" / "login.json").save(credentials())
    assert CredentialsFile(tmp_path / "folder" / "login.json").read() == credentials()


def test_the_file_is_for_its_owner_alone_even_where_a_loose_one_was(tmp_path: Path) -> None:
    (tmp_path / "login.json").write_text("{}")
    (tmp_path / "login.json").chmod(0o644)
    CredentialsFile(tmp_path / "login.json").save(credentials())
    assert (tmp_path / "login.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["login.json"]


def test_a_login_belongs_to_the_user_and_an_address_whatever_the_home(
    settings: MeshSettings, tmp_path: Path
) -> None:
    credentials_file(settings).save(credentials())
    assert (tmp_path / "config" / "readback").stat().st_mode & 0o777 == 0o700
    elsewhere = load(MeshSettings, home=tmp_path / "another", identity_address="10.0.0.5:50051")
    assert credentials_file(elsewhere).read() == credentials()
    other = load(MeshSettings, home=tmp_path / "home", identity_address="dns:///identity.example:50051")
    assert credentials_file(other).read() is None
    credentials_file(other).save(credentials())
    assert len(list((tmp_path / "config" / "readback").iterdir())) == 2


def test_the_login_of_an_older_version_is_moved_once(settings: MeshSettings) -> None:
    old = settings.home / "login.json"
    CredentialsFile(old).save(credentials())
    assert credentials_file(settings).read() == credentials()
    assert not old.exists()
    credentials_file(settings).delete()
    assert credentials_file(settings).read() is None


def test_newer_tokens_are_not_replaced_by_those_of_an_older_version(settings: MeshSettings) -> None:
    newer = credentials(timedelta(minutes=20))
    credentials_file(settings).save(newer)
    CredentialsFile(settings.home / "login.json").save(credentials())
    assert credentials_file(settings).read() == newer
    assert credentials_file(settings).delete()
    assert not (settings.home / "login.json").exists()


def test_the_login_of_a_user_without_any_folder_is_in_the_home(
    settings: MeshSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)
    credentials_file(settings).save(credentials())
    assert [path.name for path in (settings.home / "logins").iterdir()] == ["10.0.0.5:50051.json"]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"email": 1}', "not json"])
def test_an_invalid_file_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "login.json").write_text(text)
    assert CredentialsFile(tmp_path / "login.json").read() is None


def test_a_file_in_the_place_of_the_folder_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "readback").touch()
    assert CredentialsFile(tmp_path / "readback" / "login.json").read() is None


def test_deleting_returns_whether_there_was_a_file(tmp_path: Path) -> None:
    file = CredentialsFile(tmp_path / "login.json")
    assert not file.delete()
    file.save(credentials())
    assert file.delete()
    assert file.read() is None


def test_a_token_about_to_expire_is_not_used() -> None:
    assert credentials(timedelta(seconds=61)).fresh_at(NOW.timestamp())
    assert not credentials(timedelta(seconds=60)).fresh_at(NOW.timestamp())


def test_tokens_are_not_in_what_is_printed() -> None:
    assert "access" not in repr(credentials())


async def test_the_refresh_lock_keeps_others_out(tmp_path: Path) -> None:
    async with CredentialsFile(tmp_path / "login.json").refresh_lock():
        with (tmp_path / "login.lock").open("a") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
