"""The recorder against a service that fails in every possible way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from structlog.testing import capture_logs

from mesh.clock import SystemClock
from services.conversation.client import record_stream
from services.conversation.client.outbox_file import read
from services.conversation.client.recorder import CallEnded, CallLost, Recorder
from services.conversation.client.retry_policy import RECORD_FATAL
from tests.integration.conversation.client.scripted import Recording, Scripted, acked, serving

pytestmark = pytest.mark.integration

Requests = AsyncIterator[call_record.RecordRequest]
Responses = AsyncIterator[call_record.RecordResponse]

AGENT = entry_pb2.SPEAKER_AGENT
OPENED = call_record.RecordResponse(
    opened=call_record.RecordOpened(
        conversation_id=str(uuid4()), next_number=1, grant="grant", late_ticket="ticket"
    )
)


@asynccontextmanager
async def recording(script: Scripted, **options: Any) -> AsyncIterator[Recorder]:
    async with (
        serving(script) as stub,
        asyncio.timeout(20),
        Recorder(stub, str(uuid4()), 1, str(uuid4()), **options) as recorder,
    ):
        yield recorder


class Received:
    """Everything that the service received on all streams, and scripts that record it."""

    def __init__(self) -> None:
        self.drafts: list[tuple[int, str]] = []
        self.opens: list[call_record.RecordOpen] = []
        self.closed: list[entry_pb2.CallEndReason.ValueType] = []

    async def record(self, requests: Requests) -> Requests:
        async for request in requests:
            match request.WhichOneof("message"):
                case "open":
                    self.opens.append(request.open)
                case "append":
                    self.drafts += [
                        (draft.client_sequence, text_of(draft)) for draft in request.append.drafts
                    ]
                case "close":
                    self.closed.append(request.close.reason)
            yield request

    def acking(self) -> Recording:
        """Return a script that acknowledges everything, and ends when the recorder closes."""

        async def script(requests: Requests, context: Any) -> Responses:
            async for request in self.record(requests):
                match request.WhichOneof("message"):
                    case "open":
                        yield OPENED
                    case "append":
                        yield acked(request)
                    case "close":
                        yield call_record.RecordResponse(
                            end=call_record.RecordEnd(reason=call_record.RECORD_END_REASON_CALL_ENDED)
                        )
                        return

        return script

    def breaking(self, code: grpc.StatusCode) -> Recording:
        """Return a script that receives drafts, and breaks instead of acknowledging."""

        async def script(requests: Requests, context: Any) -> Responses:
            async for request in self.record(requests):
                if request.HasField("open"):
                    yield OPENED
                else:
                    await context.abort(code, "broke off")

        return script

    def refusing(self, code: grpc.StatusCode) -> Recording:
        """Return a script that refuses the opening."""

        async def script(requests: Requests, context: Any) -> Responses:
            await context.abort(code, "refused")
            yield OPENED

        return script

    def ending(self, reason: call_record.RecordEndReason.ValueType) -> Recording:
        """Return a script that ends the stream instead of acknowledging."""

        async def script(requests: Requests, context: Any) -> Responses:
            async for request in self.record(requests):
                if request.HasField("open"):
                    yield OPENED
                else:
                    yield call_record.RecordResponse(end=call_record.RecordEnd(reason=reason))
                    return

        return script


def in_folder(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def text_of(draft: call_record.Draft) -> str:
    return draft.utterance.text or draft.open_utterance.text


async def test_unacked_draft_is_sent_again_with_the_same_number() -> None:
    received = Received()
    script = Scripted(record=[received.breaking(grpc.StatusCode.UNAVAILABLE), received.acking()])
    async with recording(script) as recorder:
        recorder.seal(str(uuid4()), AGENT, "one")
        recorder.seal(str(uuid4()), AGENT, "two")
        await recorder.flushed()
        assert received.drafts.count((1, "one")) == 2
        assert received.drafts[-1] == (2, "two")
    assert received.opens[0] == received.opens[1], "the same writer opens the same epoch again"


@pytest.mark.parametrize(
    "reason", [call_record.RECORD_END_REASON_DRAINING, call_record.RECORD_END_REASON_TOKEN_EXPIRED]
)
async def test_stream_that_the_service_ends_is_opened_again(
    reason: call_record.RecordEndReason.ValueType,
) -> None:
    received = Received()
    async with recording(Scripted(record=[received.ending(reason), received.acking()])) as recorder:
        recorder.seal(str(uuid4()), AGENT, "one")
        await recorder.flushed()
    assert received.drafts == [(1, "one"), (1, "one")]


class NoPauses(SystemClock):
    """Clock without pauses."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


