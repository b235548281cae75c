"""Wrong settings stop everything before it starts, and each mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.settings import UpSettings, check_all, settings_classes, unknown_variables, variables
from mesh.settings import ConfigurationError, load

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for settings in settings_classes():
        for name in variables(settings):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("READBACK_HOME", str(tmp_path))


def test_every_mistake_is_named_once_whichever_part_it_belongs_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READBACK_UI_PORT", "eighty")
    monkeypatch.setenv("READBACK_LIVEKIT_PORT", "0")
    monkeypatch.setenv("READBACK_IDENTITY_BCRYPT_COST", "99")
    with pytest.raises(ConfigurationError) as wrong:
        check_all()
    lines = str(wrong.value).splitlines()
    named = [line.split(":")[0].strip() for line in lines[1:]]
    assert sorted(named) == ["READBACK_IDENTITY_BCRYPT_COST", "READBACK_LIVEKIT_PORT", "READBACK_UI_PORT"]


def test_good_settings_pass() -> None:
    assert check_all().ui_port == 8506


def test_services_that_would_be_killed_while_they_drain_are_not_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("READBACK_DRAIN_SECONDS", "1.5")
    with pytest.raises(ConfigurationError, match="READBACK_DRAIN_SECONDS come to more than"):
        check_all()


def test_a_misspelt_variable_is_reported_with_the_most_similar_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READBACK_UI_PROT", "8600")
    assert unknown_variables() == {"READBACK_UI_PROT": "READBACK_UI_PORT"}


def test_known_variables_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READBACK_IDENTITY_BCRYPT_COST", "4")
    assert unknown_variables() == {}


def test_an_external_livekit_server_needs_both_pairs_of_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_URL", "wss://example.test")
    monkeypatch.setenv("LIVEKIT_API_KEY", "key")
    monkeypatch.setenv("LIVEKIT_API_SECRET", "secret" * 8)
    with pytest.raises(ConfigurationError, match="LIVEKIT_WORKER_API_KEY"):
        check_all()


def test_an_external_livekit_server_with_its_keys_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_URL", "wss://example.test")
    for name in ("LIVEKIT_API", "LIVEKIT_WORKER_API"):
        monkeypatch.setenv(f"{name}_KEY", "key")
        monkeypatch.setenv(f"{name}_SECRET", "secret" * 8)
    assert load(UpSettings).livekit_is_external
