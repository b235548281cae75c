"""The built wheel in an empty environment: no checkout around it, everything it needs inside."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import httpx
import pytest

from mesh.settings import CHECKOUT
from tests import product
from tests.product import environment_for, started

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def _run(*command: str | Path, folder: Path = CHECKOUT) -> None:
    subprocess.run(
        list(map(str, command)), cwd=folder, check=True, capture_output=True, text=True, timeout=240
    )


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the locked packages, the wheel, and that of the client it uses."""
    folder = tmp_path_factory.mktemp("wheel")
    for project in (CHECKOUT, CHECKOUT / "clients" / "python"):
        _run(
            *(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "dist"),
            folder=project,
        )
    venv.create(folder / "venv")
    python = folder / "venv" / "bin" / "python"
    uv = (Path(sys.executable).parent / "uv", "pip")
    _run(*uv, "sync", "-q", "--system-certs", "--require-hashes", "--python", python, "requirements.lock")
    _run(
        *uv,
        "install",
        "-q",
        "--offline",
        "--no-deps",
        "--python",
        python,
        *(folder / "dist").glob("*.whl"),
    )
    return python


def test_an_installed_wheel_starts_answers_a_call_and_offers_its_tools(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(product, "READBACK", (str(python.with_name("readback")),))
    monkeypatch.chdir(tmp_path)
    environment = environment_for(tmp_path / "home") | {"PATH": f"{python.parent}:/usr/bin:/bin"}
    with started(environment) as running:
        running.wait_for("Ctrl-C ends everything")
        call = running.readback("call", "--text", "which airport is in Kochi", "--json")
        tools = httpx.post(
            f"http://127.0.0.1:{environment['READBACK_MCP_PORT']}/mcp",
            json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
            headers={"accept": "application/json, text/event-stream"},
        )
        doubles = running.readback("doubles", "--help")
    assert call.returncode == 0, call.stderr
    assert "Cochin" in call.stdout
    assert "search_flights" in tools.text
    assert doubles.returncode == 0, doubles.stderr
