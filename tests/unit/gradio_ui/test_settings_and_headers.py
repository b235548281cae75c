"""Addresses that browsers may connect to, by setting and by policy."""

from __future__ import annotations

import pytest

from gradio_ui.middleware.security_headers import content_security_policy, livekit_origins
from gradio_ui.page_address import PageAddress
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
    here = PageAddress("http", "127.0.0.1:8506")
    for settings in (load(UiSettings, LIVEKIT_URL=url), load(UiSettings, livekit_public_url=url)):
        assert livekit_origins(settings.livekit_for(here)) == origins


def test_the_policy_allows_only_this_server_and_livekit() -> None:
    policy = content_security_policy("/", "wss://voice.example.com")
    sources = {source for directive in policy.split("; ") for source in directive.split()[1:]}
    assert {source for source in sources if "://" in source} == {
        "wss://voice.example.com",
        "https://voice.example.com",
    }
    assert "*" not in policy


@pytest.mark.parametrize(
    ("page", "url"),
    [
        (PageAddress("http", "127.0.0.1:8506"), "ws://127.0.0.1:7880"),
        (PageAddress("http", "localhost:8506"), "ws://127.0.0.1:7880"),
        (PageAddress("http", "[::1]:8506"), "ws://127.0.0.1:7880"),
        (PageAddress("http", "192.0.2.7:8506"), "ws://192.0.2.7:7880"),
        (PageAddress("http", "voice.lan"), "ws://voice.lan:7880"),
        (PageAddress("http", "[2001:db8::7]:8506"), "ws://[2001:db8::7]:7880"),
        (PageAddress("https", "voice.example"), "wss://voice.example/livekit"),
        (
            PageAddress("https", "voice.example:8443", "/readback/"),
            "wss://voice.example:8443/readback/livekit",
        ),
    ],
)
def test_livekits_address_fits_the_host_of_the_browser(page: PageAddress, url: str) -> None:
    assert load(UiSettings).livekit_for(page) == url
    elsewhere = load(UiSettings, livekit_public_url="wss://sfu.example")
    assert elsewhere.livekit_for(page) == "wss://sfu.example"


def test_behind_a_proxy_without_tls_livekit_is_below_the_public_url() -> None:
    settings = load(UiSettings, public_url="http://voice.lan/readback")
    page = PageAddress.configured(settings.public_url)
    assert settings.livekit_for(page) == "ws://voice.lan/readback/livekit"
    assert settings.livekit_for(page, "ws://sfu.lan:7880") == "ws://sfu.lan:7880"


@pytest.mark.parametrize("url", ["voice.example", "ftp://voice.example", "https://", "https://a.example/?b"])
def test_a_wrong_public_url_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ConfigurationError, match="READBACK_PUBLIC_URL: must be like https:"):
        load(UiSettings, public_url=url)


def test_wrong_trusted_proxies_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"READBACK_TRUSTED_PROXIES: 'proxy\.lan'"):
        load(UiSettings, trusted_proxies="10.0.0.1, proxy.lan")


def test_wrong_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READBACK_UI_STOP_SECONDS", "0")
    with pytest.raises(ConfigurationError, match="READBACK_UI_STOP_SECONDS"):
        load(UiSettings)
