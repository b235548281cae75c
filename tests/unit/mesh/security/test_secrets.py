"""Secrets are created once, with enough randomness, and only their owner can read them."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from mesh.security.secrets import SecretStore

pytestmark = pytest.mark.unit


def test_a_secret_does_not_change(tmp_path: Path) -> None:
    first = SecretStore(tmp_path / "secrets").text("identity-pepper")
    assert SecretStore(tmp_path / "secrets").text("identity-pepper") == first
    assert len(first) >= 43


def test_only_the_owner_can_read_secrets(tmp_path: Path) -> None:
    store = SecretStore(tmp_path / "secrets")
    store.create_all()
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()}
    assert modes == {0o600}


def test_concurrent_creators_get_the_same_secret(tmp_path: Path) -> None:
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
def test_a_name_cannot_leave_the_secrets_folder(tmp_path: Path, name: str) -> None:
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
