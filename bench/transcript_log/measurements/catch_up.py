"""Catching up with a long log, over a raw stream with one message per turn: `replay_vs_single`."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from bench.transcript_log.figures import Figure
from bench.transcript_log.interleaved_rounds import interleaved
from bench.transcript_log.load.watchers import catch_up, watch
from bench.transcript_log.load.writers import writers
from bench.transcript_log.measurements.floors import running_floors
from bench.transcript_log.testbed.customers import own_connection
from bench.transcript_log.testbed.testbed import Testbed

TURNS = 50_000


async def measure(bed: Testbed) -> list[Figure]:
    """Watch a complete log on PostgreSQL from its beginning until caught up."""
    async with AsyncExitStack() as stack:
        floors = await stack.enter_async_context(running_floors(bed))
        server = await stack.enter_async_context(bed.conversation_service(await bed.new_database("pg")))
        (writer,) = await stack.enter_async_context(writers(bed, server, 1))
        await writer.write(bed.effort.scaled(TURNS))
        channel = await stack.enter_async_context(own_connection(server.address))
        metadata = writer.customer.metadata
        # A search waits for the index, so indexing doesn't run during the measurement.
        search = pb.SearchEntriesRequest(query="flight", page_size=1)
        await ConversationServiceStub(channel).SearchEntries(search, metadata=metadata)

        async def replay() -> float:
            began = time.perf_counter()
            async with watch(channel, metadata, writer.conversation_id) as stream:
                return await catch_up(stream) / (time.perf_counter() - began)

        sides = {"replay": replay, "single": floors.stream_rate}
        rounds = await interleaved(sides, bed.effort.rounds, done=lambda: bed.progress("catching up"))
    rates = {f"{side}_turns_s": rounds.of(side, float).median for side in sides}
    return [Figure("replay_vs_single", rounds.ratio("replay", "single", float), rates)]
