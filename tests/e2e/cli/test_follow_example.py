"""The example in the docs, as a reader would run it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from mesh.ids import uuid7
from mesh.settings import CHECKOUT
from tests.product import Product

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

EXAMPLE = CHECKOUT / "docs/examples/follow.py"
PASSWORD = "plain words over the sea 7"


def _wait_until_saved(cursor: Path) -> None:
    """Wait until the cursor file no longer changes: entries that come together share one cursor."""
    deadline, seen = time.monotonic() + 30, ""
    while time.monotonic() < deadline:
        now = cursor.read_text() if cursor.exists() else ""
        if now and now == seen:
            return
        seen = now
        time.sleep(2)
    raise AssertionError("the example saved no cursor")


def _follow(product: Product, email: str, folder: Path, until: str) -> list[str]:
    """Run the example until it has printed a line with `until`."""
    environment = {
        **product.environment,
        "EMAIL": email,
        "PASSWORD": PASSWORD,
        "READBACK_IDENTITY_ADDRESS": product.address("identity"),
        "READBACK_CONVERSATION_ADDRESS": product.address("conversation"),
    }
    command = [sys.executable, str(EXAMPLE)]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as example:
        try:
            assert example.stdout is not None
            lines = []
            for line in example.stdout:
                lines.append(line)
                if until in line:
                    _wait_until_saved(folder / "follow.cursor")
                    return lines
            raise AssertionError("the example ended: " + "".join(lines))
        finally:
            example.kill()


def test_the_example_follows_and_continues_where_it_stopped(product: Product, tmp_path: Path) -> None:
    email = f"{uuid7()}@example.com"
    login = product.readback("login", email, "--register", "--password-stdin", input=f"{PASSWORD}\n")
    assert login.returncode == 0, login.stderr
    try:
        product.readback("call", "--text", "which airport is in Kochi")
        first = _follow(product, email, tmp_path, until="Cochin")
        product.readback("call", "--text", "which airport is in Denver")
        second = _follow(product, email, tmp_path, until="which airport is in Denver")
    finally:
        product.readback("logout")
    assert any("which airport is in Kochi" in line for line in first)
    assert not any("which airport is in Kochi" in line for line in second)
