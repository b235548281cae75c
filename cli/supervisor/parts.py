"""The parts of the product: command, ports, health URL, start order and end order of each process."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Literal

from cli.settings import UpSettings
from mesh.settings import reachable_host, with_port

READBACK = (sys.executable, "-m", "cli")


class Stage(IntEnum):
    """Stage of the shutdown in which a part ends. Parts end before the services that they call."""

    CALLERS = 0
    SERVICES = 1
    MEDIA = 2


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a part listens on."""

    number: int
    variable: str
    """Environment variable that sets the port."""
    kind: Literal["tcp", "udp"] = "tcp"


@dataclass(frozen=True, slots=True)
class Part:
    """One process under the supervisor."""

    name: str
    command: Sequence[str]
    health_url: str
    """URL that answers 200 when the part is ready."""
    where: str
    """Address to show to the user."""
    ports: Sequence[Port]
    stage: Stage
    after: Sequence[str] = ()
    """Parts that must be ready before this one is started."""


def parts_of(settings: UpSettings, livekit: Path | None, livekit_config: Path | None) -> tuple[Part, ...]:
    """Return all parts in start order. If `livekit` is None, the LiveKit server is not one of them."""
    host = reachable_host(settings.bind)

    def url(port: int, path: str = "/health", scheme: str = "http") -> str:
        return f"{scheme}://{with_port(host, port)}{path}"

    def service(name: str) -> Part:
        port, http_port = getattr(settings, f"{name}_port"), getattr(settings, f"{name}_http_port")
        variable = f"READBACK_{name.upper()}"
        return Part(
            name=name,
            command=(*READBACK, "serve", name),
            health_url=url(http_port),
            where=with_port(host, port),
            ports=(Port(port, f"{variable}_PORT"), Port(http_port, f"{variable}_HTTP_PORT")),
            stage=Stage.SERVICES,
        )

    livekit_server = Part(
        name="livekit",
        command=(str(livekit), "--config", str(livekit_config)),
        health_url=url(settings.livekit_port, "/"),
        where=url(settings.livekit_port, "", "ws"),
        ports=(
            Port(settings.livekit_port, "READBACK_LIVEKIT_PORT"),
            Port(settings.livekit_udp_port, "READBACK_LIVEKIT_UDP_PORT", "udp"),
            *([Port(settings.livekit_tcp_port, "READBACK_LIVEKIT_TCP_PORT")] * settings.livekit_has_tcp),
        ),
        stage=Stage.MEDIA,
    )
    agent = Part(
        name="agent",
        command=(*READBACK, "agent"),
        health_url=url(settings.agent_http_port),
        where="answers calls",
        ports=(Port(settings.agent_http_port, "READBACK_AGENT_HTTP_PORT"),),
        stage=Stage.CALLERS,
        # It doesn't wait for the services, because it calls them only during a call and takes long to start.
        after=("livekit",) if livekit else (),
    )
    page = Part(
        name="page",
        command=(*READBACK, "ui"),
        health_url=url(settings.ui_http_port),
        where=url(settings.ui_port, ""),
        ports=(
            Port(settings.ui_port, "READBACK_UI_PORT"),
            Port(settings.ui_http_port, "READBACK_UI_HTTP_PORT"),
        ),
        stage=Stage.CALLERS,
    )
    gateway = Part(
        name="gateway",
        command=(*READBACK, "serve", "gateway"),
        health_url=url(settings.gateway_http_port),
        where=url(settings.mcp_port, "/mcp"),
        ports=(
            Port(settings.gateway_port, "READBACK_GATEWAY_PORT"),
            Port(settings.mcp_port, "READBACK_MCP_PORT"),
            Port(settings.gateway_http_port, "READBACK_GATEWAY_HTTP_PORT"),
        ),
        stage=Stage.CALLERS,
    )
    services = (service("identity"), service("flightdata"), service("conversation"), service("booking"))
    media = (livekit_server,) if livekit else ()
    return (*media, *services, agent, page, gateway)
