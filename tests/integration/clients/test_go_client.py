"""The Go client's own tests."""

from __future__ import annotations

import subprocess

import pytest

from tests.integration.clients.programs import CLIENTS

pytestmark = pytest.mark.integration


def test_the_go_clients_own_tests_pass() -> None:
    """Run the program that `make clients` builds of them."""
    run = subprocess.run([CLIENTS / "go/bin/go.test", "-test.v"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "--- PASS: TestLiveTextIsCompletedByCodePoints" in run.stdout
