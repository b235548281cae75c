"""Secrets are made once; wrong settings are all named at once."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from mesh.security.secrets import SecretStore
from mesh.settings import ConfigurationError, MeshSettings, load

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("READBACK_HOME", "LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "READBACK_BIND"):
        monkeypatch.delenv(name, raising=False)


def test_a_secret_stays_what_it_was(tmp_path: Path) -> None:
    first = SecretStore(tmp_path / "secrets").text("identity-pepper")
    assert SecretStore(tmp_path / "secrets").text("identity-pepper") == first
    assert len(first) >= 43


def test_secrets_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    store = SecretStore(tmp_path / "secrets")
    store.create_all()
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()}
    assert modes == {0o600}


def test_processes_that_race_for_a_new_secret_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = set(pool.map(lambda _: SecretStore(tmp_path / "secrets").text("cursors"), range(64)))
    assert len(answers) == 1
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["cursors"]


def test_an_actors_public_key_belongs_to_its_private_one(tmp_path: Path) -> None:
    store = SecretStore(tmp_path)
    private = serialization.load_pem_private_key(store.actor_key("agent"), None)
    public = serialization.load_pem_public_key(store.actor_public_keys()["agent"])
    assert private.public_key() == public
    assert store.actor_key("agent") != store.actor_key("conversation")


@pytest.mark.parametrize("name", ["../pepper", "a/b", "", "UPPER", ".hidden"])
def test_a_secret_can_not_be_named_out_of_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        SecretStore(tmp_path).text(name)


def test_livekit_secrets_are_long_enough_and_pairs_differ(tmp_path: Path) -> None:
    callers, workers = (
        SecretStore(tmp_path).livekit_keys("livekit"),
        SecretStore(tmp_path).livekit_keys("livekit-worker"),
    )
    assert len(callers.secret) >= 32
    assert callers.key != workers.key
    assert callers.secret != workers.secret


def test_one_message_names_every_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READBACK_IDENTITY_PORT", "seventy")
    monkeypatch.setenv("READBACK_ENVIRONMENT", "staging")
    monkeypatch.setenv("LIVEKIT_URL", "livekit.example.com")
    with pytest.raises(ConfigurationError) as raised:
        load(MeshSettings)
    for name in ("READBACK_IDENTITY_PORT", "READBACK_ENVIRONMENT", "LIVEKIT_URL"):
        assert name in str(raised.value)


def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_an_address_is_this_machines_port_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(MeshSettings, identity_port=1234).address_of("identity") == "127.0.0.1:1234"
    monkeypatch.setenv("READBACK_IDENTITY_ADDRESS", "dns:///identity:50051")
    assert load(MeshSettings).address_of("identity") == "dns:///identity:50051"
