"""Settings of every process: `READBACK_*` environment variables, read and checked once at the start.

Each service subclasses `MeshSettings` in its own `settings.py`. The keys of vendors and of LiveKit have their
usual names, without this prefix.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mesh.ip_addresses import TrustedProxies
from mesh.security.secrets import LiveKitKeys, SecretStore
from mesh.serving.shutdown import DRAIN_SECONDS, NOTICE_SECONDS

CHECKOUT = Path(__file__).resolve().parent.parent
"""Folder of pyproject.toml; site-packages if the product is installed from a wheel."""


def default_home() -> Path:
    """Return `.readback` in the checkout, or the user's data folder (XDG) when installed from a wheel."""
    if (CHECKOUT / "pyproject.toml").is_file():
        return CHECKOUT / ".readback"
    return user_folder("XDG_DATA_HOME", ".local/share") / "readback"


def user_folder(variable: str, below_home: str) -> Path:
    """Return a folder of the user: from an XDG variable, or below the home folder.

    Raises:
        ConfigurationError: neither is known.
    """
    folder = Path(os.environ.get(variable, ""))
    if folder.is_absolute():  # the XDG specification ignores relative paths
        return folder
    try:
        return Path.home() / below_home
    except RuntimeError:
        raise ConfigurationError(
            f"This user has no home folder; set {variable} or HOME to a folder that it can write to."
        ) from None


class ConfigurationError(Exception):
    """Wrong settings; the text names every mistake and how to correct it."""


ServiceName = Literal["identity", "conversation", "flightdata", "booking"]
"""Name of a gRPC service."""


