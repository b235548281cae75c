"""Configuration file of the LiveKit server: generated keys, configurable ports, addresses for media."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psutil

from cli.settings import UpSettings

_DOCUMENTATION = ((socket.AF_INET, "198.51.100.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses that belong to no machine (RFC 5737, RFC 3849), to ask for the route to the internet."""


def configuration(settings: UpSettings) -> dict[str, Any]:
    """Return the server's configuration, with the names from LiveKit's config-sample.yaml."""
    rtc: dict[str, Any] = {
        # LiveKit opens this port on all addresses. 0 disables it.
        "tcp_port": settings.livekit_tcp_port if settings.livekit_has_tcp else 0,
        "udp_port": settings.livekit_udp_port,
        "use_external_ip": False,
        # Callers check the connectivity. A full ICE agent would ask STUN servers at Google for its address.
        "use_ice_lite": True,
    }
    if not settings.livekit_has_tcp:
        addresses = media_addresses(settings.bind)
        rtc |= {
            "enable_loopback_candidate": True,
            "ips": {"includes": [f"{address}/{_bits(address)}" for address in addresses]},
        }
    pairs = settings.livekit_keys, settings.livekit_worker_keys
    return {
        "port": settings.livekit_port,
        # For ::1, the parts and browsers use the name `localhost`, which may resolve to either address.
        "bind_addresses": ["::1", "127.0.0.1"] if settings.bind == "::1" else [settings.bind],
        "rtc": rtc,
        # Only the conversation service creates rooms, so that the token of an ended call is useless.
        "room": {"auto_create": False},
        "keys": {pair.key: pair.secret for pair in pairs},
        "logging": {
            "json": True,
            "level": settings.log_level.replace("warning", "warn"),
            "pion_level": "error",
        },
    }


def media_addresses(bind: str) -> Sequence[str]:
    """Return the addresses for media of a server that listens on `bind`, which is not a wildcard.

    For loopback, the machine's address in its network is one of them: Firefox offers no loopback candidates.
    """
    listened = bind if ":" in bind else socket.gethostbyname(bind)
    if not ip_address(listened).is_loopback:
        return [listened]
    own = _default_address() or _first_address()
    return list(dict.fromkeys(["127.0.0.1", listened, *([own] if own else [])]))


def _default_address() -> str | None:
    """Return this machine's address on the default route; None if there is no such route. Sends nothing."""
    for family, elsewhere in _DOCUMENTATION:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            return str(probe.getsockname()[0])
    return None


def _first_address() -> str | None:
    """Return an IPv4 address of this machine in a network without a way to the internet; None without one."""
    return next(
        (
            found.address
            for name, addresses in psutil.net_if_addrs().items()
            for found in addresses
            if found.family == socket.AF_INET
            and psutil.net_if_stats()[name].isup
            and not ip_address(found.address).is_loopback
        ),
        None,
    )


def _bits(address: str) -> int:
    return ip_address(address).max_prefixlen


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
