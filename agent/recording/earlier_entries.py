"""Log entries from before this agent joined: earlier calls, and this call as recorded by earlier agents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

_PAGE_SIZE = 500


async def read_entries(
    conversation: ConversationServiceAsyncStub, conversation_id: str
) -> list[entry_pb2.Entry]:
    """Read the whole log of a conversation.

    Raises:
        grpc.aio.AioRpcError: the service can't be reached or refuses.
    """
    entries: list[entry_pb2.Entry] = []
    request = pb.ListEntriesRequest(conversation_id=conversation_id, page_size=_PAGE_SIZE)
    while True:
        response = await conversation.ListEntries(request)
        entries += response.entries
        if not response.next_page_token:
            return entries
        request.page_token = response.next_page_token


def finished_tools(
    entries: Iterable[entry_pb2.Entry],
) -> list[tuple[entry_pb2.ToolCall, entry_pb2.ToolResult]]:
    """Return the tool calls that have a result, in the order of their results."""
    calls: dict[str, entry_pb2.ToolCall] = {}
    finished = []
    for entry in entries:
        if entry.HasField("tool_call"):
            calls[entry.tool_call.tool_call_id] = entry.tool_call
        elif entry.HasField("tool_result") and (call := calls.get(entry.tool_result.tool_call_id)):
            finished.append((call, entry.tool_result))
    return finished


def agent_has_spoken(entries: Iterable[entry_pb2.Entry], call_id: str) -> bool:
    """Return whether an agent has said anything in a call."""
    return any(
        entry.call_id == call_id and entry.utterance.speaker == entry_pb2.SPEAKER_AGENT for entry in entries
    )


def unanswered_words(entries: Iterable[entry_pb2.Entry], call_id: str) -> str:
    """Return the customer's last words in a call if they are unanswered, otherwise an empty string."""
    last = ""
    for entry in entries:
        if entry.call_id == call_id and entry.HasField("utterance"):
            utterance = entry.utterance
            by_customer = utterance.speaker == entry_pb2.SPEAKER_CUSTOMER
            last = utterance.text if by_customer and utterance.sealing == entry_pb2.SEALING_FINAL else ""
    return last
