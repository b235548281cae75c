"""Network addresses: `host:port`, and gRPC targets."""

from __future__ import annotations

_SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:", "xds:")


def with_port(host: str, port: int) -> str:
    """Return `host:port`; an IPv6 address gets brackets (RFC 3986 §3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reachable_host(bind: str) -> str:
    """Return the host at which this machine reaches a server that listens on `bind`."""
    everywhere = ("0.0.0.0", "::", "localhost")  # noqa: S104  # compared, not bound
    return "127.0.0.1" if bind in everywhere else bind


def grpc_target(address: str) -> str:
    """Return the gRPC target of a service's address.

    The address is a target (`dns:///name:port`), `host:port`, or a comma-separated `ip:port` of every
    replica.
    """
    if address.startswith(_SCHEMES):
        return address
    if "," not in address:
        return f"dns:///{address}"
    return f"{'ipv6' if address.lstrip().startswith('[') else 'ipv4'}:{address.replace(' ', '')}"
