"""The LiveKit server's own configuration: real keys instead of `--dev`, and ports that can be chosen."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cli.settings import UpSettings


def configuration(settings: UpSettings) -> dict[str, Any]:
    """The server's settings as LiveKit's config-sample.yaml names them."""
    rtc: dict[str, Any] = {
        "tcp_port": settings.livekit_tcp_port,
        "udp_port": settings.livekit_udp_port,
        "use_external_ip": False,
    }
    if settings.bind in ("localhost", "::1") or settings.bind.startswith("127."):
        rtc |= {
            "node_ip": "127.0.0.1",
            "interfaces": {"includes": ["lo", "lo0"]},
            "enable_loopback_candidate": True,
        }
    pairs = settings.livekit_keys, settings.livekit_worker_keys
    return {
        "port": settings.livekit_port,
        # `localhost` is how the parts and browsers are told of it on ::1, and that may mean either.
        "bind_addresses": ["::1", "127.0.0.1"] if settings.bind == "::1" else [settings.bind],
        "rtc": rtc,
        "keys": {pair.key: pair.secret for pair in pairs},
        "logging": {
            "json": True,
            "level": settings.log_level.replace("warning", "warn"),
            "pion_level": "error",
        },
    }


def write(settings: UpSettings) -> Path:
    """Writes the configuration for its owner alone (JSON is YAML) and returns where it is."""
    path = settings.home / "livekit.yaml"
    settings.home.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(configuration(settings), file, indent=2)
    scratch.replace(path)
    return path
