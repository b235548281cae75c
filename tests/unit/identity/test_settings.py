"""Settings of identity: safe defaults, and refusal of unsafe values."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.settings import ConfigurationError, load
from services.identity.settings import IdentitySettings

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in IdentitySettings.model_fields:
        monkeypatch.delenv(f"READBACK_{name.upper()}", raising=False)
    monkeypatch.setenv("READBACK_HOME", str(tmp_path))


def test_the_defaults_are_as_documented(tmp_path: Path) -> None:
    settings = load(IdentitySettings)
    assert settings.identity_bcrypt_cost == 12
    assert settings.identity_customer_token_seconds == 600
    assert settings.identity_actor_token_seconds == 300
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path}/identity.sqlite3"


def test_the_database_can_be_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READBACK_IDENTITY_DATABASE_URL", "sqlite+aiosqlite:////elsewhere/people.db")
    assert load(IdentitySettings).database_url == "sqlite+aiosqlite:////elsewhere/people.db"


def test_postgresql_uses_its_async_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READBACK_IDENTITY_DATABASE_URL", "postgresql+psycopg://readback@db/identity")
    assert load(IdentitySettings).database_url == "postgresql+psycopg://readback@db/identity"


def test_a_cheap_hash_is_refused_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READBACK_IDENTITY_BCRYPT_COST", "4")
    assert load(IdentitySettings).identity_bcrypt_cost == 4
    monkeypatch.setenv("READBACK_ENVIRONMENT", "production")
    with pytest.raises(ConfigurationError, match="READBACK_IDENTITY_BCRYPT_COST"):
        load(IdentitySettings)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("READBACK_IDENTITY_BCRYPT_COST", "99"),
        ("READBACK_IDENTITY_HASHING_THREADS", "0"),
        ("READBACK_IDENTITY_CUSTOMER_TOKEN_SECONDS", "1000000"),
        ("READBACK_IDENTITY_SESSION_DAYS", "forever"),
        ("READBACK_IDENTITY_DATABASE_URL", "nonsense"),
        ("READBACK_IDENTITY_DATABASE_URL", "sqlite:///not-async.db"),
        ("READBACK_IDENTITY_DATABASE_URL", "nosuchdatabase+driver://host/name"),
        ("READBACK_IDENTITY_ACTOR_KEYS", "/no/such/folder"),
        ("READBACK_IDENTITY_PREVIOUS_SIGNING_KEYS", '["/no/such/file.pem"]'),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=variable):
        load(IdentitySettings)


def test_actors_of_a_cluster_are_read_from_a_folder_of_public_keys(tmp_path: Path) -> None:
    own = load(IdentitySettings)
    assert set(own.actor_public_keys()) == {"agent", "booking", "conversation", "gateway", "page"}
    folder = tmp_path / "actors"
    folder.mkdir()
    (folder / "agent-eu.pem").write_bytes(own.actor_public_keys()["agent"])
    mounted = load(IdentitySettings, identity_actor_keys=folder)
    assert mounted.actor_public_keys() == {"agent-eu": own.actor_public_keys()["agent"]}


def test_previous_signing_keys_are_read_from_files(tmp_path: Path) -> None:
    old = tmp_path / "old.pem"
    old.write_bytes(b"pem")
    assert load(IdentitySettings, identity_previous_signing_keys=(old,)).previous_signing_keys() == [b"pem"]


def test_no_secret_shows_in_the_settings_themselves() -> None:
    settings = load(IdentitySettings)
    assert settings.secrets.text("identity-pepper") not in repr(settings)
