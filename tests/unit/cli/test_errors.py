"""Every failure ends as one sentence and an exit code, never as a traceback."""

from __future__ import annotations

import sys
from pathlib import Path

import grpc
import pytest

from cli import main
from cli.errors import CommandError, ToolMissing, UsageError, explain
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


@pytest.mark.parametrize("command", sorted(main.COMMAND_MODULES))
def test_every_command_is_in_the_module_that_is_loaded_for_it(command: str) -> None:
    from typer.testing import CliRunner

    result = CliRunner().invoke(main.build(command), [command, "--help"])
    assert result.exit_code == 0, result.output
