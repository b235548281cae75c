"""Settings of `readback up`, and the one check over the settings of every part."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import os
from collections.abc import Iterator

from pydantic import Field, model_validator

from mesh.settings import ConfigurationError, MeshSettings, load, variable_of

ROOMS = (
    "services.identity.settings",
    "services.conversation.settings",
    "services.flightdata.settings",
    "services.gateway.settings",
    "agent.settings",
    "gradio_ui.settings",
)
"""Modules that hold the settings of the parts."""
SERVICES_GRACE_SECONDS = 1.2
"""How long the supervisor lets services end by themselves."""


class UpSettings(MeshSettings):
    """What the supervisor needs to know beyond the mesh."""

    livekit_port: int = Field(7880, gt=0, le=65535)
    """HTTP and WebSocket port of the LiveKit server that `readback up` starts."""
    livekit_tcp_port: int = Field(7881, gt=0, le=65535)
    """TCP port of its media, for callers whose network drops UDP."""
    livekit_udp_port: int = Field(7882, gt=0, le=65535)
    """UDP port of its media."""

    @property
    def livekit_is_external(self) -> bool:
        """Whether somebody else runs the LiveKit server, as `LIVEKIT_URL` says."""
        return "livekit_url" in self.model_fields_set

    @model_validator(mode="after")
    def _drained_before_killed(self) -> UpSettings:
        if self.drain_notice_seconds + self.drain_seconds > SERVICES_GRACE_SECONDS:
            raise ValueError(
                "READBACK_DRAIN_NOTICE_SECONDS and READBACK_DRAIN_SECONDS come to more than the "
                f"{SERVICES_GRACE_SECONDS} s after which the supervisor kills a service"
            )
        return self

    @model_validator(mode="after")
    def _keys_of_an_external_server(self) -> UpSettings:
        if self.livekit_is_external and not (self.livekit_api_key and self.livekit_worker_api_key):
            raise ValueError(
                "LIVEKIT_URL names a server that runs elsewhere, so LIVEKIT_API_KEY, LIVEKIT_API_SECRET, "
                "LIVEKIT_WORKER_API_KEY and LIVEKIT_WORKER_API_SECRET must be set too"
            )
        return self


def settings_classes() -> Iterator[type[MeshSettings]]:
    """The settings of the supervisor and of every part that is there."""
    yield UpSettings
    for room in ROOMS:
        if importlib.util.find_spec(room) is None:
            continue
        module = importlib.import_module(room)
        for _, found in inspect.getmembers(module, inspect.isclass):
            if issubclass(found, MeshSettings) and found.__module__ == room:
                yield found


def check_all() -> UpSettings:
    """Reads the settings of every part, so that nothing starts while any of them is wrong.

    Raises:
        ConfigurationError: naming each mistake once.
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


def variables(settings: type[MeshSettings]) -> dict[str, str]:
    """Names of the environment variables of a settings class, each with its field."""
    return {variable_of(settings, name): name for name in settings.model_fields}


def unknown_variables() -> dict[str, str | None]:
    """`READBACK_*` variables that no part reads, each with the likeliest meant one: a slip of the pen is otherwise silent."""
    known = {name for settings in settings_classes() for name in variables(settings)}
    strange = sorted(name for name in os.environ if name.startswith("READBACK_") and name not in known)
    return {name: next(iter(difflib.get_close_matches(name, known, n=1)), None) for name in strange}