@pytest.mark.parametrize("bad", [{"b"}, {"a"}, {"b", "c"}, {"a", "d"}])
async def test_draft_at_which_the_service_always_fails_does_not_stop_the_others(
    tmp_path: Path, bad: set[str]
) -> None:
    """The draft is logged, appended late when the call is over, and stays in the file when that fails too."""
    received, stored = Received(), list[str]()

    async def failing(requests: Requests, context: Any) -> Responses:
        async for request in received.record(requests):
            if request.HasField("open"):
                yield OPENED
            elif request.HasField("close"):
                yield call_record.RecordResponse(
                    end=call_record.RecordEnd(reason=call_record.RECORD_END_REASON_CALL_ENDED)
                )
                return
            elif bad.intersection(map(text_of, request.append.drafts)):
                await context.abort(grpc.StatusCode.INTERNAL, "Something went wrong")
            else:
                stored.extend(map(text_of, request.append.drafts))
                yield acked(request)

    async def fail(context: Any) -> None:
        await context.abort(grpc.StatusCode.INTERNAL, "Something went wrong")

    script = Scripted(record=[failing])
    script.on_append = fail
    with capture_logs() as logs:
        async with serving(script) as stub, asyncio.timeout(20):
            async with Recorder(stub, str(uuid4()), 1, folder=tmp_path, clock=NoPauses()) as recorder:
                entries = {text: str(uuid4()) for text in "abcde"}
                for text, entry_id in entries.items():
                    recorder.seal(entry_id, AGENT, text)
                await recorder.flushed()
                assert stored == [text for text in "abcde" if text not in bad]
                await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
            assert [text_of(request.drafts[0]) for request in script.appended] == sorted(bad)
            contents = read(in_folder(tmp_path)[0].read_bytes())
    aside = {log["entry_id"] for log in logs if log["event"].startswith("draft set aside")}
    assert aside == {entries[text] for text in bad}
    assert contents is not None
    assert list(contents.drafts) == [entries[text] for text in sorted(bad)]


async def test_after_a_time_of_failures_everything_is_sent_in_order() -> None:
    received = Received()
    broken = [received.breaking(grpc.StatusCode.INTERNAL)] * (record_stream.FAILURES + 6)
    script = Scripted(record=[*broken, received.acking()])
    async with recording(script, clock=NoPauses()) as recorder:
        for text in ("one", "two", "three"):
            recorder.seal(str(uuid4()), AGENT, text)
        await recorder.flushed()
    assert received.drafts[-3:] == [(1, "one"), (2, "two"), (3, "three")]


async def test_recorder_waits_for_an_unavailable_service() -> None:
    received = Received()
    away = received.refusing(grpc.StatusCode.UNAVAILABLE)
    async with recording(Scripted(record=[away, away, received.acking()])) as recorder:
        assert recorder.opened.grant == "grant"


@pytest.mark.parametrize("code", sorted(RECORD_FATAL - {grpc.StatusCode.ABORTED}, key=str))
async def test_final_refusal_is_raised_on_entering(code: grpc.StatusCode) -> None:
    script = Scripted(record=[Received().refusing(code)])
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async with recording(script):
            pass
    assert caught.value.code() is code
    assert script.streams == 1


