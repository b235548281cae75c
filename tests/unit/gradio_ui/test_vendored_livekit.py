"""The vendored LiveKit client is the one its note says it is."""

from __future__ import annotations

import hashlib

import pytest

from gradio_ui.app import LIVEKIT_CLIENT

pytestmark = pytest.mark.unit


def test_vendored_file_is_unchanged_and_has_its_licence() -> None:
    digest = hashlib.sha256((LIVEKIT_CLIENT / "livekit-client.umd.js").read_bytes()).hexdigest()
    assert f"`{digest}`" in (LIVEKIT_CLIENT / "README.md").read_text("utf-8")
    assert "Apache License" in (LIVEKIT_CLIENT / "LICENSE").read_text("utf-8")
