"""Saved tokens are for their owner alone, and refreshed by one command at a time."""

from __future__ import annotations

import fcntl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.account.credentials_file import Credentials, CredentialsFile

pytestmark = pytest.mark.unit

NOW = datetime(2027, 1, 1, tzinfo=UTC)


def credentials(lifetime: timedelta = timedelta(minutes=10)) -> Credentials:
    return Credentials("a@b.example", "access", (NOW + lifetime).timestamp(), "refresh")


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    CredentialsFile(tmp_path / "home").save(credentials())
    assert CredentialsFile(tmp_path / "home").read() == credentials()


def test_the_file_is_for_its_owner_alone_even_where_a_loose_one_was(tmp_path: Path) -> None:
    (tmp_path / "login.json").write_text("{}")
    (tmp_path / "login.json").chmod(0o644)
    CredentialsFile(tmp_path).save(credentials())
    assert (tmp_path / "login.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"email": 1}', "not json"])
def test_an_invalid_file_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "login.json").write_text(text)
    assert CredentialsFile(tmp_path).read() is None


def test_deleting_returns_whether_there_was_a_file(tmp_path: Path) -> None:
    file = CredentialsFile(tmp_path)
    assert not file.delete()
    file.save(credentials())
    assert file.delete()
    assert file.read() is None


def test_a_token_about_to_expire_is_not_used() -> None:
    assert credentials(timedelta(seconds=61)).fresh_at(NOW)
    assert not credentials(timedelta(seconds=60)).fresh_at(NOW)


def test_tokens_are_not_in_what_is_printed() -> None:
    assert "access" not in repr(credentials())


async def test_the_refresh_lock_keeps_others_out(tmp_path: Path) -> None:
    async with CredentialsFile(tmp_path).refresh_lock():
        with (tmp_path / "login.lock").open("a") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
