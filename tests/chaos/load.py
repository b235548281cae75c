"""Conversations started at a given rate, whether the service keeps up or not, by many customers, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import AsyncExitStack

import grpc
import uvloop
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from mesh.ids import uuid7
from mesh.security.authentication import bearer
from tests.chaos.callers import Answers

CHANNELS = 4
TIMEOUT_SECONDS = 10.0
WARM_SECONDS = 0.5
"""Whose answers don't count."""


def main() -> None:
    """Offers `LOAD_RATE` calls a second, or with 0 keeps `LOAD_CALLERS` calls under way, for `LOAD_SECONDS`; writes what became of them."""
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
    print(json.dumps(_told(answers, began + WARM_SECONDS, began + seconds)))


def _told(answers: Answers, since: float, until: float) -> dict[str, object]:
    judged = [answer for answer in answers.all if since <= answer.began + answer.seconds <= until]
    refused = [answer for answer in judged if answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED]
    return {
        "codes": answers.codes,
        "good": sum(answer.code is grpc.StatusCode.OK for answer in judged) / (until - since),
        "refusal_p99": answers.quantile(0.99, refused),
        "refusals": len(refused),
        "unsaid": sum(not answer.says_when for answer in refused),
    }
