"""The state of the conversations of one log: title, state and running call, as its watchers have it.

It is not part of the log. A wake-up only says that a conversation may have changed. One watcher then reads it
for all, and a watcher gets it only if it differs from what it has.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from readback.conversation.v1 import conversation_service_pb2 as pb

from services.conversation.store import Store

MAX_STATES = 256
"""Most conversations to keep for one log. A watcher that misses more changes at once loses the oldest."""
NEWEST = ""
"""In the place of a conversation's id: the newest conversations of the customer."""
NEWEST_COUNT = 20
"""Number of the newest conversations that a watcher of all conversations gets at first."""


class ConversationState(NamedTuple):
    """A conversation as it was last read."""

    conversation: pb.Conversation
    data: bytes
    """Serialized `conversation`."""


class ToRead(NamedTuple):
    """Conversations that must be read."""

    marks: Mapping[str, int]
    """Number of the last mark of each conversation, by its id."""
    deletions: int
    """Number of deletions so far."""


class ConversationStates:
    """The states that all watchers of a log share. Each watcher remembers the last version it took."""

    __slots__ = ("_deletions", "_marked", "_marks", "_states", "read_lock", "version")

    def __init__(self) -> None:
        self._states: OrderedDict[str, tuple[int, ConversationState]] = OrderedDict()
        self._marked: dict[str, int] = {}
        self._marks = self._deletions = 0
        self.version = 0
        """Incremented for each change."""
        self.read_lock = asyncio.Lock()
        """Held by the watcher that reads the marked conversations for all watchers."""

    def mark(self, conversation_ids: Iterable[str]) -> None:
        """Mark conversations as possibly changed. They must be read."""
        for conversation_id in conversation_ids:
            self._marks += 1
            self._marked[conversation_id] = self._marks

    def to_read(self) -> ToRead:
        """Return the conversations that must be read. Give it to `put` after the read."""
        return ToRead(dict(self._marked), self._deletions)

    def put(self, read: ToRead, found: Collection[pb.Conversation]) -> bool:
        """Store the conversations that were found; return whether anything has changed.

        Conversations that were marked again during the read stay marked. If one was deleted during the read,
        all of them must be read again, because it may be among those that were found.
        """
        if read.deletions != self._deletions:
            return False
        before = self.version
        for conversation_id, mark in read.marks.items():
            if self._marked.get(conversation_id) == mark:
                del self._marked[conversation_id]
        for gone in read.marks.keys() - {conversation.conversation_id for conversation in found}:
            self._states.pop(gone, None)
        for conversation in sorted(found, key=lambda one: one.conversation_id):
            self._put(conversation)
        return self.version > before

    def since(self, version: int) -> list[ConversationState]:
        """Return the states that have changed since a version: the last changed one last."""
        if version == self.version:
            return []
        return [state for changed, state in self._states.values() if changed > version]

    def waiting(self) -> list[pb.Call]:
        """Return the calls that wait in line."""
        calls = (state.conversation.running_call for _, state in self._states.values())
        return [call for call in calls if call.place_in_line]

    def known(self) -> list[str]:
        """Return the ids of the known conversations."""
        return list(self._states)

    def forget(self, conversation_id: str) -> None:
        """Drop a deleted conversation."""
        self._states.pop(conversation_id, None)
        self._marked.pop(conversation_id, None)
        self._deletions += 1

    def _put(self, conversation: pb.Conversation) -> None:
        conversation_id = conversation.conversation_id
        version, stored = self._states.get(conversation_id, (0, None))
        changed = stored is None or _without_log(stored.conversation) != _without_log(conversation)
        if changed:
            self.version += 1
            version = self.version
        state = ConversationState(conversation, conversation.SerializeToString())
        self._states[conversation_id] = (version, state)
        if changed:
            self._states.move_to_end(conversation_id)
            if len(self._states) > MAX_STATES:
                self._states.popitem(last=False)


async def read_conversations(
    store: Store, customer_id: str, conversation_ids: Collection[str]
) -> Sequence[pb.Conversation]:
    """Read these conversations of a customer, and the newest ones if `NEWEST` is among the ids."""
    async with store.reading() as transaction:
        named = [conversation_id for conversation_id in conversation_ids if conversation_id != NEWEST]
        found = await transaction.conversations_with(customer_id, named)
        if NEWEST in conversation_ids:
            found += await transaction.conversations_of(customer_id, before=None, limit=NEWEST_COUNT)
        return await transaction.conversation_messages(found)


def _without_log(conversation: pb.Conversation) -> pb.Conversation:
    """Return a conversation without the fields that each entry changes; watchers get the entries."""
    rest = pb.Conversation()
    rest.CopyFrom(conversation)
    rest.ClearField("update_time")
    rest.ClearField("last_entry_number")
    rest.ClearField("last_entry_time")
    return rest