class MeshSettings(BaseSettings):
    """Settings that every process of the mesh reads."""

    model_config = SettingsConfigDict(
        env_prefix="READBACK_",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    home: Path = Field(default_factory=default_home)
    """Folder of databases, secrets, logs and the LiveKit server of embedded mode: `.readback` in the
    checkout, or `~/.local/share/readback` when installed from a wheel."""
    bind: str = "127.0.0.1"
    """IPv4 or IPv6 address that every server listens on; `::` means all addresses of both."""
    trusted_proxies: str = ""
    """IP addresses or networks of the reverse proxies in front of the web app and of MCP, separated by
    commas. `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host` are used only from these."""
    environment: Literal["development", "production"] = "development"
    """`production` turns gRPC reflection off, and refuses MCP callers without a token unless
    READBACK_MCP_ANONYMOUS allows them."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is logged."""
    log_format: Literal["console", "json"] = "json"
    """Format of log lines: `json` for machines, `console` for people."""

    identity_port: int = Field(default=50051, ge=0, le=65535)
    """gRPC port the identity service listens on."""
    conversation_port: int = Field(default=50052, ge=0, le=65535)
    """gRPC port the conversation service listens on."""
    flightdata_port: int = Field(default=50053, ge=0, le=65535)
    """gRPC port the flight-data service listens on."""
    booking_port: int = Field(default=50054, ge=0, le=65535)
    """gRPC port the booking service listens on."""
    identity_address: str = ""
    """Address of the identity service: `host:port`, `dns:///name:port` with a name that resolves to every
    replica, or a list of replicas (`10.0.0.5:50051,10.0.0.6:50051`). RPCs go to all replicas in turn. When
    empty: the service's port on this machine."""
    conversation_address: str = ""
    """Address of the conversation service, in the forms of READBACK_IDENTITY_ADDRESS. When empty: its port on
    this machine."""
    flightdata_address: str = ""
    """Address of the flight-data service, in the forms of READBACK_IDENTITY_ADDRESS. When empty: its port on
    this machine."""
    booking_address: str = ""
    """Address of the booking service, in the forms of READBACK_IDENTITY_ADDRESS. When empty: its port on this
    machine."""
    redis_url: str = ""
    """URL of the Redis that replicas share, for example `redis://host:6379/0`. Replicas of the conversation
    service wake each other through it; flight data stores vendor quotas and cached answers in it. When
    empty, a conversation process wakes only its own watchers, and finds other replicas' commits in the
    database a second later; flight data counts quotas per process, in a file in READBACK_HOME."""
    identity_http_port: int = Field(default=9051, ge=0, le=65535)
    """HTTP port of the identity service's `/health` and `/metrics`."""
    conversation_http_port: int = Field(default=9052, ge=0, le=65535)
    """HTTP port of the conversation service's `/health` and `/metrics`."""
    flightdata_http_port: int = Field(default=9053, ge=0, le=65535)
    """HTTP port of the flight-data service's `/health` and `/metrics`."""
    agent_http_port: int = Field(default=9054, ge=0, le=65535)
    """HTTP port of the agent's `/health` and `/metrics`."""
    gateway_http_port: int = Field(default=9055, ge=0, le=65535)
    """HTTP port of the gateway's `/health` and `/metrics`."""
    ui_http_port: int = Field(default=9056, ge=0, le=65535)
    """HTTP port of the web app's `/health` and `/metrics`."""
    booking_http_port: int = Field(default=9057, ge=0, le=65535)
    """HTTP port of the booking service's `/health` and `/metrics`."""
    ui_port: int = Field(default=8506, ge=0, le=65535)
    """HTTP port of the web app."""
    gateway_port: int = Field(default=8000, ge=0, le=65535)
    """HTTP port of the gateway: JSON, Connect and gRPC-Web."""
    mcp_port: int = Field(default=8080, ge=0, le=65535)
    """HTTP port of the MCP server, at `/mcp`."""
    drain_notice_seconds: float = Field(default=NOTICE_SECONDS, ge=0, le=60)
    """Time for which a stopping server still accepts RPCs after its health says NOT_SERVING. Services of the
    mesh see this immediately. A load balancer sees it at its next probe: set at least its probe interval."""
    drain_seconds: float = Field(default=DRAIN_SECONDS, ge=0, le=60)
    """Time that running RPCs get to finish, after READBACK_DRAIN_NOTICE_SECONDS, when a server stops."""

    livekit_url: str = Field(default="ws://127.0.0.1:7880", validation_alias="LIVEKIT_URL")
    """URL of the LiveKit server for agents and services."""
    livekit_api_key: str = Field(default="", validation_alias="LIVEKIT_API_KEY", repr=False)
    """LiveKit API key that signs callers' tokens; created in embedded mode when empty."""
    livekit_api_secret: str = Field(default="", validation_alias="LIVEKIT_API_SECRET", repr=False)
    """Secret of LIVEKIT_API_KEY."""
    livekit_worker_api_key: str = Field(default="", validation_alias="LIVEKIT_WORKER_API_KEY", repr=False)
    """LiveKit API key of the agents' workers; created in embedded mode when empty."""
    livekit_worker_api_secret: str = Field(
        default="", validation_alias="LIVEKIT_WORKER_API_SECRET", repr=False
    )
    """Secret of LIVEKIT_WORKER_API_KEY."""

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        try:
            return home.expanduser().resolve()
        except RuntimeError as error:  # an unknown user, or a circle of links
            raise ValueError(f"{error} Write an absolute path.") from None

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, proxies: str) -> str:
        try:
            TrustedProxies(proxies)
        except ValueError as error:
            raise ValueError(f"{error}; give IP addresses or networks, separated by commas") from None
        return proxies

    @field_validator("livekit_url")
    @classmethod
    def _websocket(cls, url: str) -> str:
        if not url.startswith(("ws://", "wss://", "http://", "https://")):
            raise ValueError("must begin with ws:// or wss://")
        return url

    @model_validator(mode="after")
    def _keys_with_secrets(self) -> MeshSettings:
        for prefix in ("livekit_api", "livekit_worker_api"):
            if bool(getattr(self, f"{prefix}_key")) != bool(getattr(self, f"{prefix}_secret")):
                raise ValueError(f"{prefix.upper()}_KEY and {prefix.upper()}_SECRET must be set together")
        return self

    @property
    def secrets(self) -> SecretStore:
        """Secrets of the installation."""
        return SecretStore(self.home / "secrets")

    @property
    def livekit_keys(self) -> LiveKitKeys:
        """API key that signs callers' tokens."""
        if self.livekit_api_key:
            return LiveKitKeys(self.livekit_api_key, self.livekit_api_secret)
        return self.secrets.livekit_keys("livekit")

    @property
    def livekit_worker_keys(self) -> LiveKitKeys:
        """API key of the agents' workers."""
        if self.livekit_worker_api_key:
            return LiveKitKeys(self.livekit_worker_api_key, self.livekit_worker_api_secret)
        return self.secrets.livekit_keys("livekit-worker")

    def address_of(self, service: ServiceName) -> str:
        """Return the address of a service."""
        address: str = getattr(self, f"{service}_address")
        return address or with_port(reachable_host(self.bind), getattr(self, f"{service}_port"))


S = TypeVar("S", bound=MeshSettings)


def load(settings: type[S], **overrides: object) -> S:
    """Read settings from the environment.

    Raises:
        ConfigurationError: lists every mistake, one per line.
    """
    try:
        return settings(**overrides)  # type: ignore[arg-type]  # pydantic checks the overrides too
    except ValidationError as error:
        lines = [
            _mistake(settings, mistake["loc"], mistake["msg"])
            for mistake in error.errors(include_input=False)
        ]
        raise ConfigurationError("These settings are wrong:\n" + "\n".join(lines)) from None


def variable_of(settings: type[MeshSettings], field: str) -> str:
    """Return the name of the environment variable of a field."""
    alias = settings.model_fields[field].validation_alias if field in settings.model_fields else field
    return alias if isinstance(alias, str) else f"READBACK_{field.upper()}"


def _mistake(settings: type[MeshSettings], location: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"  {variable_of(settings, str(location[0]))}: {text}" if location else f"  {text}"


def with_port(host: str, port: int) -> str:
    """Return `host:port`; an IPv6 address gets brackets (RFC 3986 §3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reachable_host(bind: str) -> str:
    """Return the host name to use on this machine for a server that listens on `bind`."""
    everywhere = ("0.0.0.0", "::", "localhost")  # noqa: S104  # compared, not bound
    return "127.0.0.1" if bind in everywhere else bind
