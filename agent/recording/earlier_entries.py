"""What was said and done before this agent came."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

from google.protobuf.json_format import MessageToDict
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from agent.dialogue.state import ToolRecord

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

_PAGE = 500


async def entries_of(
    conversation: ConversationServiceAsyncStub, conversation_id: str
) -> list[entry_pb2.Entry]:
    """The whole log of a conversation.

    Raises:
        grpc.aio.AioRpcError: the service can't be reached or refuses.
    """
    return [entry async for page in _pages(conversation, conversation_id) for entry in page]


async def _pages(
    conversation: ConversationServiceAsyncStub, conversation_id: str
) -> AsyncIterator[Iterable[entry_pb2.Entry]]:
    token = ""
    while True:
        request = pb.ListEntriesRequest(conversation_id=conversation_id, page_size=_PAGE, page_token=token)
        response = await conversation.ListEntries(request)
        yield response.entries
        token = response.next_page_token
        if not token:
            return


def tool_records(entries: Iterable[entry_pb2.Entry]) -> list[ToolRecord]:
    """Uses of tools that got an answer, in the order of the answers."""
    calls: dict[str, entry_pb2.ToolCall] = {}
    records = []
    for entry in entries:
        if entry.HasField("tool_call"):
            calls[entry.tool_call.tool_call_id] = entry.tool_call
        elif (
            entry.HasField("tool_result") and (call := calls.get(entry.tool_result.tool_call_id)) is not None
        ):
            result = entry.tool_result
            records.append(
                ToolRecord(
                    call.name, MessageToDict(call.arguments), result.outcome, MessageToDict(result.result)
                )
            )
    return records


def unanswered(entries: Iterable[entry_pb2.Entry], call_id: str) -> str:
    """The customer's last words in this call when nobody answered them; empty otherwise."""
    last = ""
    for entry in entries:
        if entry.call_id == call_id and entry.HasField("utterance"):
            utterance = entry.utterance
            heard = (
                utterance.speaker == entry_pb2.SPEAKER_CUSTOMER
                and utterance.sealing == entry_pb2.SEALING_FINAL
            )
            last = utterance.text if heard else ""
    return last
