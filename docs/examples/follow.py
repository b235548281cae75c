"""Print every entry of your conversations as it happens, and continue after a restart where it stopped."""

import asyncio
import os
import time
from pathlib import Path

from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.identity.v1 import identity_service_pb2 as identity
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from mesh.calling.channel import open_channel
from services.conversation.client.watcher import watch

IDENTITY = identity.DESCRIPTOR.services_by_name["IdentityService"]
CONVERSATION = conversation.DESCRIPTOR.services_by_name["ConversationService"]
CURSOR = Path("follow.cursor")
tokens = identity.TokenPair()


async def access_token() -> str:
    """Return an access token; sign in when the last one is about to expire."""
    if tokens.access_expire_time.seconds < time.time() + 60:
        address = os.environ.get("READBACK_IDENTITY_ADDRESS", "127.0.0.1:50051")
        login = identity.LoginRequest(email=os.environ["EMAIL"], password=os.environ["PASSWORD"])
        async with open_channel(address, IDENTITY) as channel:
            tokens.CopyFrom((await IdentityServiceStub(channel).Login(login)).tokens)
    return tokens.access_token


async def main() -> None:
    """Follow all conversations, from the last saved cursor."""
    address = os.environ.get("READBACK_CONVERSATION_ADDRESS", "127.0.0.1:50052")
    cursor = CURSOR.read_text() if CURSOR.exists() else ""
    async with (
        open_channel(address, CONVERSATION, tokens=access_token) as channel,
        watch(ConversationServiceStub(channel), cursor=cursor) as events,
    ):
        async for event in events:  # each entry once, in order, across restarts of the service
            if event.HasField("entry"):
                print(event.entry.number, event.entry.utterance.text, flush=True)
            if event.cursor:
                CURSOR.write_text(event.cursor)


if __name__ == "__main__":
    asyncio.run(main())