async def test_fenced_writer_stops_and_does_not_return() -> None:
    received = Received()
    script = Scripted(record=[received.breaking(grpc.StatusCode.ABORTED)])
    async with recording(script) as recorder:
        recorder.revise(str(uuid4()), AGENT, "half of it")
        recorder.seal(str(uuid4()), AGENT, "I had said this")
        assert isinstance(await recorder.over(), CallLost)
        await recorder.flushed()
        recorder.seal(str(uuid4()), AGENT, "and this, until I heard", sealing=entry_pb2.SEALING_INTERRUPTED)
    assert script.streams == 1
    late = [
        (draft.client_sequence > 0, text_of(draft)) for request in script.appended for draft in request.drafts
    ]
    assert late == [(True, "half of it"), (True, "I had said this"), (True, "and this, until I heard")]
    assert script.appended[0].drafts[0].utterance.sealing == entry_pb2.SEALING_TRUNCATED
    assert {request.late_ticket for request in script.appended} == {"ticket"}


async def test_refused_late_entry_does_not_affect_the_next() -> None:
    script = Scripted(record=[Received().breaking(grpc.StatusCode.ABORTED)])

    async def refuse_the_first(context: Any) -> None:
        if len(script.appended) == 1:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "breaks a rule")

    script.on_append = refuse_the_first
    async with recording(script) as recorder:
        recorder.seal(str(uuid4()), AGENT, "one")
        recorder.seal(str(uuid4()), AGENT, "two")
        await recorder.over()
    assert [text_of(draft) for request in script.appended for draft in request.drafts] == ["one", "two"]


async def test_truncated_utterance_is_completed_by_another_that_names_it() -> None:
    script = Scripted(record=[Received().breaking(grpc.StatusCode.ABORTED)])

    async def cut_by_now(context: Any) -> None:
        if not script.appended[-1].drafts[0].utterance.completes_utterance_id:
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "truncated by now")

    script.on_append = cut_by_now
    spoken = str(uuid4())
    for _ in range(2):
        async with recording(script) as recorder:
            recorder.seal(spoken, AGENT, "There are three flights", sealing=entry_pb2.SEALING_INTERRUPTED)
            await recorder.over()
    first, completed, _, again = (request.drafts[0].utterance for request in script.appended)
    assert first.utterance_id == spoken
    assert (completed.text, completed.sealing) == (first.text, entry_pb2.SEALING_INTERRUPTED)
    assert completed.completes_utterance_id == spoken
    assert completed.utterance_id == again.utterance_id != spoken, "handed in twice it is stored once"
    assert script.appended[1].drafts[0].entry_id == completed.utterance_id


@pytest.mark.parametrize(
    ("text", "sealing", "handed_in"),
    [
        ("There are", entry_pb2.SEALING_INTERRUPTED, False),
        ("There are", entry_pb2.SEALING_FINAL, True),
        ("There are three", entry_pb2.SEALING_INTERRUPTED, True),
    ],
)
async def test_only_words_missing_from_the_log_are_appended_late(
    text: str, sealing: entry_pb2.Sealing.ValueType, handed_in: bool
) -> None:
    lost = asyncio.Event()

    async def acking_until_lost(requests: Requests, context: Any) -> Responses:
        yield OPENED
        async for request in requests:
            if request.HasField("append"):
                yield acked(request)
                await lost.wait()
                await context.abort(grpc.StatusCode.ABORTED, "another agent has it")

    script, spoken = Scripted(record=[acking_until_lost]), str(uuid4())
    async with recording(script) as recorder:
        recorder.revise(spoken, AGENT, "There are")
        await recorder.flushed()
        lost.set()
        await recorder.over()
        recorder.seal(spoken, AGENT, text, sealing=sealing)
    assert [request.drafts[0].utterance.text for request in script.appended] == [text] * handed_in


