"""Every failure ends as one sentence and an exit code, never as a traceback."""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
import tempfile
from pathlib import Path

import grpc
import pytest

from cli import main
from cli.errors import CommandError, ToolMissing, UsageError, explain
from mesh.errors import StoreUnavailable
from mesh.settings import ConfigurationError

pytestmark = pytest.mark.unit


def refused(code: grpc.StatusCode, details: str) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CommandError("x"), 1),
        (UsageError("x"), 2),
        (ToolMissing("x"), 2),
        (ConfigurationError("x"), 2),
    ],
)
def test_our_own_errors_are_shown_word_for_word(error: Exception, code: int) -> None:
    assert explain(error) == ("x", code)


def test_the_error_of_an_unreachable_service_names_readback_up() -> None:
    explanation = explain(
        refused(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses; last error: refused")
    )
    assert explanation is not None
    assert "readback up" in explanation[0]
    assert explanation[1] == 1


def test_the_text_of_a_service_is_shown() -> None:
    assert explain(refused(grpc.StatusCode.NOT_FOUND, "No such flight.")) == ("No such flight.", 1)


def test_an_error_in_a_group_is_explained_like_the_error() -> None:
    assert explain(ExceptionGroup("group", [UsageError("x")])) == ("x", 2)


@pytest.mark.parametrize(
    ("number", "file"),
    [
        (errno.EROFS, "secrets"),
        (errno.EACCES, "up.lock"),
        (errno.ENOSPC, None),
        (errno.ENOTDIR, "logs"),
        (errno.EEXIST, ""),
    ],
)
def test_a_home_that_can_not_be_used_is_named_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int, file: str | None
) -> None:
    monkeypatch.setenv("READBACK_HOME", str(tmp_path))
    explanation = explain(
        OSError(number, os.strerror(number), None if file is None else str(tmp_path / file))
    )
    assert explanation is not None
    assert explanation[0].startswith(f"{tmp_path} can't be used (")
    assert "set READBACK_HOME" in explanation[0]
    assert explanation[1] == 2


def test_another_file_that_can_not_be_used_is_named_alone() -> None:
    error = PermissionError(errno.EACCES, "Permission denied", "/srv/heard.wav")
    assert explain(error) == ("/srv/heard.wav can't be used: permission denied.", 2)


def test_an_error_of_a_socket_is_not_taken_for_one_of_a_file() -> None:
    assert explain(PermissionError(errno.EACCES, "Permission denied")) is None
    assert explain(ConnectionResetError(errno.ECONNRESET, "Connection reset")) is None


def test_a_database_on_an_unusable_disk_is_explained_like_its_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("READBACK_HOME", str(tmp_path))
    error = StoreUnavailable()
    error.__cause__ = sqlite3.OperationalError("database or disk is full")
    explanation = explain(error)
    assert explanation is not None
    assert explanation[0].startswith(f"{tmp_path} can't be used (database or disk is full)")
    assert explanation[1] == 2


def test_bytes_that_are_no_text_are_explained() -> None:
    with pytest.raises(UnicodeError) as error:
        "\udcff".encode()
    assert explain(error.value) == ("An argument or the input is not text in UTF-8; correct its encoding.", 2)


def test_an_unexpected_error_is_not_explained() -> None:
    assert explain(RuntimeError("secret")) is None


def test_an_unexpected_error_is_logged_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_wanted: str | None) -> None:
        raise RuntimeError("inner text")

    monkeypatch.setattr(main, "build", fail)
    monkeypatch.setattr(sys, "argv", ["readback"])
    monkeypatch.setenv("READBACK_HOME", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        main.run()
    shown = capsys.readouterr().err
    assert ended.value.code == 1
    assert shown.count("\n") == 1
    assert "inner text" not in shown
    assert "RuntimeError: inner text" in (tmp_path / "logs" / "command.log").read_text()


def test_an_unexpected_error_is_one_sentence_where_the_home_can_not_be_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_wanted: str | None) -> None:
        raise RuntimeError("inner text")

    (tmp_path / "home").touch()
    monkeypatch.setattr(main, "build", fail)
    monkeypatch.setattr(sys, "argv", ["readback"])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("READBACK_HOME", str(tmp_path / "home"))
    with pytest.raises(SystemExit):
        main.run()
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    (saved,) = tmp_path.glob("*.log")
    assert str(saved) in shown
    assert "RuntimeError: inner text" in saved.read_text()


@pytest.mark.parametrize("command", sorted(main.COMMAND_MODULES))
def test_every_command_is_in_the_module_that_is_loaded_for_it(command: str) -> None:
    from typer.testing import CliRunner

    result = CliRunner().invoke(main.build(command), [command, "--help"])
    assert result.exit_code == 0, result.output
