"""Settings of the gateway."""

from __future__ import annotations

from pydantic import Field

from mesh.settings import MeshSettings


class GatewaySettings(MeshSettings):
    """What the gateway needs to know beside what every member does."""

    mcp_anonymous: bool | None = None
    """Whether callers without a token may use the tools; when unset, they may outside `production`."""
    mcp_answer_tokens: int = Field(default=6000, ge=500, le=100_000)
    """How long a tool's answer may be, in tokens of about four characters; what doesn't fit is left out and counted."""
    mcp_hosts: str = ""
    """Host names, separated by commas, under which callers reach the server besides this machine's own; others are refused, so that
    no web page can talk to it under a name of its own (DNS rebinding)."""

    @property
    def lets_strangers_in(self) -> bool:
        """Whether callers without a token may use the tools."""
        return self.environment != "production" if self.mcp_anonymous is None else self.mcp_anonymous

    @property
    def hosts(self) -> list[str]:
        """The host names, without blanks."""
        return [host.strip() for host in self.mcp_hosts.split(",") if host.strip()]
