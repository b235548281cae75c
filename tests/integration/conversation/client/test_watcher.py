"""The watcher against a service that fails in every possible way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback_client import watcher
from readback_client.watcher import RETRIED, Connection, CursorExpired

from mesh.errors import ERROR_DOMAIN
from services.conversation.client.watcher import watch
from tests.integration.conversation.client.scripted import Following, Scripted, ended, entries, entry, serving

pytestmark = pytest.mark.integration

CONVERSATION = str(uuid4())
DONE = pb.WATCH_END_REASON_CONVERSATION_ENDED


def sending(*responses: pb.WatchResponse, then: grpc.StatusCode | None = None) -> Following:
    """Return a script that sends messages and then ends, with an error code if given."""

    async def script(request: pb.WatchRequest, context: Any) -> AsyncIterator[pb.WatchResponse]:
        for response in responses:
            yield response
        if then is not None:
            await context.abort(then, "broke off")

    return script


async def watch_all(script: Scripted, **options: Any) -> list[pb.WatchResponse]:
    async with serving(script) as stub, asyncio.timeout(20), watch(stub, CONVERSATION, **options) as events:
        return [event async for event in events]


def numbers(events: list[pb.WatchResponse]) -> list[int]:
    return [event.entry.number for event in events if event.HasField("entry")]


@pytest.mark.parametrize("code", sorted(RETRIED, key=str))
async def test_broken_watch_is_resumed_from_the_last_cursor(code: grpc.StatusCode) -> None:
    script = Scripted(watch=[sending(entry(1), entry(2), then=code), sending(entry(3), ended(DONE))])
    assert numbers(await watch_all(script)) == [1, 2, 3]
    assert [request.cursor for request in script.watched] == ["", "after 2"]


@pytest.mark.parametrize("reason", [pb.WATCH_END_REASON_DRAINING, pb.WATCH_END_REASON_TOKEN_EXPIRED])
async def test_ended_watch_is_resumed_from_the_cursor_of_its_end(
    reason: pb.WatchEndReason.ValueType,
) -> None:
    script = Scripted(watch=[sending(entry(1), ended(reason, "at the end")), sending(entry(2), ended(DONE))])
    events = await watch_all(script)
    assert numbers(events) == [1, 2]
    assert script.watched[1].cursor == "at the end"
    assert [event.end.reason for event in events if event.HasField("end")] == [DONE]


async def test_watch_that_ends_without_a_reason_is_resumed() -> None:
    script = Scripted(watch=[sending(entry(1)), sending(ended(DONE))])
    assert numbers(await watch_all(script)) == [1]
    assert len(script.watched) == 2


async def test_entry_that_is_sent_twice_is_yielded_once() -> None:
    broken = sending(entry(1), entry(2), then=grpc.StatusCode.UNAVAILABLE)
    script = Scripted(watch=[broken, sending(entry(1), entry(2), entry(3), ended(DONE))])
    assert numbers(await watch_all(script)) == [1, 2, 3]


async def test_entries_of_one_message_are_yielded_one_by_one_and_the_last_has_the_cursor() -> None:
    script = Scripted(
        watch=[sending(entries(1, 2, 3), then=grpc.StatusCode.UNAVAILABLE), sending(entry(4), ended(DONE))]
    )
    events = await watch_all(script)
    assert [(event.entry.number, event.cursor) for event in events[:4]] == [
        (1, ""),
        (2, ""),
        (3, "after 3"),
        (4, "after 4"),
    ]
    assert script.watched[1].cursor == "after 3"


async def test_caught_up_is_yielded_once_and_heartbeats_never() -> None:
    caught_up, heartbeat = (
        pb.WatchResponse(caught_up=pb.CaughtUp()),
        pb.WatchResponse(heartbeat=pb.Heartbeat()),
    )
    first = sending(entry(1), caught_up, heartbeat, then=grpc.StatusCode.UNAVAILABLE)
    events = await watch_all(Scripted(watch=[first, sending(caught_up, heartbeat, ended(DONE))]))
    assert [event.WhichOneof("event") for event in events] == ["entry", "caught_up", "end"]


async def test_live_text_is_yielded_whole_also_after_a_lost_connection() -> None:
    def live(offset: int, tail: str, revision: int) -> pb.WatchResponse:
        text = pb.LiveText(utterance_id="u", revision=revision, offset=offset, tail=tail)
        if not offset:
            text.speaker = entry_pb2.SPEAKER_AGENT
        return pb.WatchResponse(live=text)

    first = sending(
        live(0, "There is", 1), live(6, "are 💺", 2), live(11, "s", 3), then=grpc.StatusCode.UNAVAILABLE
    )
    unknown = live(3, "lost", 4)
    second = sending(unknown, live(0, "There are 3", 5), live(11, ".", 6), ended(DONE))
    events = await watch_all(Scripted(watch=[first, second]), include_live=True)
    assert [(event.live.tail, event.live.revision) for event in events[:-1]] == [
        ("There is", 1),
        ("There are 💺", 2),
        ("There are 💺s", 3),
        ("There are 3", 5),
        ("There are 3.", 6),
    ]
    assert all(event.live.speaker == entry_pb2.SPEAKER_AGENT for event in events[1:3])
    assert not any(event.live.offset for event in events)


async def test_conversations_are_yielded_and_a_watch_from_now_resumes_from_its_first_cursor() -> None:
    caught_up = pb.WatchResponse(cursor="now", caught_up=pb.CaughtUp())
    titled = pb.WatchResponse(cursor="now", conversation=pb.Conversation(title="Chennai to Delhi"))
    script = Scripted(
        watch=[sending(caught_up, then=grpc.StatusCode.UNAVAILABLE), sending(titled, ended(DONE))]
    )
    events = await watch_all(script, from_now=True, include_conversation=True)
    assert [event.conversation.title for event in events if event.HasField("conversation")] == [
        "Chennai to Delhi"
    ]
    assert [(request.from_now, request.cursor) for request in script.watched] == [(True, ""), (False, "now")]
    assert all(request.include_conversation for request in script.watched)


async def test_silent_stream_is_replaced() -> None:
    async def hang(request: pb.WatchRequest, context: Any) -> AsyncIterator[pb.WatchResponse]:
        yield entry(1)
        await asyncio.Event().wait()

    script = Scripted(watch=[hang, sending(entry(2), ended(DONE))])
    assert numbers(await watch_all(script, heartbeat_seconds=0.1)) == [1, 2]
    assert script.watched[1].cursor == "after 1"


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.OUT_OF_RANGE,
    ],
)
async def test_final_error_is_raised(code: grpc.StatusCode) -> None:
    script = Scripted(watch=[sending(then=code)])
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await watch_all(script)
    assert caught.value.code() is code
    assert len(script.watched) == 1


def aborting(code: grpc.StatusCode, reason: str, *messages: pb.WatchResponse, **details: str) -> Following:
    """Return a script that sends messages and then ends with a rich status."""

    async def script(request: pb.WatchRequest, context: Any) -> AsyncIterator[pb.WatchResponse]:
        for message in messages:
            yield message
        status = Status(code=code.value[0], message="no")
        status.details.add().Pack(ErrorInfo(reason=reason, domain=ERROR_DOMAIN, metadata=details))
        await context.abort_with_status(rpc_status.to_status(status))

    return script


EXPIRED = aborting(grpc.StatusCode.OUT_OF_RANGE, "CURSOR_EXPIRED", earliest_cursor="after 40")


async def test_expired_cursor_is_raised_with_the_earliest_one() -> None:
    with pytest.raises(CursorExpired) as expired:
        await watch_all(Scripted(watch=[EXPIRED]), cursor="after 3")
    assert expired.value.earliest_cursor == "after 40"


async def test_watch_continues_from_the_earliest_entry_if_allowed() -> None:
    changes: list[Connection] = []
    script = Scripted(
        watch=[
            sending(entry(50), then=grpc.StatusCode.UNAVAILABLE),
            EXPIRED,
            sending(entry(41), entry(42), ended(DONE)),
        ]
    )
    events = await watch_all(script, cursor="after 49", from_earliest=True, on_connection=changes.append)
    assert numbers(events) == [50, 41, 42], "a restored log starts from an earlier number"
    assert [request.cursor for request in script.watched] == ["after 49", "after 50", "after 40"]
    assert changes == [Connection.LOST, Connection.REWOUND, Connection.RESUMED]


async def test_slow_reader_resumes_after_what_it_read_not_after_what_was_sent() -> None:
    slow = aborting(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "WATCHER_TOO_SLOW",
        entry(1),
        entry(2),
        cursor="after 9",
    )
    script = Scripted(watch=[slow, sending(entry(3), ended(DONE))])
    assert numbers(await watch_all(script)) == [1, 2, 3]
    assert script.watched[1].cursor == "after 2"


async def test_deletion_during_a_disconnection_ends_the_watch_as_deleted() -> None:
    script = Scripted(
        watch=[sending(entry(1), then=grpc.StatusCode.UNAVAILABLE), sending(then=grpc.StatusCode.NOT_FOUND)]
    )
    events = await watch_all(script)
    assert events[-1].end.reason == pb.WATCH_END_REASON_CONVERSATION_DELETED


async def test_deletion_ends_the_watch() -> None:
    script = Scripted(watch=[sending(entry(1), ended(pb.WATCH_END_REASON_CONVERSATION_DELETED))])
    events = await watch_all(script)
    assert events[-1].end.reason == pb.WATCH_END_REASON_CONVERSATION_DELETED
    assert len(script.watched) == 1


def of(conversation: str, number: int) -> pb.WatchResponse:
    found = entry_pb2.Entry(conversation_id=conversation, number=number)
    return pb.WatchResponse(cursor=f"after {conversation}{number}", entry=found)


async def test_all_conversations_are_watched_each_in_its_own_order() -> None:
    deleted = pb.WatchResponse(cursor="after deletion", deleted=pb.ConversationDeleted(conversation_id="b"))
    first = sending(of("a", 1), of("b", 1), of("a", 2), then=grpc.StatusCode.UNAVAILABLE)
    script = Scripted(watch=[first, sending(of("a", 2), of("b", 2), deleted, of("a", 3), ended(DONE))])
    async with serving(script) as stub, asyncio.timeout(20), watch(stub) as events:
        seen = [event async for event in events]
    entries_seen = [
        (event.entry.conversation_id, event.entry.number) for event in seen if event.HasField("entry")
    ]
    assert entries_seen == [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3)]
    assert [event.deleted.conversation_id for event in seen if event.HasField("deleted")] == ["b"]
    assert [request.conversation_id for request in script.watched] == ["", ""]


async def test_memory_is_bounded_for_any_number_of_conversations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "REMEMBERED", 8)
    held: list[Any] = []
    make = watcher._Watcher.__init__

    def noted(self: Any, *arguments: Any, **options: Any) -> None:
        make(self, *arguments, **options)
        held.append(self)

    monkeypatch.setattr(watcher._Watcher, "__init__", noted)
    script = Scripted(watch=[sending(*(of(f"{index}", 1) for index in range(100)), ended(DONE))])
    async with serving(script) as stub, asyncio.timeout(20), watch(stub) as events:
        assert len([event async for event in events]) == 101
    assert len(held[0]._last_numbers) == 8


async def test_every_attempt_sends_the_whole_request() -> None:
    script = Scripted(watch=[sending(then=grpc.StatusCode.UNAVAILABLE), sending(ended(DONE))])
    began = datetime(2026, 11, 1, tzinfo=UTC)
    await watch_all(
        script, start_commit_time=began, speakers=[entry_pb2.SPEAKER_AGENT], kinds=[pb.ENTRY_KIND_UTTERANCE]
    )
    for request in script.watched:
        assert request.start_commit_time.ToDatetime(UTC) == began
        assert (list(request.filter.speakers), list(request.filter.kinds)) == (
            [entry_pb2.SPEAKER_AGENT],
            [pb.ENTRY_KIND_UTTERANCE],
        )


async def test_lost_and_resumed_connections_are_reported_once_each() -> None:
    changes: list[Connection] = []
    away = sending(then=grpc.StatusCode.UNAVAILABLE)
    script = Scripted(
        watch=[
            sending(entry(1), then=grpc.StatusCode.UNAVAILABLE),
            away,
            away,
            sending(entry(2), ended(DONE)),
        ]
    )
    await watch_all(script, on_connection=changes.append)
    assert changes == [Connection.LOST, Connection.RESUMED]


async def test_draining_replica_is_not_reported() -> None:
    changes: list[Connection] = []
    script = Scripted(watch=[sending(entry(1), ended(pb.WATCH_END_REASON_DRAINING)), sending(ended(DONE))])
    await watch_all(script, on_connection=changes.append)
    assert changes == []


async def test_one_refused_token_is_retried() -> None:
    script = Scripted(watch=[sending(then=grpc.StatusCode.UNAUTHENTICATED), sending(entry(1), ended(DONE))])
    assert numbers(await watch_all(script)) == [1]


async def test_watch_starts_at_the_given_cursor() -> None:
    script = Scripted(watch=[sending(ended(DONE))])
    await watch_all(script, cursor="from here", heartbeat_seconds=2.5)
    (request,) = script.watched
    assert (request.conversation_id, request.cursor, request.include_live) == (
        CONVERSATION,
        "from here",
        False,
    )
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


async def test_watcher_waits_for_an_unavailable_service() -> None:
    away = sending(then=grpc.StatusCode.UNAVAILABLE)
    script = Scripted(watch=[away, away, away, sending(entry(1), ended(DONE))])
    assert numbers(await watch_all(script)) == [1]
    assert [request.cursor for request in script.watched] == [""] * 4
