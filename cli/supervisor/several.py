"""Several services in the foreground, without the rest of the product."""

from __future__ import annotations

import asyncio
from collections.abc import Set

from rich.console import Console

from cli.settings import check_all
from cli.supervisor import ports
from cli.supervisor.foreground import supervise
from cli.supervisor.parts import parts_of


def serve_all(names: Set[str]) -> None:
    """Serves services by name until a signal says stop.

    Raises:
        CommandError: a port is in use, or one could not be started.
        ConfigurationError: settings are wrong.
    """
    settings = check_all()
    parts = [part for part in parts_of(settings, None, None) if part.name in names]
    ports.check(parts, settings.bind)
    settings.secrets.create_all()
    asyncio.run(supervise(settings, parts, Console()))
