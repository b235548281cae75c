"""The client's watcher for programs that use the generated stubs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback_client.watcher import HEARTBEAT_SECONDS, Call, Connection, resuming_watch

from mesh.clock import Clock, SystemClock, timestamp

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub


@asynccontextmanager
async def watch(
    stub: ConversationServiceAsyncStub,
    conversation_id: str = "",
    *,
    cursor: str = "",
    start_commit_time: datetime | None = None,
    from_now: bool = False,
    speakers: Sequence[entry_pb2.Speaker.ValueType] = (),
    kinds: Sequence[pb.EntryKind.ValueType] = (),
    include_live: bool = False,
    include_conversation: bool = False,
    from_earliest: bool = False,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    on_connection: Callable[[Connection], None] = lambda _: None,
    clock: Clock | None = None,
) -> AsyncIterator[AsyncIterator[pb.WatchResponse]]:
    """Follow a conversation, or all of them if the id is empty, as `resuming_watch` does.

    Args:
        cursor: continue after this cursor. If it is empty, the watch starts with the first entry stored at
            `start_commit_time` or later, with the next new one if `from_now`, or else with the first of all.

    Raises:
        CursorExpired: the cursor has expired, and `from_earliest` is False.
        grpc.aio.AioRpcError: the service answered with an error that is not retried, such as NOT_FOUND.
    """
    request = pb.WatchRequest(
        conversation_id=conversation_id, include_live=include_live, include_conversation=include_conversation
    )
    if speakers or kinds:
        request.filter.CopyFrom(pb.EntryFilter(speakers=speakers, kinds=kinds))
    if cursor:
        request.cursor = cursor
    elif start_commit_time is not None:
        request.start_commit_time.CopyFrom(timestamp(start_commit_time))
    elif from_now:
        request.from_now = True

    async def open_stream(
        request: pb.WatchRequest,
    ) -> Call:
        return stub.Watch(request)

    async with resuming_watch(
        open_stream,
        request,
        heartbeat_seconds=heartbeat_seconds,
        from_earliest=from_earliest,
        on_connection=on_connection,
        sleep=(clock or SystemClock()).sleep,
    ) as events:
        yield events
