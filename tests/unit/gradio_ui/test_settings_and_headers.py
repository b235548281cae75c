"""Origins that browsers may connect to, by setting and by policy."""

from __future__ import annotations

import pytest

from gradio_ui.middleware.security_headers import content_security_policy
from gradio_ui.settings import UiSettings
from mesh.settings import ConfigurationError, load

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("url", "origins"),
    [
        ("ws://127.0.0.1:7880", ("ws://127.0.0.1:7880", "http://127.0.0.1:7880")),
        ("wss://voice.example.com", ("wss://voice.example.com", "https://voice.example.com")),
        ("https://voice.example.com/path", ("wss://voice.example.com", "https://voice.example.com")),
    ],
)
def test_livekit_is_reached_by_socket_and_by_http(url: str, origins: tuple[str, str]) -> None:
    assert load(UiSettings, LIVEKIT_URL=url).livekit_origins == origins
    assert load(UiSettings, livekit_public_url=url).livekit_origins == origins


def test_the_policy_allows_only_this_server_and_livekit() -> None:
    policy = content_security_policy("/", ("wss://voice.example.com", "https://voice.example.com"))
    sources = {source for directive in policy.split("; ") for source in directive.split()[1:]}
    assert {source for source in sources if "://" in source} == {
        "wss://voice.example.com",
        "https://voice.example.com",
    }
    assert "*" not in policy


def test_wrong_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READBACK_UI_STOP_SECONDS", "0")
    with pytest.raises(ConfigurationError, match="READBACK_UI_STOP_SECONDS"):
        load(UiSettings)
