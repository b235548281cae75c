"""Clients in processes of their own: load at a given rate, and a watcher that can be stopped."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import AsyncExitStack

import grpc
import uvloop
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from mesh.calling.channel import open_channel
from mesh.ids import uuid7
from mesh.security.authentication import bearer
from services.conversation.client.watcher import watch
from tests.chaos.unary_calls import Answers

CHANNELS = 4
TIMEOUT_SECONDS = 10.0
WARM_UP_SECONDS = 0.5
"""Answers in this time are not counted."""

SERVICE = pb.DESCRIPTOR.services_by_name["ConversationService"]


def load() -> None:
    """Start conversations and print a summary of the answers.

    The environment names `LOAD_SECONDS` and either `LOAD_RATE`, in calls per second, or 0 and `LOAD_CALLERS`,
    the number of concurrent calls.
    """
    environment = os.environ
    rate, callers, seconds = (float(environment[f"LOAD_{name}"]) for name in ("RATE", "CALLERS", "SECONDS"))
    uvloop.run(
        _load(environment["LOAD_TARGET"], json.loads(environment["LOAD_TOKENS"]), rate, int(callers), seconds)
    )


async def _load(target: str, tokens: list[str], rate: float, callers: int, seconds: float) -> None:
    answers, made = Answers(), 0
    async with AsyncExitStack() as stack:
        options = [("grpc.use_local_subchannel_pool", 1)]
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(target, options=options))
            for _ in range(CHANNELS)
        ]
        stubs = [ConversationServiceStub(channel) for channel in channels]

        async def call() -> None:
            nonlocal made
            made += 1
            request = pb.StartConversationRequest(request_id=uuid7())
            metadata = bearer(tokens[made % len(tokens)])
            await answers.ask(
                lambda: stubs[made % CHANNELS].StartConversation(
                    request, metadata=metadata, timeout=TIMEOUT_SECONDS
                )
            )

        began = time.monotonic()
        calling: set[asyncio.Task[None]] = set()
        while (passed := time.monotonic() - began) < seconds:
            due = rate * passed - made if rate else callers - len(calling)
            for _ in range(max(0, int(due))):
                task = asyncio.create_task(call())
                calling.add(task)
                task.add_done_callback(calling.discard)
            await asyncio.sleep(0.002)
        await asyncio.gather(*calling)
    print(json.dumps(_summary(answers, began + WARM_UP_SECONDS, began + seconds)))


def _summary(answers: Answers, since: float, until: float) -> dict[str, object]:
    counted = [answer for answer in answers.all if since <= answer.began + answer.seconds <= until]
    refused = [answer for answer in counted if answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED]
    return {
        "codes": answers.codes,
        "good": sum(answer.code is grpc.StatusCode.OK for answer in counted) / (until - since),
        "refusal_p99": answers.quantile(0.99, refused),
        "refusals": len(refused),
        "without_retry_info": sum(not answer.has_retry_info for answer in refused),
    }


def watcher() -> None:
    """Watch a conversation to its end; print number and id of each entry, one per line."""
    environment = os.environ
    asyncio.run(
        _watch(
            environment["WATCHER_TARGET"], environment["WATCHER_TOKEN"], environment["WATCHER_CONVERSATION"]
        )
    )


async def _watch(target: str, token: str, conversation_id: str) -> None:
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
