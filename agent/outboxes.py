"""Where this machine's agents keep what they have yet to see acknowledged, and who hands in what a dead one left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agent.clients import clients
from agent.settings import AgentSettings
from services.conversation.client.outbox_recovery import OutboxRecovery


def outboxes_of(settings: AgentSettings) -> Path:
    """The folder for all agents of one home; on a disk of this machine, since locks tell the living from the dead."""
    return settings.home / "outbox"


@asynccontextmanager
async def looked_after(settings: AgentSettings) -> AsyncIterator[None]:
    """Hands in what dead agents left, until the block ends."""
    async with clients(settings) as services:
        stub = await services.conversation(services.workload.own_token)
        looking = asyncio.create_task(OutboxRecovery(outboxes_of(settings), stub).run())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
