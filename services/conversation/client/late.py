"""What a writer had said before it lost its call, handed in afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import grpc
import structlog
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.errors import reason_of

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

_log = structlog.get_logger()


async def hand_in_late(
    delegate: ConversationServiceAsyncStub, call_id: str, epoch: int, writer_id: str, drafts: Iterable[entry_pb2.Draft]
) -> None:
    """Appends each draft that is over, by itself, so that one that is refused doesn't take the others with it.

    An utterance that the service sealed as truncated in the meantime stays as it is. `delegate` speaks in the customer's name.
    """
    for draft in drafts:
        if draft.HasField("open_utterance"):
            continue
        request = pb.AppendRequest(call_id=call_id, epoch=epoch, writer_id=writer_id, drafts=[draft])
        try:
            await delegate.Append(request)
        except grpc.aio.AioRpcError as error:
            _log.warning(
                "a late entry was not taken", entry_id=draft.entry_id, reason=reason_of(error) or error.code().name, why=error.details()
            )
