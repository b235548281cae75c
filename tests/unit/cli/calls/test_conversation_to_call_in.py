"""The conversation of a call: a given one, or a new one that is deleted for guests."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb

from cli.account.acting_account import ActingAccount
from cli.calls.placing import conversation_for_call

pytestmark = pytest.mark.unit


class Service:
    """Records its requests."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def StartConversation(self, request: pb.StartConversationRequest) -> pb.StartConversationResponse:
        self.asked.append("start")
        return pb.StartConversationResponse(conversation=pb.Conversation(conversation_id="new"))

    async def DeleteConversation(
        self, request: pb.DeleteConversationRequest
    ) -> pb.DeleteConversationResponse:
        self.asked.append(f"delete {request.conversation_id}")
        return pb.DeleteConversationResponse()


async def _no_token() -> str:
    raise AssertionError("the stub has it")


async def placed(*, throw_away: bool, conversation_id: str | None = None, failing: bool = False) -> list[str]:
    service: Any = Service()
    with suppress(ConnectionError):
        async with conversation_for_call(
            service, ActingAccount(_no_token, is_guest=throw_away), conversation_id
        ) as talk:
            service.asked.append(f"call in {talk}")
            if failing:
                raise ConnectionError
    return list(service.asked)


async def test_a_guest_account_leaves_no_conversation_behind() -> None:
    assert await placed(throw_away=True) == ["start", "call in new", "delete new"]


async def test_a_guest_account_leaves_no_conversation_behind_when_the_call_fails() -> None:
    assert await placed(throw_away=True, failing=True) == ["start", "call in new", "delete new"]


async def test_a_persons_conversation_is_kept() -> None:
    assert await placed(throw_away=False) == ["start", "call in new"]


async def test_an_existing_conversation_is_continued() -> None:
    assert await placed(throw_away=False, conversation_id="old") == ["call in old"]
