"""The parts of the product: what is run, where it listens, what it waits for, and when it is ended."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Literal

from cli.settings import UpSettings
from mesh.addresses import reachable_host, with_port

READBACK = (sys.executable, "-m", "cli")


class Stage(IntEnum):
    """When a part is ended: those that call before those that are called."""

    CALLERS = 0
    SERVICES = 1
    MEDIA = 2


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a part listens on."""

    number: int
    variable: str
    """The setting that moves it."""
    kind: Literal["tcp", "udp"] = "tcp"


@dataclass(frozen=True, slots=True)
class Part:
    """One process under the supervisor."""

    name: str
    command: Sequence[str]
    health_url: str
    """Answers 200 when the part is ready."""
    where: str
    """Address to show."""
    ports: Sequence[Port]
    stage: Stage
    after: Sequence[str] = ()
    """Parts that must be ready before this one is started."""


def parts_of(settings: UpSettings, livekit: Path | None, livekit_config: Path | None) -> tuple[Part, ...]:
    """Every part, in the order of starting. Without a LiveKit program somebody else's server is used."""
    services = [_service(settings, name) for name in ("identity", "flightdata", "conversation")]
    callers = [_agent(settings, after=["livekit"] if livekit else []), _page(settings), _gateway(settings)]
    if livekit is None:
        return (*services, *callers)
    return (_livekit(settings, livekit, livekit_config), *services, *callers)


def _livekit(settings: UpSettings, program: Path, config: Path | None) -> Part:
    host = reachable_host(settings.bind)
    return Part(
        name="livekit",
        command=(str(program), "--config", str(config)),
        health_url=f"http://{with_port(host, settings.livekit_port)}/",
        where=f"ws://{with_port(host, settings.livekit_port)}",
        ports=(
            Port(settings.livekit_port, "READBACK_LIVEKIT_PORT"),
            Port(settings.livekit_tcp_port, "READBACK_LIVEKIT_TCP_PORT"),
            Port(settings.livekit_udp_port, "READBACK_LIVEKIT_UDP_PORT", "udp"),
        ),
        stage=Stage.MEDIA,
    )


def _service(settings: UpSettings, name: str) -> Part:
    host = reachable_host(settings.bind)
    port, http_port = getattr(settings, f"{name}_port"), getattr(settings, f"{name}_http_port")
    return Part(
        name=name,
        command=(*READBACK, "serve", name),
        health_url=f"http://{with_port(host, http_port)}/health",
        where=with_port(host, port),
        ports=(
            Port(port, f"READBACK_{name.upper()}_PORT"),
            Port(http_port, f"READBACK_{name.upper()}_HTTP_PORT"),
        ),
        stage=Stage.SERVICES,
    )


def _agent(settings: UpSettings, after: Sequence[str]) -> Part:
    return Part(
        name="agent",
        command=(*READBACK, "agent"),
        health_url=f"http://{with_port(reachable_host(settings.bind), settings.agent_http_port)}/health",
        where="answers calls",
        ports=(Port(settings.agent_http_port, "READBACK_AGENT_HTTP_PORT"),),
        stage=Stage.CALLERS,
        # It calls the services only once somebody calls, so its long start need not wait for theirs.
        after=after,
    )


def _page(settings: UpSettings) -> Part:
    host = reachable_host(settings.bind)
    return Part(
        name="page",
        command=(*READBACK, "ui"),
        health_url=f"http://{with_port(host, settings.ui_http_port)}/health",
        where=f"http://{with_port(host, settings.ui_port)}",
        ports=(
            Port(settings.ui_port, "READBACK_UI_PORT"),
            Port(settings.ui_http_port, "READBACK_UI_HTTP_PORT"),
        ),
        stage=Stage.CALLERS,
    )


def _gateway(settings: UpSettings) -> Part:
    host = reachable_host(settings.bind)
    return Part(
        name="gateway",
        command=(*READBACK, "serve", "gateway"),
        health_url=f"http://{with_port(host, settings.gateway_http_port)}/health",
        where=f"http://{with_port(host, settings.mcp_port)}/mcp",
        ports=(
            Port(settings.mcp_port, "READBACK_MCP_PORT"),
            Port(settings.gateway_http_port, "READBACK_GATEWAY_HTTP_PORT"),
        ),
        stage=Stage.CALLERS,
    )