async def test_rejected_draft_is_not_sent_again_and_does_not_block() -> None:
    async def reject_the_first(requests: Requests, context: Any) -> Responses:
        yield OPENED
        async for request in requests:
            if any(draft.client_sequence == 1 for draft in request.append.drafts):
                yield call_record.RecordResponse(
                    rejected=call_record.RecordRejected(
                        client_sequence=1, status=Status(code=3, message="no")
                    )
                )
            if request.HasField("append"):
                yield acked(request)

    async with recording(Scripted(record=[reject_the_first])) as recorder:
        receipts = [recorder.seal(str(uuid4()), AGENT, text) for text in ("one", "two")]
        await recorder.flushed()
    assert [await receipt for receipt in receipts] == [False, True]


async def test_close_sends_its_reason_after_all_drafts() -> None:
    received = Received()
    async with recording(Scripted(record=[received.acking()])) as recorder:
        recorder.seal(str(uuid4()), AGENT, "goodbye")
        await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
        assert isinstance(await recorder.over(), CallEnded)
    assert received.drafts == [(1, "goodbye")]
    assert received.closed == [entry_pb2.CALL_END_REASON_AGENT_HUNG_UP]


async def test_close_is_repeated_after_a_break() -> None:
    received = Received()
    async with recording(
        Scripted(record=[received.breaking(grpc.StatusCode.UNAVAILABLE), received.acking()])
    ) as recorder:
        await recorder.close(entry_pb2.CALL_END_REASON_CUSTOMER_HUNG_UP)
    assert received.closed == [entry_pb2.CALL_END_REASON_CUSTOMER_HUNG_UP] * 2


async def test_agent_never_waits_and_loses_the_call_when_the_outbox_is_full() -> None:
    async def open_and_stall(requests: Requests, context: Any) -> Responses:
        yield OPENED
        await asyncio.Event().wait()

    async with recording(Scripted(record=[open_and_stall])) as recorder:
        for number in range(5000):
            recorder.seal(str(uuid4()), AGENT, f"{number}")
        assert isinstance(await recorder.over(), CallLost)


async def test_opening_gives_up_after_several_refused_tokens() -> None:
    script = Scripted(record=[Received().refusing(grpc.StatusCode.UNAUTHENTICATED)])
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        async with recording(script):
            pass
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert script.streams == record_stream.REFUSED_TOKENS


async def test_open_call_survives_refused_tokens() -> None:
    received = Received()
    refused = [received.refusing(grpc.StatusCode.UNAUTHENTICATED)] * (record_stream.REFUSED_TOKENS + 1)
    async with recording(
        Scripted(record=[received.breaking(grpc.StatusCode.UNAVAILABLE), *refused, received.acking()])
    ) as recorder:
        recorder.seal(str(uuid4()), AGENT, "still here")
        await recorder.flushed()
    assert received.drafts[-1] == (1, "still here")


async def test_only_the_latest_revision_is_sent_when_acks_are_slow() -> None:
    received, gate = Received(), asyncio.Event()

    async def slow(requests: Requests, context: Any) -> Responses:
        async for request in received.record(requests):
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
    assert received.drafts == [(199, "199 words")]


async def test_messages_in_flight_are_limited_and_waiting_drafts_are_batched() -> None:
    received, gate, sizes = Received(), asyncio.Event(), list[int]()

    async def slow(requests: Requests, context: Any) -> Responses:
        async for request in received.record(requests):
            if request.HasField("open"):
                yield OPENED
                continue
            sizes.append(len(request.append.drafts))
            if len(sizes) == record_stream.WINDOW:
                await gate.wait()
            if len(sizes) >= record_stream.WINDOW:
                yield acked(request)

    async with recording(Scripted(record=[slow])) as recorder:
        while len(sizes) < record_stream.WINDOW:
            recorder.seal(str(uuid4()), AGENT, "one by one")
            await asyncio.sleep(0.001)  # lets the stream take the draft
        for _ in range(100):
            recorder.seal(str(uuid4()), AGENT, "gathering")
        gate.set()
        await recorder.flushed()
    assert len(sizes) - record_stream.WINDOW <= 1 + 100 // record_stream.BATCH + record_stream.WINDOW
    assert max(sizes) > 1
    assert [sequence for sequence, _ in received.drafts] == list(range(1, len(received.drafts) + 1))


