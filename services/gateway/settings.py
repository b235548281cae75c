"""Settings of the gateway."""

from __future__ import annotations

from pydantic import Field

from mesh.settings import MeshSettings


class GatewaySettings(MeshSettings):
    """Settings of the gateway in addition to `MeshSettings`."""

    mcp_anonymous: bool | None = None
    """Allow callers without a token to use the tools. When unset, they are allowed except in `production`."""
    mcp_anonymous_calls: int = Field(default=4, ge=1)
    """Tool calls of callers without a token that run at the same time: one for each network address."""
    mcp_answer_tokens: int = Field(default=6000, ge=500, le=100_000)
    """Maximum length of a tool's result, in tokens of about four characters; the rest is removed."""
    mcp_hosts: str = ""
    """Host names of the server besides the loopback names, separated by commas. Requests for other names are
    refused, to protect against DNS rebinding."""
    mcp_url: str = ""
    """URL of the MCP server that `readback mcp` passes requests on to. When empty: READBACK_MCP_PORT on this
    machine."""
    gateway_cors_origins: str = ""
    """Origins of web pages that may use the HTTP gateway and MCP from browsers, such as `https://travel.example.com`,
    separated by commas. None when empty."""

    @property
    def cors_origins(self) -> list[str]:
        """The origins in `gateway_cors_origins`."""
        return _listed(self.gateway_cors_origins)

    @property
    def allows_anonymous(self) -> bool:
        """True if callers without a token may use the tools."""
        return self.environment != "production" if self.mcp_anonymous is None else self.mcp_anonymous

    @property
    def hosts(self) -> list[str]:
        """The host names in `mcp_hosts`."""
        return _listed(self.mcp_hosts)


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]
