"""The watcher of the client kit against a service that breaks off in every way it may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import grpc
import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from services.conversation.client import watcher
from services.conversation.client.watcher import watch
from tests.integration.conversation.scripted import Following, Scripted, ended, entries, entry, serving

pytestmark = pytest.mark.integration

CONVERSATION = str(uuid4())
DONE = pb.STREAM_END_REASON_CONVERSATION_ENDED


def sending(*responses: pb.WatchResponse, then: grpc.StatusCode | None = None) -> Following:
    """Sends messages, then ends well or with a code."""

    async def script(request: pb.WatchRequest, context: Any) -> AsyncIterator[pb.WatchResponse]:
        for response in responses:
            yield response
        if then is not None:
            await context.abort(then, "broke off")

    return script


async def seen_by_watcher(script: Scripted, **options: Any) -> list[pb.WatchResponse]:
    async with serving(script) as stub, asyncio.timeout(20), watch(stub, CONVERSATION, **options) as events:
        return [event async for event in events]


def numbers(events: list[pb.WatchResponse]) -> list[int]:
    return [event.entry.number for event in events if event.HasField("entry")]


@pytest.mark.parametrize("code", sorted(watcher._AGAIN, key=str))
async def test_broken_watch_is_resumed_from_the_last_cursor(code: grpc.StatusCode) -> None:
    script = Scripted(watch=[sending(entry(1), entry(2), then=code), sending(entry(3), ended(DONE))])
    assert numbers(await seen_by_watcher(script)) == [1, 2, 3]
    assert [request.cursor for request in script.watched] == ["", "after 2"]


@pytest.mark.parametrize("reason", [pb.STREAM_END_REASON_DRAINING, pb.STREAM_END_REASON_TOKEN_EXPIRED])
async def test_watch_that_the_service_ended_is_resumed_from_the_end_s_cursor(reason: pb.StreamEndReason.ValueType) -> None:
    script = Scripted(watch=[sending(entry(1), ended(reason, "at the end")), sending(entry(2), ended(DONE))])
    events = await seen_by_watcher(script)
    assert numbers(events) == [1, 2]
    assert script.watched[1].cursor == "at the end"
    assert [event.end.reason for event in events if event.HasField("end")] == [DONE]


async def test_watch_that_ends_without_a_word_is_resumed() -> None:
    script = Scripted(watch=[sending(entry(1)), sending(ended(DONE))])
    assert numbers(await seen_by_watcher(script)) == [1]
    assert len(script.watched) == 2


async def test_entry_that_is_sent_again_is_handed_out_once() -> None:
    broken = sending(entry(1), entry(2), then=grpc.StatusCode.UNAVAILABLE)
    script = Scripted(watch=[broken, sending(entry(1), entry(2), entry(3), ended(DONE))])
    assert numbers(await seen_by_watcher(script)) == [1, 2, 3]


async def test_entries_that_come_together_are_handed_out_one_by_one_with_the_cursor_after_the_last() -> None:
    script = Scripted(watch=[sending(entries(1, 2, 3), then=grpc.StatusCode.UNAVAILABLE), sending(entry(4), ended(DONE))])
    events = await seen_by_watcher(script)
    assert [(event.entry.number, event.cursor) for event in events[:4]] == [(1, ""), (2, ""), (3, "after 3"), (4, "after 4")]
    assert script.watched[1].cursor == "after 3"


async def test_caught_up_is_handed_out_once_and_heartbeats_never() -> None:
    caught_up, heartbeat = pb.WatchResponse(caught_up=pb.CaughtUp()), pb.WatchResponse(heartbeat=pb.Heartbeat())
    first = sending(entry(1), caught_up, heartbeat, then=grpc.StatusCode.UNAVAILABLE)
    events = await seen_by_watcher(Scripted(watch=[first, sending(caught_up, heartbeat, ended(DONE))]))
    assert [event.WhichOneof("event") for event in events] == ["entry", "caught_up", "end"]


async def test_live_text_is_handed_on() -> None:
    live = pb.WatchResponse(live=entry_pb2.OpenUtterance(text="There are"))
    events = await seen_by_watcher(Scripted(watch=[sending(live, ended(DONE))]), include_live=True)
    assert events[0].live.text == "There are"


async def test_stream_that_falls_silent_is_taken_for_dead() -> None:
    async def hang(request: pb.WatchRequest, context: Any) -> AsyncIterator[pb.WatchResponse]:
        yield entry(1)
        await asyncio.Event().wait()

    script = Scripted(watch=[hang, sending(entry(2), ended(DONE))])
    assert numbers(await seen_by_watcher(script, heartbeat_seconds=0.1)) == [1, 2]
    assert script.watched[1].cursor == "after 1"


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.OUT_OF_RANGE]
)
async def test_what_no_attempt_would_change_is_raised(code: grpc.StatusCode) -> None:
    script = Scripted(watch=[sending(entry(1), then=code)])
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await seen_by_watcher(script)
    assert caught.value.code() is code
    assert len(script.watched) == 1


async def test_token_refused_once_is_no_reason_to_give_up() -> None:
    script = Scripted(watch=[sending(then=grpc.StatusCode.UNAUTHENTICATED), sending(entry(1), ended(DONE))])
    assert numbers(await seen_by_watcher(script)) == [1]


async def test_watch_goes_where_it_is_told_to_begin() -> None:
    script = Scripted(watch=[sending(ended(DONE))])
    await seen_by_watcher(script, cursor="from here", heartbeat_seconds=2.5)
    (request,) = script.watched
    assert (request.conversation_id, request.cursor, request.include_live) == (CONVERSATION, "from here", False)
    assert request.heartbeat_interval.ToTimedelta().total_seconds() == 2.5


async def test_leaving_early_cancels_the_stream_at_the_service() -> None:
    cancelled = asyncio.Event()

    async def watched_closely(request: pb.WatchRequest, context: Any) -> AsyncIterator[pb.WatchResponse]:
        context.add_done_callback(lambda _: cancelled.set())
        yield entry(1)
        await asyncio.Event().wait()

    async with serving(Scripted(watch=[watched_closely])) as stub, asyncio.timeout(10):
        async with watch(stub, CONVERSATION) as events:
            await anext(events)
        await cancelled.wait()


async def test_service_that_is_away_at_first_is_waited_for() -> None:
    away = sending(then=grpc.StatusCode.UNAVAILABLE)
    script = Scripted(watch=[away, away, away, sending(entry(1), ended(DONE))])
    assert numbers(await seen_by_watcher(script)) == [1]
    assert [request.cursor for request in script.watched] == [""] * 4
