"""Permanent deletion of a conversation.

It deletes the conversation's entries, calls, open utterances and words in the search index. It also deletes
the stored answers to requests that mention the conversation.

The first transaction hides the conversation. The rest is erased in steps, so that a large log doesn't delay
other customers. If the erasure is interrupted, it is continued by a repeated request, and in the background.

Two things remain. The deletion gets a position in the customer's feed, so that watchers also delete the
conversation. The ids and rooms of its calls remain until the calls are cleaned up.

On SQLite, the data is erased from the files when the deletion returns; on PostgreSQL, at the next vacuum.
Backups are not changed.
"""

from __future__ import annotations

from contextlib import suppress

from readback.conversation.v1 import conversation_service_pb2 as pb
from sqlalchemy import Table

from mesh.clock import Clock
from mesh.ids import uuid7
from services.conversation.calls import conversations
from services.conversation.calls.calls import Calls
from services.conversation.errors import ConversationNotFound
from services.conversation.log.bus import Bus, Committed
from services.conversation.model.feeds import FeedBuilder
from services.conversation.model.log_state import Changes
from services.conversation.model.records import Conversation
from services.conversation.search.indexing import BATCH, spoken_in
from services.conversation.slow_work import STEP_BYTES, off_the_loop
from services.conversation.store import Store, Transaction, deletion
from services.conversation.store.deletion import HiddenLog
from services.conversation.store.engine import write
from services.conversation.store.search import search_index

AT_ONCE = 20
"""Number of a deleted customer's conversations that are read at once."""
RESUME_SECONDS = 30.0
"""Pause between two searches for interrupted erasures."""


class Deletion:
    """Permanent deletion of conversations."""

    def __init__(self, store: Store, bus: Bus, calls: Calls, clock: Clock) -> None:
        self._store, self._bus, self._calls, self._clock = store, bus, calls, clock

    async def run(self) -> None:
        """Continue interrupted erasures now, then periodically, until cancelled."""
        while True:
            async with self._store.reading() as transaction:
                interrupted = await deletion.hidden_logs(transaction.connection)
            for customer_id in {log.customer_id for log in interrupted}:
                await self._erase_hidden(customer_id)
            await self._clock.sleep(RESUME_SECONDS)

    async def delete(
        self, customer_id: str, request: pb.DeleteConversationRequest
    ) -> pb.DeleteConversationResponse:
        """Delete a conversation of this customer, and end its running call.

        Raises:
            ConversationNotFound: the customer has no such conversation, or it is already deleted.
            RequestIdReused: the request id was used for another conversation.
        """
        commits: list[Committed] = []
        hung_up: list[str] = []
        async with self._store.writing() as transaction:

            async def do() -> pb.DeleteConversationResponse:
                conversation = await conversations.owned(transaction, customer_id, request.conversation_id)
                conversations.require_unchanged(conversation, request.etag)
                running = await transaction.running_call(conversation.key)
                hung_up.extend([running.call_id] if running else [])
                commits.append(await self._hide(transaction, conversation))
                return pb.DeleteConversationResponse()

            answer = await transaction.once(
                customer_id, request.request_id, request, pb.DeleteConversationResponse, do
            )
        for commit in commits:
            self._bus.committed(commit)
        for call_id in hung_up:
            self._calls.hang_up(call_id)
        # Also for a repeated request, because the first one may have been interrupted before this line.
        await self._erase_hidden(customer_id)
        return answer

    async def delete_all(self, customer_id: str) -> None:
        """Delete everything of a customer whose account was deleted."""
        while found := await self._some_of(customer_id):
            for conversation in found:
                request = pb.DeleteConversationRequest(
                    conversation_id=conversation.conversation_id, request_id=uuid7()
                )
                with suppress(ConversationNotFound):  # deleted meanwhile on another replica
                    await self.delete(customer_id, request)
        async with self._store.writing() as transaction:
            await deletion.delete_customer(transaction.connection, customer_id)
        await self._store.scrub()

    async def _some_of(self, customer_id: str) -> list[Conversation]:
        async with self._store.reading() as transaction:
            return await transaction.conversations_of(customer_id, before=None, limit=AT_ONCE)

    async def _hide(self, transaction: Transaction, conversation: Conversation) -> Committed:
        position = await _add_to_feed(transaction, conversation)
        await deletion.hide_conversation(transaction.connection, conversation, self._clock.now())
        return Committed(
            customer_id=conversation.customer_id,
            conversation_id=conversation.conversation_id,
            head=conversation.last_number,
            feed_head=position,
            deleted=True,
        )

    async def _erase_hidden(self, customer_id: str) -> None:
        """Erase everything of a customer's hidden conversations, one after another."""
        async with self._store.reading() as transaction:
            hidden = await deletion.hidden_logs(transaction.connection)
        for log in hidden:
            if log.customer_id == customer_id:
                await self._erase(log)
        async with self._store.turns.step(customer_id):
            await self._store.scrub()

    async def _erase(self, log: HiddenLog) -> None:
        """Erase a log. Another task or replica may erase it at the same time."""
        while (now := await self._hidden(log.key)) and await self._remove_words(now):
            pass
        first = True
        while now and now.reached and await self._scrub_index(now, first=first):
            first = False
        for table in deletion.LARGE_TABLES:
            while await self._delete_rows(table, log):
                pass
        async with self._store.writing() as transaction:
            await deletion.delete_conversation(transaction.connection, log.key)

    async def _hidden(self, key: int) -> HiddenLog | None:
        async with self._store.reading() as transaction:
            return await deletion.hidden_log(transaction.connection, key)

    async def _remove_words(self, log: HiddenLog) -> bool:
        """Remove the words of the next entries from the search index. Return False if there are none."""
        async with self._store.turns.step(log.customer_id):
            return await self._remove_some_words(log)

    async def _remove_some_words(self, log: HiddenLog) -> bool:
        async with self._store.reading() as transaction:
            through = await search_index(transaction.connection).removed_explicitly_through(log.key)
            if log.reached >= through:
                return False
            entries = await transaction.entries_after(
                log.key, log.reached, limit=min(BATCH, through - log.reached), most_bytes=STEP_BYTES
            )
        if not entries:
            return False
        utterances = await off_the_loop(spoken_in, entries)
        async with self._store.writing() as transaction:
            if await deletion.advance(transaction.connection, log, entries[-1].number):
                await search_index(transaction.connection).remove(log.key, log.customer_id, utterances)
        return True

    async def _scrub_index(self, log: HiddenLog, *, first: bool) -> bool:
        async with self._store.turns.step(log.customer_id), self._store.writing() as transaction:
            return await search_index(transaction.connection).scrub(first=first)

    async def _delete_rows(self, table: Table, log: HiddenLog) -> bool:
        async with self._store.turns.step(log.customer_id), self._store.writing() as transaction:
            return await deletion.delete_rows(transaction.connection, table, log.key)


async def _add_to_feed(transaction: Transaction, conversation: Conversation) -> int:
    """Add the deletion to the customer's feed; return its position."""
    end = await transaction.feed_end(conversation.customer_id)
    feed = FeedBuilder(end, None)
    position = feed.add_deletion(conversation.conversation_id)
    changes = Changes(conversation.customer_id, end.version, feed.last_position, runs=feed.changed())
    await write(transaction, changes)
    return position
