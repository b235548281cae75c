"""Watchers count entries in any message, and notice the end of a watch."""

from __future__ import annotations

from collections.abc import Iterable

import grpc
import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from bench.transcript_log.load.watchers import WatchFailed, catch_up, entries_of, next_of

pytestmark = pytest.mark.unit

ONE = pb.WatchResponse(entry=entry_pb2.Entry(number=1))
BATCH = pb.WatchResponse(
    entries=pb.EntryBatch(entries=[entry_pb2.Entry(number=2), entry_pb2.Entry(number=3)])
)
HEARTBEAT = pb.WatchResponse(heartbeat=pb.Heartbeat())
CAUGHT_UP = pb.WatchResponse(caught_up=pb.CaughtUp())
END = pb.WatchResponse(end=pb.WatchEnd(reason=pb.WATCH_END_REASON_DRAINING))


class Stream:
    """A `Watch` stream with given responses and then its end."""

    def __init__(self, responses: Iterable[pb.WatchResponse]) -> None:
        self._responses = iter(responses)

    async def read(self) -> object:
        return next(self._responses, grpc.aio.EOF)


def test_entries_come_alone_or_together() -> None:
    assert [
        entry.number for response in (ONE, BATCH, HEARTBEAT, CAUGHT_UP) for entry in entries_of(response)
    ] == [1, 2, 3]


async def test_catching_up_counts_entries_not_messages() -> None:
    assert await catch_up(Stream([ONE, HEARTBEAT, BATCH, CAUGHT_UP, ONE])) == 3


async def test_an_empty_log_needs_no_catching_up() -> None:
    assert await catch_up(Stream([CAUGHT_UP])) == 0


@pytest.mark.parametrize("responses", [[], [END]])
async def test_a_watch_that_ends_is_a_failure(responses: list[pb.WatchResponse]) -> None:
    with pytest.raises(WatchFailed):
        await next_of(Stream(responses))
    with pytest.raises(WatchFailed):
        await catch_up(Stream([ONE, *responses]))
