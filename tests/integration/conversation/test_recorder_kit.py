"""The recorder of the client kit against a service that breaks off in every way it may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.rpc.status_pb2 import Status
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from services.conversation.client import record_line as kit
from services.conversation.client.recorder import CallEnded, CallLost, Recorder
from tests.integration.conversation.scripted import Recording, Scripted, acked, serving

pytestmark = pytest.mark.integration

AGENT = entry_pb2.SPEAKER_AGENT
OPENED = pb.RecordResponse(opened=pb.RecordOpened(conversation_id=str(uuid4()), next_number=1, grant="grant", late_ticket="ticket"))


@asynccontextmanager
async def recording(script: Scripted) -> AsyncIterator[Recorder]:
    async with serving(script) as stub, asyncio.timeout(20), Recorder(stub, str(uuid4()), 1, str(uuid4())) as recorder:
        yield recorder


class Notebook:
    """What came in on all streams of a script, and scripts that write it down."""

    def __init__(self) -> None:
        self.drafts: list[tuple[int, str]] = []
        self.opens: list[pb.RecordOpen] = []
        self.closed: list[pb.CallEndReason.ValueType] = []

    async def taken(self, requests: AsyncIterator[pb.RecordRequest]) -> AsyncIterator[pb.RecordRequest]:
        async for request in requests:
            match request.WhichOneof("message"):
                case "open":
                    self.opens.append(request.open)
                case "append":
                    self.drafts += [(draft.client_sequence, text_of(draft)) for draft in request.append.drafts]
                case "close":
                    self.closed.append(request.close.reason)
            yield request

    def acking(self) -> Recording:
        """Takes everything, and ends when asked to."""

        async def script(requests: AsyncIterator[pb.RecordRequest], context: Any) -> AsyncIterator[pb.RecordResponse]:
            async for request in self.taken(requests):
                match request.WhichOneof("message"):
                    case "open":
                        yield OPENED
                    case "append":
                        yield acked(request)
                    case "close":
                        yield pb.RecordResponse(end=pb.RecordEnd(reason=pb.STREAM_END_REASON_CALL_ENDED))
                        return

        return script

    def breaking_off(self, code: grpc.StatusCode) -> Recording:
        """Takes drafts in, and breaks off instead of acknowledging them."""

        async def script(requests: AsyncIterator[pb.RecordRequest], context: Any) -> AsyncIterator[pb.RecordResponse]:
            async for request in self.taken(requests):
                if request.HasField("open"):
                    yield OPENED
                else:
                    await context.abort(code, "broke off")

        return script

    def refusing(self, code: grpc.StatusCode) -> Recording:
        """Doesn't even open."""

        async def script(requests: AsyncIterator[pb.RecordRequest], context: Any) -> AsyncIterator[pb.RecordResponse]:
            await context.abort(code, "refused")
            yield OPENED

        return script

    def ending(self, reason: pb.StreamEndReason.ValueType) -> Recording:
        """Ends instead of acknowledging."""

        async def script(requests: AsyncIterator[pb.RecordRequest], context: Any) -> AsyncIterator[pb.RecordResponse]:
            async for request in self.taken(requests):
                if request.HasField("open"):
                    yield OPENED
                else:
                    yield pb.RecordResponse(end=pb.RecordEnd(reason=reason))
                    return

        return script


def text_of(draft: entry_pb2.Draft) -> str:
    return draft.utterance.text or draft.open_utterance.text


async def test_what_was_not_acked_is_sent_again_under_the_same_number() -> None:
    notes = Notebook()
    script = Scripted(record=[notes.breaking_off(grpc.StatusCode.UNAVAILABLE), notes.acking()])
    async with recording(script) as recorder:
        recorder.seal(str(uuid4()), AGENT, "one")
        recorder.seal(str(uuid4()), AGENT, "two")
        await recorder.flushed()
        assert notes.drafts.count((1, "one")) == 2
        assert notes.drafts[-1] == (2, "two")
    assert notes.opens[0] == notes.opens[1], "the same writer opens the same epoch again"


@pytest.mark.parametrize("reason", [pb.STREAM_END_REASON_DRAINING, pb.STREAM_END_REASON_TOKEN_EXPIRED])
async def test_stream_that_the_service_ends_is_opened_again(reason: pb.StreamEndReason.ValueType) -> None:
    notes = Notebook()
    async with recording(Scripted(record=[notes.ending(reason), notes.acking()])) as recorder:
        recorder.seal(str(uuid4()), AGENT, "one")
        await recorder.flushed()
    assert notes.drafts == [(1, "one"), (1, "one")]


async def test_service_that_is_away_at_first_is_waited_for() -> None:
    notes = Notebook()
    away = notes.refusing(grpc.StatusCode.UNAVAILABLE)
    async with recording(Scripted(record=[away, away, notes.acking()])) as recorder:
        assert recorder.opened.grant == "grant"


@pytest.mark.parametrize("code", sorted(kit.FINAL - {grpc.StatusCode.ABORTED}, key=str))
async def test_what_no_attempt_would_change_is_raised_on_entering(code: grpc.StatusCode) -> None:
    script = Scripted(record=[Notebook().refusing(code)])
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async with recording(script):
            pass
    assert caught.value.code() is code
    assert script.streams == 1


