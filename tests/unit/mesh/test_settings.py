"""Settings are checked at the start, and every mistake is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.settings import ConfigurationError, MeshSettings, load

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("READBACK_HOME", "LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "READBACK_BIND"):
        monkeypatch.delenv(name, raising=False)


def test_the_error_names_every_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READBACK_IDENTITY_PORT", "seventy")
    monkeypatch.setenv("READBACK_ENVIRONMENT", "staging")
    monkeypatch.setenv("LIVEKIT_URL", "livekit.example.com")
    with pytest.raises(ConfigurationError) as raised:
        load(MeshSettings)
    for name in ("READBACK_IDENTITY_PORT", "READBACK_ENVIRONMENT", "LIVEKIT_URL"):
        assert name in str(raised.value)


def test_the_error_does_not_contain_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_API_SECRET", "sesame-open-sesame")
    with pytest.raises(ConfigurationError) as raised:
        load(MeshSettings)
    assert "LIVEKIT_API_KEY and LIVEKIT_API_SECRET" in str(raised.value)
    assert "sesame" not in str(raised.value)


def test_home_does_not_depend_on_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = load(MeshSettings).home
    monkeypatch.chdir(tmp_path)
    assert load(MeshSettings).home == before
    assert before.name == ".readback"


def test_the_default_address_is_this_machines_port(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(MeshSettings, identity_port=1234).address_of("identity") == "127.0.0.1:1234"
    monkeypatch.setenv("READBACK_IDENTITY_ADDRESS", "dns:///identity:50051")
    assert load(MeshSettings).address_of("identity") == "dns:///identity:50051"
