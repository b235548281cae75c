"""Forgetting: what has expired is deleted now and then, so that the database holds no more about people than it needs."""

from __future__ import annotations

import structlog
from sqlalchemy.exc import OperationalError

from mesh.clock import Clock
from services.identity.store import Store
from services.identity.throttling import FORGOTTEN_AFTER

EVERY_SECONDS = 600.0
_log = structlog.get_logger()


async def sweep_forever(store: Store, clock: Clock) -> None:
    """Sweeps until cancelled; a database that is busy now is swept the next time."""
    while True:
        try:
            async with store.writing() as tx:
                await tx.sweep(clock.now(), clock.now() - FORGOTTEN_AFTER)
        except OperationalError:
            _log.warning("sweep put off", exc_info=True)
        await clock.sleep(EVERY_SECONDS)
