"""Configuration file of the LiveKit server: generated keys and configurable ports."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cli.settings import UpSettings


def configuration(settings: UpSettings) -> dict[str, Any]:
    """Return the server's configuration, with the names from LiveKit's config-sample.yaml."""
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
        # For ::1, the parts and browsers use the name `localhost`, which may resolve to either address.
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
    """Write the configuration file, which only its owner can read; return its path. JSON is valid YAML."""
    path = settings.home / "livekit.yaml"
    settings.home.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(configuration(settings), file, indent=2)
    scratch.replace(path)
    return path
