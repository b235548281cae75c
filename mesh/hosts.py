"""Hosts as they are written and reached."""

from __future__ import annotations


def with_port(host: str, port: int) -> str:
    """`host:port`; an IPv6 address in brackets (RFC 3986 §3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reachable_host(bind: str) -> str:
    """Where this machine reaches a server that listens on `bind`."""
    return "127.0.0.1" if bind in ("0.0.0.0", "::", "localhost") else bind  # noqa: S104  # compared, not bound
