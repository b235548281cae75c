"""The writer fence: the highest epoch wins, and an epoch has one writer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from readback.conversation.v1 import entry_pb2

from services.conversation.calls import calls
from services.conversation.errors import CallEnded, EpochHeld, StaleEpoch
from services.conversation.log.writer_fence import Standing, Writer, standing
from services.conversation.model.records import Call

if TYPE_CHECKING:
    from tests.unit.conversation.core import Core

pytestmark = pytest.mark.unit


async def replaced(core: Core, call: Call) -> Call:
    async with core.log.commit() as commit:
        return await calls.replace_agent(
            commit, await commit.call(call.call_id), entry_pb2.AGENT_LOSS_REASON_STREAM_BROKEN
        )


async def test_first_writer_of_an_epoch_holds_it(core: Core) -> None:
    call, writer = await core.held_call()
    assert (await core.now(call)).writer_id == writer.writer_id
    with pytest.raises(EpochHeld):
        await core.calls.open(replace(writer, writer_id=str(uuid4())))


async def test_same_writer_reopens_its_epoch_without_joining_twice(core: Core) -> None:
    call, writer = await core.held_call()
    await core.calls.open(writer)
    assert await core.changes(call.conversation_id) == ["CALL_STARTED 1", "AGENT_JOINED 1"]


async def test_lower_epoch_can_neither_open_nor_write(core: Core) -> None:
    call, writer = await core.held_call()
    await replaced(core, call)
    with pytest.raises(StaleEpoch) as caught:
        await core.calls.open(writer)
    assert caught.value.metadata == {"epoch": "2"}
    with pytest.raises(StaleEpoch):
        await core.append(writer, [core.said("hello")])


async def test_epoch_that_was_never_dispatched_is_refused(core: Core) -> None:
    _, writer = await core.held_call()
    with pytest.raises(StaleEpoch):
        await core.calls.open(replace(writer, epoch=7))
    with pytest.raises(StaleEpoch):
        await core.log.append_all(replace(writer, epoch=7), [core.said("hello")])


async def test_writer_that_never_opened_can_not_write(core: Core) -> None:
    call = await core.call()
    writer = Writer(call.call_id, 1, str(uuid4()))
    with pytest.raises(StaleEpoch):
        await core.append(writer, [core.said("hello")])
    with pytest.raises(EpochHeld):
        await core.log.append_all(writer, [core.said("hello")])


async def test_other_writer_of_the_running_epoch_can_not_append(core: Core) -> None:
    _, writer = await core.held_call()
    with pytest.raises(EpochHeld):
        await core.log.append_all(replace(writer, writer_id=str(uuid4())), [core.said("hello")])


async def test_writer_that_lost_the_call_appends_late(core: Core) -> None:
    call, writer = await core.held_call()
    await replaced(core, call)
    await core.log.append_all(writer, [core.said("as I was saying")])
    assert (await core.entries(call.conversation_id))[-1].late


async def test_holder_appends_like_its_stream(core: Core) -> None:
    call, writer = await core.held_call()
    assert standing(await core.now(call), writer) is Standing.HOLDER
    await core.log.append_all(writer, [core.said("hello")])
    assert not (await core.entries(call.conversation_id))[-1].late


async def test_ended_call_can_not_be_opened(core: Core) -> None:
    call, writer = await core.held_call()
    await core.end(call)
    with pytest.raises(CallEnded):
        await core.calls.open(writer)


async def test_losing_the_call_truncates_open_utterances(core: Core) -> None:
    call, writer = await core.held_call()
    await core.append(writer, [core.saying("There are thr", 4, entry_id=str(uuid4()))])
    await replaced(core, call)
    assert await core.utterances(call.conversation_id) == [("There are thr", "TRUNCATED")]
    assert await core.changes(call.conversation_id) == [
        "CALL_STARTED 1",
        "AGENT_JOINED 1",
        "AGENT_LOST 2 STREAM_BROKEN",
    ]
