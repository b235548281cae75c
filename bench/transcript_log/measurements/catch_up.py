"""Catching up with a long log: `replay_vs_single`, turns a second over those of a raw stream with one message a turn."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

import grpc
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from bench.transcript_log.figures import Figure
from bench.transcript_log.interleaved_rounds import interleaved
from bench.transcript_log.load import writers
from bench.transcript_log.load.watchers import catch_up, watch
from bench.transcript_log.measurements.floors import floors
from bench.transcript_log.testbed.customers import own_connection
from bench.transcript_log.testbed.testbed import Stage

TURNS = 50_000


async def measure(stage: Stage) -> list[Figure]:
    """A log on PostgreSQL that has come to rest, watched from its beginning until caught up."""
    async with AsyncExitStack() as stack:
        floor = await stack.enter_async_context(floors(stage))
        server = await stack.enter_async_context(stage.conversation(await stage.database("pg")))
        (writer,) = await stack.enter_async_context(writers.writers(stage, server, 1))
        await writer.write(stage.effort.few(TURNS))
        channel = await stack.enter_async_context(own_connection(server.address))
        await _at_rest(channel, writer)

        async def replay() -> float:
            began = time.perf_counter()
            async with watch(channel, writer.customer.metadata, writer.conversation_id) as stream:
                return await catch_up(stream) / (time.perf_counter() - began)

        arms = {"replay": replay, "single": floor.stream_rate}
        rounds = await interleaved(arms, stage.effort.rounds, done=lambda: stage.say("catching up"))
    rates = {f"{arm}_turns_s": rounds.of(arm, float).median for arm in arms}
    return [Figure("replay_vs_single", rounds.ratio("replay", "single", float), rates)]


async def _at_rest(channel: grpc.aio.Channel, writer: writers.Writer) -> None:
    """Has what was just written indexed: a search waits for it, and nothing is left to be done beside what is measured."""
    request = pb.SearchEntriesRequest(query="flight", page_size=1)
    await ConversationServiceStub(channel).SearchEntries(request, metadata=writer.customer.metadata)
