"""A watcher in a process of its own, so that it can be stopped while those beside it go on."""

from __future__ import annotations

import asyncio
import json
import os
import sys

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from mesh.calling.channel import open_channel
from services.conversation.client.watcher import watch

SERVICE = pb.DESCRIPTOR.services_by_name["ConversationService"]


def main() -> None:
    """Follows the conversation named by the environment to its end; writes the number of each entry to standard output, a line each."""
    asyncio.run(
        _follow(os.environ["WATCHER_TARGET"], os.environ["WATCHER_TOKEN"], os.environ["WATCHER_CONVERSATION"])
    )


async def _follow(target: str, token: str, conversation_id: str) -> None:
    async def own() -> str:
        return token

    async with (
        open_channel(target, SERVICE, tokens=own) as channel,
        watch(ConversationServiceStub(channel), conversation_id) as events,
    ):
        async for event in events:
            if event.HasField("entry"):
                sys.stdout.write(json.dumps([event.entry.number, event.entry.entry_id]) + "\n")
                sys.stdout.flush()
