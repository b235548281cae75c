"""A response is never larger than a gRPC client accepts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.clock import timestamp
from mesh.errors import InvalidRequest
from mesh.ids import uuid7
from services.conversation.export.export import CHUNK_BYTES, export
from services.conversation.model.drafts import MAX_CONTENT_BYTES, check_draft
from services.conversation.result_pages import PAGE_BYTES, page_of
from tests.unit.conversation.core import NOON, Core

pytestmark = pytest.mark.unit

GRPC_LIMIT = 4 * 1024 * 1024


def result_of(letters: int) -> call_record.Draft:
    """Return a draft of a large tool result."""
    result = entry_pb2.ToolResult(
        tool_call_id=uuid7(), name="search_flights", outcome=entry_pb2.TOOL_OUTCOME_FOUND
    )
    result.other["offers"] = "\1" * letters
    now = timestamp(NOON)
    return call_record.Draft(
        client_sequence=1, entry_id=uuid7(), start_time=now, end_time=now, tool_result=result
    )


def largest() -> call_record.Draft:
    """Return the largest draft that can be stored."""
    draft = result_of(MAX_CONTENT_BYTES)
    draft.tool_result.other["offers"] = "\1" * (2 * MAX_CONTENT_BYTES - draft.tool_result.ByteSize())
    return draft


@given(st.lists(st.integers(0, 700), max_size=12), st.integers(1, 12))
def test_page_is_the_longest_prefix_that_fits_and_never_empty(kilobytes: list[int], size: int) -> None:
    found = [entry_pb2.Entry(utterance=entry_pb2.Utterance(text="x" * 1024 * each)) for each in kilobytes]
    page = page_of(found, size)
    assert list(page) == found[: len(page)]
    assert bool(page) == bool(found)
    assert len(page) <= size
    assert len(page) <= 1 or sum(one.ByteSize() for one in page) <= PAGE_BYTES
    if len(page) < min(size, len(found)):
        assert sum(one.ByteSize() for one in found[: len(page) + 1]) > PAGE_BYTES


def test_page_with_the_largest_possible_entry_fits_into_a_message() -> None:
    stored = entry_pb2.Entry(
        entry_id=uuid7(), conversation_id=uuid7(), call_id=uuid7(), tool_result=largest().tool_result
    )
    page = page_of([stored] * 3, 3)
    assert pb.ListEntriesResponse(entries=page, next_page_token="t" * 1024).ByteSize() < GRPC_LIMIT


def test_entry_too_large_to_be_read_is_refused() -> None:
    draft = largest()
    check_draft(draft)
    draft.tool_result.other["offers"] = f"{draft.tool_result.other['offers']}x"
    with pytest.raises(InvalidRequest) as refused:
        check_draft(draft)
    assert [violation.field for violation in refused.value.violations] == ["tool_result"]


async def test_reading_stops_after_the_first_entry_that_does_not_fit(core: Core) -> None:
    call, writer = await core.held_call()
    await core.append(writer, [core.said("x" * 1000) for _ in range(10)])
    async with core.store.reading() as transaction:
        conversation = await transaction.conversation(call.conversation_id)
        assert conversation is not None

        async def read(after: int, most_bytes: int, limit: int = 100) -> list[int]:
            found = await transaction.entries_after(
                conversation.key, after, limit=limit, most_bytes=most_bytes
            )
            return [entry.number for entry in found]

        assert await read(0, 3500) == [1, 2, 3, 4, 5, 6]
        assert await read(2, 10) == [3, 4], "one more than fits, to show that there is another page"
        assert await read(2, 3500, limit=2) == [3, 4]
        assert await read(11, 10) == [12]


async def test_large_entries_do_not_make_larger_chunks(core: Core) -> None:
    call, writer = await core.held_call()
    await core.append(writer, [largest()])  # each control character takes six characters of JSON
    async with core.store.reading() as transaction:
        conversation = await transaction.conversation(call.conversation_id)
    assert conversation is not None
    exported = export(core.store, conversation, pb.TRANSCRIPT_FORMAT_JSON)
    chunks = [response.data async for response in exported if response.data]
    assert {len(chunk) for chunk in chunks[:-1]} == {CHUNK_BYTES}
    assert len(b"".join(chunks)) > GRPC_LIMIT
    assert len(json.loads(b"".join(chunks))["entries"]) == 3