async def test_writer_that_is_fenced_off_stops_and_never_comes_back() -> None:
    notes = Notebook()
    script = Scripted(record=[notes.breaking_off(grpc.StatusCode.ABORTED)])
    async with recording(script) as recorder:
        recorder.revise(str(uuid4()), AGENT, "half of it")
        recorder.seal(str(uuid4()), AGENT, "I had said this")
        assert isinstance(await recorder.over(), CallLost)
        await recorder.flushed()
        recorder.seal(str(uuid4()), AGENT, "and this, until I heard", sealing=entry_pb2.SEALING_INTERRUPTED)
    assert script.streams == 1
    late = [(draft.client_sequence > 0, text_of(draft)) for request in script.appended for draft in request.drafts]
    assert late == [(True, "half of it"), (True, "I had said this"), (True, "and this, until I heard")]
    assert script.appended[0].drafts[0].utterance.sealing == entry_pb2.SEALING_TRUNCATED
    assert {request.late_ticket for request in script.appended} == {"ticket"}


async def test_late_entry_that_is_refused_does_not_take_the_next_with_it() -> None:
    script = Scripted(record=[Notebook().breaking_off(grpc.StatusCode.ABORTED)])

    async def refuse_the_first(context: Any) -> None:
        if len(script.appended) == 1:
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "truncated by now")

    script.on_append = refuse_the_first
    async with recording(script) as recorder:
        recorder.seal(str(uuid4()), AGENT, "one")
        recorder.seal(str(uuid4()), AGENT, "two")
        await recorder.over()
    assert [text_of(draft) for request in script.appended for draft in request.drafts] == ["one", "two"]


async def test_rejected_draft_is_not_sent_again_and_holds_nothing_up() -> None:
    async def reject_the_first(requests: AsyncIterator[pb.RecordRequest], context: Any) -> AsyncIterator[pb.RecordResponse]:
        yield OPENED
        async for request in requests:
            if any(draft.client_sequence == 1 for draft in request.append.drafts):
                yield pb.RecordResponse(rejected=pb.RecordRejected(client_sequence=1, status=Status(code=3, message="no")))
            if request.HasField("append"):
                yield acked(request)

    async with recording(Scripted(record=[reject_the_first])) as recorder:
        recorder.seal(str(uuid4()), AGENT, "one")
        recorder.seal(str(uuid4()), AGENT, "two")
        await recorder.flushed()


async def test_close_says_why_after_everything_else() -> None:
    notes = Notebook()
    async with recording(Scripted(record=[notes.acking()])) as recorder:
        recorder.seal(str(uuid4()), AGENT, "goodbye")
        await recorder.close(pb.CALL_END_REASON_AGENT_HUNG_UP)
        assert isinstance(await recorder.over(), CallEnded)
    assert notes.drafts == [(1, "goodbye")]
    assert notes.closed == [pb.CALL_END_REASON_AGENT_HUNG_UP]


async def test_close_is_repeated_after_a_break() -> None:
    notes = Notebook()
    async with recording(Scripted(record=[notes.breaking_off(grpc.StatusCode.UNAVAILABLE), notes.acking()])) as recorder:
        await recorder.close(pb.CALL_END_REASON_CALLER_HUNG_UP)
    assert notes.closed == [pb.CALL_END_REASON_CALLER_HUNG_UP] * 2


async def test_agent_never_waits_and_is_told_when_no_more_can_be_held() -> None:
    async def open_and_stall(requests: AsyncIterator[pb.RecordRequest], context: Any) -> AsyncIterator[pb.RecordResponse]:
        yield OPENED
        await asyncio.Event().wait()

    async with recording(Scripted(record=[open_and_stall])) as recorder:
        for number in range(5000):
            recorder.seal(str(uuid4()), AGENT, f"{number}")
        assert isinstance(await recorder.over(), CallLost)


async def test_a_token_that_is_refused_again_and_again_is_not_tried_for_ever() -> None:
    script = Scripted(record=[Notebook().refusing(grpc.StatusCode.UNAUTHENTICATED)])
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        async with recording(script):
            pass
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert script.streams == kit.REFUSED_TOKENS


async def test_a_call_that_is_taken_outlasts_refused_tokens() -> None:
    notes = Notebook()
    refused = [notes.refusing(grpc.StatusCode.UNAUTHENTICATED)] * (kit.REFUSED_TOKENS + 1)
    async with recording(Scripted(record=[notes.breaking_off(grpc.StatusCode.UNAVAILABLE), *refused, notes.acking()])) as recorder:
        recorder.seal(str(uuid4()), AGENT, "still here")
        await recorder.flushed()
    assert notes.drafts[-1] == (1, "still here")


async def test_words_that_come_faster_than_acks_are_sent_as_their_latest() -> None:
    notes, gate = Notebook(), asyncio.Event()

    async def slow(requests: AsyncIterator[pb.RecordRequest], context: Any) -> AsyncIterator[pb.RecordResponse]:
        async for request in notes.taken(requests):
            if request.HasField("open"):
                await gate.wait()
                yield OPENED
            else:
                yield acked(request)

    async with serving(Scripted(record=[slow])) as stub, asyncio.timeout(20):
        recorder, spoken = Recorder(stub, str(uuid4()), 1), str(uuid4())
        for count in range(1, 200):
            recorder.revise(spoken, AGENT, f"{count} words")
        gate.set()
        async with recorder:
            await recorder.flushed()
    assert notes.drafts == [(199, "199 words")]


async def test_leaving_without_close_just_breaks_off() -> None:
    notes = Notebook()
    async with recording(Scripted(record=[notes.acking()])) as recorder:
        recorder.seal(str(uuid4()), AGENT, "one")
        await recorder.flushed()
    assert notes.closed == []
