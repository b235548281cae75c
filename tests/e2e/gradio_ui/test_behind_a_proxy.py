"""The page behind a real nginx and a real Caddy, with TLS and the blocks of docs/reverse-proxy.md."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.async_api import Browser, expect

from gradio_ui.sign_in.cookie import COOKIE_NAME
from mesh.ids import uuid7
from mesh.settings import CHECKOUT
from tests.e2e.gradio_ui.conftest import LiveKit, Visitor
from tests.integration.gradio_ui.site import PASSWORD, Site, site_at
from tests.product import free_ports, wait_until_ready

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

PATHS = {"nginx": "/readback/", "caddy": "/"}
NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
    fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
    {block}
}}
"""
CADDY = """
{{
    admin off
    auto_https disable_redirects
}}
{block}
"""


def documented(kind: str, replaced: Mapping[str, str]) -> str:
    """Return a block of the documentation with other addresses."""
    text = (CHECKOUT / "docs" / "reverse-proxy.md").read_text("utf-8")
    found = re.search(rf"```{kind}\n(.*?)```", text, re.DOTALL)
    assert found
    block = found[1]
    for old, new in replaced.items():
        assert old in block, old
        block = block.replace(old, new)
    return block


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for `localhost` and return the paths of it and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


def command(kind: str, folder: Path, port: int, page: str, livekit: str) -> list[str]:
    """Write the proxy's configuration and return its command."""
    cert, key = map(str, certificate(folder))
    ports = {"127.0.0.1:8506": urlsplit(page).netloc, "127.0.0.1:7880": urlsplit(livekit).netloc}
    if kind == "nginx":
        replaced = {
            "443 ssl": f"127.0.0.1:{port} ssl",
            "/etc/ssl/example.com.pem": cert,
            "/etc/ssl/example.com.key": key,
            "server_name example.com": "server_name localhost",
        }
        text = NGINX.format(folder=folder, block=documented(kind, replaced | ports))
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        arguments = ["-p", str(folder), "-c", str(folder / "config")]
    else:
        site = {"example.com {": f"https://localhost:{port} {{\n    bind 127.0.0.1\n    tls {cert} {key}"}
        text = CADDY.format(block=documented(kind, site | ports))
        program = shutil.which("caddy") or "/usr/bin/caddy"
        arguments = ["run", "--adapter", "caddyfile", "--config", str(folder / "config")]
    (folder / "config").write_text(text)
    return [program, *arguments]


@contextmanager
def running_proxy(program: list[str], folder: Path, port: int) -> Iterator[None]:
    """Run a proxy that listens on a port, until the block ends."""
    with (folder / "proxy.log").open("wb") as log:
        proxy = subprocess.Popen(program, stdout=log, stderr=log, env={"HOME": str(folder)})
    try:
        wait_until_ready(lambda: socket.create_connection(("127.0.0.1", port), 1).close(), OSError)
        yield
    finally:
        proxy.kill()
        proxy.wait()


@asynccontextmanager
async def proxied_site(kind: str, folder: Path, livekit: LiveKit) -> AsyncIterator[Site]:
    """Run a site behind a proxy; its `url` is the public one."""
    (port,) = free_ports(1)
    public = f"https://localhost:{port}{PATHS[kind]}"
    async with site_at(folder, *livekit, public_url=public, trusted_proxies="127.0.0.1") as site:
        with running_proxy(
            command(kind, folder, port, site.url, site.conversation.livekit_url), folder, port
        ):
            site.url = public.rstrip("/")
            yield site


async def sign_up(visitor: Visitor) -> None:
    """Create an account with the form of the sign-in page."""
    await visitor.page.goto(f"{visitor.site.url}/")
    await visitor.see("switch-mode").click()
    await visitor.see("display-name").fill("Ada Lovelace")
    await visitor.see("email").fill(f"{uuid7()}@example.com")
    await visitor.see("password").fill(PASSWORD)
    await visitor.see("submit").click()
    await expect(visitor.see("account-name")).to_have_text("Ada Lovelace")


@pytest.mark.parametrize("kind", PATHS)
async def test_a_call_behind_a_documented_proxy(
    kind: str, livekit: LiveKit, chromium: Browser, tmp_path: Path
) -> None:
    async with proxied_site(kind, tmp_path, livekit) as site:
        context = await chromium.new_context(ignore_https_errors=True, permissions=["microphone"])
        problems: list[str] = []
        context.on("weberror", lambda error: problems.append(str(error.error)))
        ada = Visitor(site, context, await context.new_page(), problems)
        await sign_up(ada)
        (cookie,) = [one for one in await context.cookies() if one.get("name") == COOKIE_NAME]
        assert (cookie.get("path"), cookie.get("secure")) == (PATHS[kind], True)
        async with ada.talking() as agent:
            await agent.until_loud()
            await ada.see("text-input").fill("Chennai to Delhi")
            await ada.see("send").click()
            text, utterance_id = await asyncio.wait_for(agent.typed.get(), 10)
            # The entry arrives over the event stream.
            await site.conversation.say(ada.conversation_id, "customer", text, utterance_id=utterance_id)
            await expect(ada.see("caption")).to_have_attribute("data-number", "1")
        await ada.page.reload()
        await expect(ada.see("account-name")).to_have_text("Ada Lovelace")
        assert problems == []
        await context.close()