async def test_silent_stream_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_stream, "ANSWER_WITHIN_SECONDS", 0.2)
    received = Received()

    async def swallowing(requests: Requests, context: Any) -> Responses:
        yield OPENED
        async for _ in received.record(requests):
            pass
        await asyncio.Event().wait()

    script = Scripted(record=[swallowing, received.acking()])
    async with recording(script) as recorder:
        recorder.seal(str(uuid4()), AGENT, "hello?")
        await recorder.flushed()
    assert received.drafts == [(1, "hello?"), (1, "hello?")]
    assert script.streams == 2


async def test_idle_stream_may_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_stream, "ANSWER_WITHIN_SECONDS", 0.05)
    script = Scripted(record=[Received().acking()])
    async with recording(script) as recorder:
        recorder.seal(str(uuid4()), AGENT, "one")
        await recorder.flushed()
        await asyncio.sleep(0.2)  # several times as long as an answer may take
        recorder.seal(str(uuid4()), AGENT, "two")
        await recorder.flushed()
    assert script.streams == 1


async def test_requested_pause_is_observed() -> None:
    waits: list[float] = []

    class RecordPauses(SystemClock):
        async def sleep(self, seconds: float) -> None:
            waits.append(seconds)

    async def store_away(requests: Requests, context: Any) -> Responses:
        status = Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message="The store can't be reached.")
        status.details.add().Pack(RetryInfo(retry_delay=Duration(seconds=2)))
        await context.abort_with_status(rpc_status.to_status(status))
        yield OPENED

    script = Scripted(record=[store_away, Received().acking()])
    async with recording(script, clock=RecordPauses()):
        pass
    assert 2 < waits[0] < 2.1


async def test_outbox_file_is_deleted_after_a_good_call(tmp_path: Path) -> None:
    async with recording(Scripted(record=[Received().acking()]), folder=tmp_path) as recorder:
        recorder.seal(str(uuid4()), AGENT, "one")
        assert len(in_folder(tmp_path)) == 1
        await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
    assert in_folder(tmp_path) == []


async def test_outbox_file_is_deleted_after_a_late_append(tmp_path: Path) -> None:
    script = Scripted(record=[Received().breaking(grpc.StatusCode.ABORTED)])
    async with recording(script, folder=tmp_path) as recorder:
        recorder.seal(str(uuid4()), AGENT, "one")
        await recorder.over()
    assert len(script.appended) == 1
    assert in_folder(tmp_path) == []


async def test_outbox_file_remains_if_the_late_append_fails(tmp_path: Path) -> None:
    script = Scripted(record=[Received().breaking(grpc.StatusCode.ABORTED)])

    async def away(context: Any) -> None:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "away")

    script.on_append = away
    async with recording(script, folder=tmp_path) as recorder:
        recorder.seal(str(uuid4()), AGENT, "one")
        await recorder.over()
    assert len(in_folder(tmp_path)) == 1


async def test_unwritable_folder_does_not_stop_the_call(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("in the way")
    folder, script = tmp_path / "outbox", Scripted(record=[Received().acking()])
    async with recording(script, folder=folder) as recorder:
        recorder.seal(str(uuid4()), AGENT, "one")
        await recorder.flushed()


async def test_leaving_without_close_sends_no_close() -> None:
    received = Received()
    async with recording(Scripted(record=[received.acking()])) as recorder:
        recorder.seal(str(uuid4()), AGENT, "one")
        await recorder.flushed()
    assert received.closed == []
