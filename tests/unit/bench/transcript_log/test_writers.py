"""Writers keep their window full and count only acknowledged turns."""

from __future__ import annotations

import asyncio
import time
from collections import deque

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from bench.transcript_log.load.sample_turns import sample_turns
from bench.transcript_log.load.writers import WriteFailed, Writer, run_load
from bench.transcript_log.testbed.testbed import Customer

pytestmark = pytest.mark.unit


class Service:
    """The other end of a `Record` stream; it acknowledges several messages at once."""

    def __init__(self, *, at_once: int = 1, answer: object = None) -> None:
        self.messages: list[call_record.RecordAppend] = []
        self.most_unacked = 0
        self._unacked: deque[call_record.RecordAppend] = deque()
        self._at_once, self._answer = at_once, answer

    async def write(self, request: call_record.RecordRequest) -> None:
        self.messages.append(request.append)
        self._unacked.append(request.append)
        self.most_unacked = max(self.most_unacked, len(self._unacked))

    async def read(self) -> object:
        await asyncio.sleep(0)
        if self._answer is not None:
            return self._answer
        through = 0
        for _ in range(min(self._at_once, len(self._unacked))):
            through = self._unacked.popleft().drafts[-1].client_sequence
        return call_record.RecordResponse(ack=call_record.RecordAck(through_client_sequence=through))


def writer_to(service: Service) -> Writer:
    return Writer(Customer(()), "conversation", service, sample_turns(0))


@given(
    count=st.integers(1, 200), window=st.integers(1, 10), batch=st.integers(1, 64), at_once=st.integers(1, 5)
)
def test_all_turns_are_written_once_and_in_order(count: int, window: int, batch: int, at_once: int) -> None:
    service = Service(at_once=at_once)
    asyncio.run(writer_to(service).write(count, window=window, batch=batch))
    assert [draft.client_sequence for message in service.messages for draft in message.drafts] == list(
        range(1, count + 1)
    )
    assert service.most_unacked <= window
    assert all(len(message.drafts) <= batch for message in service.messages)


@pytest.mark.parametrize("at_once", [1, 3, 8])
async def test_window_is_kept_full_however_acks_are_gathered(at_once: int) -> None:
    service = Service(at_once=at_once)
    await writer_to(service).write_until(time.perf_counter() + 0.02, window=8, batch=2)
    assert service.most_unacked == 8
    assert len(service.messages) > 8


async def test_each_message_has_one_wait() -> None:
    service = Service(at_once=4)
    writer = writer_to(service)
    await writer.write(40, window=8, batch=4)
    assert len(writer.waits) == len(service.messages) == 10
    assert all(wait >= 0 for wait in writer.waits)


async def test_turns_are_entries_of_their_own() -> None:
    service = Service()
    await writer_to(service).write(50, batch=10)
    drafts = [draft for message in service.messages for draft in message.drafts]
    assert len({draft.entry_id for draft in drafts}) == 50
    assert all(draft.utterance.utterance_id == draft.entry_id and draft.utterance.text for draft in drafts)


@pytest.mark.parametrize(
    "answer",
    [
        grpc.aio.EOF,
        call_record.RecordResponse(rejected=call_record.RecordRejected(client_sequence=1)),
        call_record.RecordResponse(end=call_record.RecordEnd(reason=call_record.RECORD_END_REASON_DRAINING)),
    ],
)
async def test_anything_but_an_ack_fails_the_measurement(answer: object) -> None:
    with pytest.raises(WriteFailed):
        await writer_to(Service(answer=answer)).write(1)


async def test_a_load_counts_acked_turns_of_all_writers_and_only_its_own() -> None:
    services = [Service(), Service()]
    fleet = [writer_to(service) for service in services]
    await run_load(fleet, 0.01, window=2, batch=3)
    before = sum(writer.sent for writer in fleet)
    run = await run_load(fleet, 0.01, window=2, batch=3)
    assert run.turns == sum(writer.sent for writer in fleet) - before
    assert len(run.waits) * 3 == run.turns
    assert run.seconds >= 0.01
