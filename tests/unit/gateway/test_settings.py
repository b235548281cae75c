"""Settings of the gateway: anonymous callers, host names, and their documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.settings import CHECKOUT, load, variable_of
from services.gateway.settings import GatewaySettings
from tools.settings_table import own_fields

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in GatewaySettings.model_fields:
        monkeypatch.delenv(f"READBACK_{name.upper()}", raising=False)
    monkeypatch.setenv("READBACK_HOME", str(tmp_path))


@pytest.mark.parametrize(("environment", "strangers"), [("development", True), ("production", False)])
def test_anonymous_callers_are_allowed_outside_production_only(
    monkeypatch: pytest.MonkeyPatch, environment: str, strangers: bool
) -> None:
    monkeypatch.setenv("READBACK_ENVIRONMENT", environment)
    assert load(GatewaySettings).allows_anonymous is strangers


@pytest.mark.parametrize("environment", ["development", "production"])
@pytest.mark.parametrize("said", ["true", "false"])
def test_an_explicit_setting_overrides_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: str, said: str
) -> None:
    monkeypatch.setenv("READBACK_ENVIRONMENT", environment)
    monkeypatch.setenv("READBACK_MCP_ANONYMOUS", said)
    assert load(GatewaySettings).allows_anonymous is (said == "true")


def test_hosts_are_read_without_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READBACK_MCP_HOSTS", " travel.example ,, other.example")
    assert load(GatewaySettings).hosts == ["travel.example", "other.example"]


def test_every_setting_is_in_the_table() -> None:
    table = (CHECKOUT / "docs/settings.md").read_text()
    assert [
        name for name in own_fields(GatewaySettings) if f"`{variable_of(GatewaySettings, name)}`" not in table
    ] == []
