"""Parts reach each other directly, whatever proxy the environment names; vendors are asked through it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from readback.identity.v1 import identity_service_pb2 as pb
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from mesh.calling.channel import open_channel
from mesh.calling.proxy_variables import proxy_for
from mesh.clock import SystemClock
from mesh.security.revocations import IDENTITY
from mesh.security.secrets import LiveKitKeys
from mesh.settings import ConfigurationError
from services.conversation.calls.livekit_rooms import livekit_rooms
from services.conversation.calls.ports import RoomsUnavailable
from services.flightdata.providers.errors import ProviderUnavailable
from services.flightdata.vendors.vendor_client import vendor_client
from tests.integration.identity.harness import running_identity
from tests.recording_proxy import RecordingProxy, recording_proxy

pytestmark = pytest.mark.integration

SPELLINGS = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
VENDOR = "https://api.vendor.example/v1"
JOIN_A_CALL = """
import asyncio
from livekit import rtc
from mesh.calling import proxy_variables

async def main():
    proxy_variables.ignore()
    try:
        await asyncio.wait_for(rtc.Room().connect("ws://127.0.0.1:9", "token"), 10)
    except (rtc.ConnectError, TimeoutError):
        pass

asyncio.run(main())
"""


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the variables of the machine that runs the tests."""
    for name in (*SPELLINGS, "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def proxy(no_variables: None) -> Iterator[RecordingProxy]:
    """A proxy; no variable names it yet."""
    with recording_proxy() as running:
        yield running


@pytest.mark.parametrize("name", SPELLINGS)
async def test_grpc_goes_directly(
    proxy: RecordingProxy, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(name, proxy.url)
    async with running_identity(tmp_path) as identity, open_channel(identity.address, *IDENTITY) as channel:
        assert (await IdentityServiceStub(channel).GetJwks(pb.GetJwksRequest())).keys
    assert proxy.requests == []


async def test_requests_to_livekit_go_directly(
    proxy: RecordingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, url in proxy.variables.items():
        monkeypatch.setenv(name, url)
    with recording_proxy() as livekit:  # a server that records requests and answers 502
        keys = LiveKitKeys("key", "s" * 32)
        async with livekit_rooms(
            livekit.url, keys, callers_url="", agent_name="readback", clock=SystemClock()
        ) as rooms:
            with suppress(RoomsUnavailable):
                await rooms.participants("call-1")
        assert livekit.requests
    assert proxy.requests == []


def test_a_participant_of_a_call_connects_directly(proxy: RecordingProxy) -> None:
    # In its own process, because the SDK reads the variables once.
    subprocess.run(
        [sys.executable, "-c", JOIN_A_CALL], env=os.environ | dict(proxy.variables), check=True, timeout=60
    )
    assert proxy.requests == []


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
async def test_a_vendor_is_asked_through_the_proxy_which_sees_no_key(
    proxy: RecordingProxy, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, proxy.url)
    async with vendor_client("vendor", VENDOR, "the-key", timeout_seconds=10) as client:
        with pytest.raises(ProviderUnavailable):
            await client.get("flights", {})
    assert proxy.requests == ["CONNECT api.vendor.example:443 HTTP/1.1"]


@pytest.mark.parametrize(
    "exempt", ["api.vendor.example", ".vendor.example", "other.example, vendor.example", "*"]
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_a_vendor_in_no_proxy_is_asked_directly(
    no_variables: None, name: str, exempt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert proxy_for(VENDOR) == "http://proxy.example:3128"
    monkeypatch.setenv(name, exempt)
    assert proxy_for(VENDOR) is None


def test_a_proxy_never_sees_a_key_in_clear_text(no_variables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    assert proxy_for("http://api.vendor.example/v1") is None


def test_a_proxy_without_a_scheme_is_an_http_proxy(
    no_variables: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    assert httpx.Proxy(proxy_for(VENDOR) or "").url == "http://proxy.example:3128"


def test_an_unsupported_proxy_is_named_without_its_password(
    no_variables: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://user:secret@proxy.example:1080")
    with pytest.raises(ConfigurationError, match=r"socks5 proxy.*set HTTPS_PROXY") as raised:
        proxy_for(VENDOR)
    assert "secret" not in str(raised.value)
