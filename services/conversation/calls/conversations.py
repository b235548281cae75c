"""Lifecycle of conversations: begin, find, rename, end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.contracts.updates import require_etag
from mesh.errors import FieldViolation, InvalidRequest
from mesh.ids import uuid7
from services.conversation.errors import ConversationNotFound
from services.conversation.log.titles import is_title
from services.conversation.log.transcript_log import Commit
from services.conversation.model.records import Conversation, conversation_message
from services.conversation.store import Transaction

DEFAULT_LOCALE = "en-IN"


async def begin(commit: Commit, customer_id: str, locale: str) -> Conversation:
    """Begin a conversation of a customer. `locale` is a BCP 47 tag; if empty, `en-IN` is used."""
    conversation_id = uuid7()
    await commit.transaction.add_conversation(
        {
            "conversation_id": conversation_id,
            "customer_id": customer_id,
            "title": "",
            "locale": locale or DEFAULT_LOCALE,
            "state": pb.CONVERSATION_STATE_ACTIVE,
            "create_time": commit.now,
            "update_time": commit.now,
            "last_number": 0,
        }
    )
    begun = await owned(commit.transaction, customer_id, conversation_id)
    commit.announce_change(begun)
    return begun


async def owned(transaction: Transaction, customer_id: str, conversation_id: str) -> Conversation:
    """Return a conversation of this customer.

    Raises:
        ConversationNotFound: there is no such conversation, or it is another customer's. Both get the same
            error, so that a customer can't learn that another customer's conversation exists.
    """
    conversation = await transaction.conversation(conversation_id)
    if conversation is None or conversation.customer_id != customer_id:
        raise ConversationNotFound
    return conversation


def require_unchanged(conversation: Conversation, etag: str) -> None:
    """Raise EtagMismatch if a conversation has changed since a caller read it with this etag."""
    require_etag(conversation_message(conversation, None), etag)


async def rename(
    commit: Commit, customer_id: str, conversation_id: str, title: str | None, etag: str
) -> Conversation:
    """Set the title of a customer's conversation; keep it with None.

    Raises:
        InvalidRequest: the title isn't one line of printable characters.
        ConversationNotFound: the customer has no such conversation.
        EtagMismatch: the title would change, and the conversation has changed since the caller read it.
    """
    if title is not None and not is_title(title):
        problem = "must be one line of printable characters"
        raise InvalidRequest([FieldViolation("conversation.title", problem)])
    conversation = await owned(commit.transaction, customer_id, conversation_id)
    if title is None or title == conversation.title:
        return conversation
    require_unchanged(conversation, etag)
    changes = {"title": title, "update_time": max(commit.now, conversation.update_time)}
    await commit.transaction.change_conversation(conversation.key, **changes)
    commit.announce_change(conversation)
    return replace(conversation, **dict[str, Any](changes))


async def finish(commit: Commit, conversation: Conversation, now: datetime) -> Conversation:
    """End a conversation whose calls have all ended. If the conversation has ended, change nothing."""
    if conversation.ended:
        return conversation
    tail = await commit.tail(conversation.conversation_id)
    tail.add_state_change(entry_pb2.STATE_CHANGE_KIND_CONVERSATION_ENDED)
    await commit.flush()
    await commit.transaction.change_conversation(
        conversation.key, state=pb.CONVERSATION_STATE_ENDED, end_time=now
    )
    return await owned(commit.transaction, conversation.customer_id, conversation.conversation_id)
