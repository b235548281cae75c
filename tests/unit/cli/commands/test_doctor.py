"""The findings of `readback doctor`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from readback_client.session import Credentials

from cli.account.credentials_files import credentials_file
from cli.commands import doctor
from cli.commands.doctor import Finding, State
from cli.livekit import server
from cli.settings import UpSettings
from mesh.settings import load
from tests.product import environment_for

pytestmark = pytest.mark.unit


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UpSettings:
    for name, value in environment_for(tmp_path / "home").items():
        if name.startswith(("READBACK_", "XDG_CONFIG_HOME")):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "home").mkdir()
    return load(UpSettings)


def found(settings: UpSettings, subject: str) -> Finding:
    return next(finding for finding in doctor.check_installation(settings) if finding.subject == subject)


def test_a_fresh_installation_has_nothing_wrong(settings: UpSettings) -> None:
    assert [
        finding.subject for finding in doctor.check_installation(settings) if finding.state.is_trouble
    ] == []


def test_secrets_that_others_can_read_are_wrong_and_the_fix_is_shown(settings: UpSettings) -> None:
    settings.secrets.create_all()
    assert found(settings, "secrets").state is State.OK
    (settings.home / "secrets" / "cursors").chmod(0o644)
    assert found(settings, "secrets") == Finding(
        "secrets", State.WRONG, f"readable by others: cursors; run chmod -R go= {settings.home / 'secrets'}"
    )


def test_lost_secrets_are_trouble(settings: UpSettings) -> None:
    (settings.home / "identity.sqlite3").touch()
    assert found(settings, "secrets").state is State.MISSING


def test_the_login_is_shown_without_its_tokens(settings: UpSettings) -> None:
    credentials_file(settings).save(Credentials("ada@b.example", "access-token", 0, "refresh-token"))
    assert found(settings, "login").detail == "as ada@b.example"


def test_a_server_that_is_not_built_yet_is_no_trouble_when_it_can_be(
    settings: UpSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "locate", lambda _home: None)
    monkeypatch.setattr(doctor, "find_go", lambda _: Path("/usr/bin/go"))
    assert found(settings, "livekit server").state is State.NOTE
    assert not server.LIVEKIT.cached.exists()


def test_a_misspelt_variable_is_trouble(settings: UpSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READBACK_LOG_LEVLE", "debug")
    assert "READBACK_LOG_LEVEL?" in found(settings, "READBACK_LOG_LEVLE").detail


def test_parts_that_do_not_answer_are_unreachable_and_their_addresses_are_shown(settings: UpSettings) -> None:
    findings = {finding.subject: finding for finding in asyncio.run(doctor.check_parts(settings))}
    assert set(findings) == {
        "livekit",
        "identity",
        "flightdata",
        "conversation",
        "booking",
        "agent",
        "page",
        "gateway",
    }
    assert {finding.state for finding in findings.values()} == {State.UNREACHABLE}
    assert f":{settings.identity_http_port}/health and /metrics" in findings["identity"].detail
