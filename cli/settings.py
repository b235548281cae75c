"""Settings of `readback up`, and checks of the settings of all parts."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
from collections.abc import Iterator

from pydantic import Field, FilePath, model_validator

from mesh.settings import ConfigurationError, MeshSettings, load, variable_of

SETTINGS_MODULES = (
    "services.identity.settings",
    "services.conversation.settings",
    "services.flightdata.settings",
    "services.booking.settings",
    "services.gateway.settings",
    "agent.settings",
    "gradio_ui.settings",
)
"""The settings module of each part."""
SERVICES_GRACE_SECONDS = 1.2
"""Time in which services must stop before the supervisor kills them."""


class UpSettings(MeshSettings):
    """Settings of the supervisor and of the LiveKit server that it starts."""

    livekit_port: int = Field(7880, gt=0, le=65535)
    """HTTP and WebSocket port of the LiveKit server that `readback up` starts."""
    livekit_tcp_port: int = Field(7881, gt=0, le=65535)
    """TCP port for media of this LiveKit server, for callers whose network blocks UDP. It is opened only if
    READBACK_BIND is `0.0.0.0` or `::`, because LiveKit opens it on all addresses."""
    livekit_udp_port: int = Field(7882, gt=0, le=65535)
    """UDP port for media of this LiveKit server. With READBACK_BIND on loopback it is also opened on the
    address of the default route, because Firefox sends no media over loopback."""
    livekit_server: FilePath | None = None
    """Program of another build of this LiveKit server, of the same minor version. When empty, `readback up`
    builds the server once and runs only that build."""

    @property
    def livekit_has_tcp(self) -> bool:
        """True if the LiveKit server opens its TCP port for media."""
        return self.bind in ("0.0.0.0", "::")  # noqa: S104  # compared, not bound

    @property
    def livekit_is_external(self) -> bool:
        """True if `LIVEKIT_URL` names a LiveKit server that runs elsewhere."""
        return "livekit_url" in self.model_fields_set

    @model_validator(mode="after")
    def _check_drain_time(self) -> UpSettings:
        if self.drain_notice_seconds + self.drain_seconds > SERVICES_GRACE_SECONDS:
            raise ValueError(
                "READBACK_DRAIN_NOTICE_SECONDS and READBACK_DRAIN_SECONDS come to more than "
                f"{SERVICES_GRACE_SECONDS} s, after which the supervisor kills a service; shorten them"
            )
        return self

    @model_validator(mode="after")
    def _check_external_keys(self) -> UpSettings:
        if self.livekit_is_external and not (self.livekit_api_key and self.livekit_worker_api_key):
            raise ValueError(
                "LIVEKIT_URL names a server that runs elsewhere; set LIVEKIT_API_KEY, LIVEKIT_API_SECRET, "
                "LIVEKIT_WORKER_API_KEY and LIVEKIT_WORKER_API_SECRET too"
            )
        return self


def settings_classes() -> Iterator[type[MeshSettings]]:
    """Yield the settings classes of the supervisor and of every part."""
    yield UpSettings
    for name in SETTINGS_MODULES:
        for _, found in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            if issubclass(found, MeshSettings) and found.__module__ == name:
                yield found


def check_all() -> UpSettings:
    """Check the settings of every part, and return the supervisor's settings.

    Raises:
        ConfigurationError: at least one setting is wrong. The text lists each mistake once.
    """
    mistakes: dict[str, None] = {}
    for settings in settings_classes():
        try:
            load(settings)
        except ConfigurationError as error:
            mistakes |= dict.fromkeys(str(error).splitlines()[1:])
    if mistakes:
        raise ConfigurationError("\n".join(["These settings are wrong:", *mistakes]))
    return load(UpSettings)


def variables(settings: type[MeshSettings]) -> set[str]:
    """Return the names of a settings class's environment variables."""
    return {variable_of(settings, name) for name in settings.model_fields}


def unknown_variables() -> dict[str, str | None]:
    """Return the `READBACK_*` variables that no part reads, each with the most similar known name or None."""
    known = {name for settings in settings_classes() for name in variables(settings)}
    unknown = sorted(name for name in os.environ if name.startswith("READBACK_") and name not in known)
    return {name: next(iter(difflib.get_close_matches(name, known, n=1)), None) for name in unknown}
