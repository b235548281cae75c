"""gRPC servicer of the conversation service.

It checks access, and converts between messages of the contract and the domain.
"""
# ruff: noqa: ARG002 -- gRPC passes a context to every method

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceServicer
from readback.options.v1 import options_pb2

from mesh.clock import Clock, timestamp
from mesh.contracts.page_tokens import PageTokens
from mesh.contracts.updates import fields_to_update
from mesh.security.authentication import current_customer, current_principal
from mesh.serving.caller_turns import CallerSlots
from services.conversation.calls import calls, conversations
from services.conversation.calls.calls import Calls
from services.conversation.calls.customer_limits import CustomerLimits, StartRate
from services.conversation.calls.grants import holds_grant_of
from services.conversation.calls.ports import Access
from services.conversation.deletion import Deletion
from services.conversation.errors import ConversationNotFound
from services.conversation.export.export import export
from services.conversation.log.transcript_log import TranscriptLog
from services.conversation.model.entries import EntryFilter, entry_message
from services.conversation.model.records import Call, Conversation, call_message, conversation_message
from services.conversation.result_pages import (
    CALLS,
    CONVERSATIONS,
    ENTRIES,
    PAGE_BYTES,
    SEARCH_RESULTS,
    page_of,
)
from services.conversation.search import entry_search
from services.conversation.search.entry_search import EntrySearch
from services.conversation.store import Store, Transaction
from services.conversation.watch.flow_control import takes_gzip
from services.conversation.watch.stream import Watcher, WatchStreams

Context = Any  # the generated servicer's context type is generic over messages, which isn't useful here


class ConversationServicer(ConversationServiceServicer):
    """Servicer of `readback.conversation.v1.ConversationService`."""

    def __init__(
        self,
        *,
        store: Store,
        log: TranscriptLog,
        calls: Calls,
        watches: WatchStreams,
        search: EntrySearch,
        deletion: Deletion,
        pages: PageTokens,
        limits: CustomerLimits,
        clock: Clock,
    ) -> None:
        self._store, self._log, self._calls = store, log, calls
        self._watches, self._pages = watches, pages
        self._search, self._deletion = search, deletion
        self._start_rate = StartRate(limits.starts_per_minute, clock)
        self._watching = CallerSlots(limits.watches, "watches")

    async def StartConversation(
        self, request: pb.StartConversationRequest, context: Context
    ) -> pb.StartConversationResponse:
        """Start a conversation."""
        customer_id = current_customer()
        self._start_rate.check(customer_id)
        async with self._log.commit() as commit:

            async def begin() -> pb.StartConversationResponse:
                self._start_rate.count(customer_id)
                begun = await conversations.begin(commit, customer_id, request.locale)
                return pb.StartConversationResponse(conversation=conversation_message(begun, None))

            return await commit.transaction.once(
                customer_id, request.request_id, request, pb.StartConversationResponse, begin
            )

    async def GetConversation(
        self, request: pb.GetConversationRequest, context: Context
    ) -> pb.GetConversationResponse:
        """Return one conversation."""
        async with self._store.reading() as transaction:
            conversation = await _readable(transaction, request.conversation_id)
            (message,) = await transaction.conversation_messages([conversation])
        return pb.GetConversationResponse(conversation=message)

    async def ListConversations(
        self, request: pb.ListConversationsRequest, context: Context
    ) -> pb.ListConversationsResponse:
        """List the customer's conversations, newest first."""
        customer_id = current_customer()
        scope = f"conversations of {customer_id}, {request.running_only=}, {request.answered_only=}"
        before = int(self._pages.open(request.page_token, scope)) if request.page_token else None
        size = CONVERSATIONS.of(request.page_size)
        async with self._store.reading() as transaction:
            found = await transaction.conversations_of(
                customer_id,
                before=before,
                limit=size + 1,
                running_only=request.running_only,
                answered_only=request.answered_only,
            )
            page = found[:size]
            messages = await transaction.conversation_messages(page)
        return pb.ListConversationsResponse(
            conversations=messages,
            next_page_token=self._pages.seal(str(page[-1].key), scope) if len(found) > size else "",
        )

    async def UpdateConversation(
        self, request: pb.UpdateConversationRequest, context: Context
    ) -> pb.UpdateConversationResponse:
        """Change the title of a conversation."""
        update, customer_id = request.conversation, current_customer()
        named = fields_to_update(update, request.update_mask, ("title",))
        title = update.title if named else None
        async with self._log.commit() as commit:
            conversation = await conversations.rename(
                commit, customer_id, update.conversation_id, title, update.etag
            )
            (message,) = await commit.transaction.conversation_messages([conversation])
        return pb.UpdateConversationResponse(conversation=message)

    async def EndConversation(
        self, request: pb.EndConversationRequest, context: Context
    ) -> pb.EndConversationResponse:
        """End a conversation and its running call."""
        customer_id, hung_up = current_customer(), None
        async with self._log.commit() as commit:

            async def finish() -> pb.EndConversationResponse:
                nonlocal hung_up
                conversation = await conversations.owned(
                    commit.transaction, customer_id, request.conversation_id
                )
                if not conversation.ended:  # otherwise a repeated request would be refused
                    conversations.require_unchanged(conversation, request.etag)
                running = await commit.transaction.running_call(conversation.key)
                if running is not None:
                    hung_up = await calls.end(commit, running, entry_pb2.CALL_END_REASON_CONVERSATION_ENDED)
                finished = await conversations.finish(commit, conversation, commit.now)
                return pb.EndConversationResponse(conversation=conversation_message(finished, None))

            answer = await commit.transaction.once(
                customer_id, request.request_id, request, pb.EndConversationResponse, finish
            )
        if hung_up is not None:
            self._calls.hang_up(hung_up.call_id)
        return answer

    async def DeleteConversation(
        self, request: pb.DeleteConversationRequest, context: Context
    ) -> pb.DeleteConversationResponse:
        """Delete a conversation permanently."""
        customer_id = current_customer()
        with self._store.turns.work(customer_id):
            return await self._deletion.delete(customer_id, request)

    async def StartCall(self, request: pb.StartCallRequest, context: Context) -> pb.StartCallResponse:
        """Start a call in a conversation."""
        call, access = await self._calls.start(current_customer(), current_principal().token, request)
        message = call_message(call, await self._place_in_line(call))
        return pb.StartCallResponse(call=message, access=_access_message(access))

    async def GetCall(self, request: pb.GetCallRequest, context: Context) -> pb.GetCallResponse:
        """Return one call."""
        holds_grant_of(request.call_id)  # refuses the agent of another call
        async with self._store.reading() as transaction:
            call = await calls.owned(transaction, current_customer(), request.call_id)
            place = await transaction.place_in_line(call)
        return pb.GetCallResponse(call=call_message(call, place))

    async def ListCalls(self, request: pb.ListCallsRequest, context: Context) -> pb.ListCallsResponse:
        """List calls, newest first."""
        customer_id, conversation_id = current_customer(), request.conversation_id.lower()
        scope = f"calls of {customer_id} {conversation_id}, {request.running_only=}"
        before = int(self._pages.open(request.page_token, scope)) if request.page_token else None
        size, key = CALLS.of(request.page_size), None
        async with self._store.reading() as transaction:
            if conversation_id:
                key = (await conversations.owned(transaction, customer_id, conversation_id)).key
            found = await transaction.calls_of(
                customer_id, key, before=before, limit=size + 1, running_only=request.running_only
            )
            page = found[:size]
            places = await transaction.places_in_line([call.call_id for call in page])
        messages = [call_message(call, places.get(call.call_id, 0)) for call in page]
        return pb.ListCallsResponse(
            calls=messages,
            next_page_token=self._pages.seal(str(page[-1].key), scope) if len(found) > size else "",
        )

    async def RejoinCall(self, request: pb.RejoinCallRequest, context: Context) -> pb.RejoinCallResponse:
        """Issue a new token for a running call."""
        call, access = await self._calls.rejoin(current_customer(), request.call_id)
        message = call_message(call, await self._place_in_line(call))
        return pb.RejoinCallResponse(call=message, access=_access_message(access))

    async def EndCall(self, request: pb.EndCallRequest, context: Context) -> pb.EndCallResponse:
        """End a call."""
        customer_id = current_customer()
        reason = (
            entry_pb2.CALL_END_REASON_AGENT_HUNG_UP
            if holds_grant_of(request.call_id)
            else entry_pb2.CALL_END_REASON_CUSTOMER_HUNG_UP
        )
        async with self._log.commit() as commit:

            async def hang_up() -> pb.EndCallResponse:
                call = await calls.owned(commit.transaction, customer_id, request.call_id)
                return pb.EndCallResponse(call=call_message(await calls.end(commit, call, reason)))

            answer = await commit.transaction.once(
                customer_id, request.request_id, request, pb.EndCallResponse, hang_up
            )
        self._calls.hang_up(answer.call.call_id)
        return answer

    async def Watch(self, request: pb.WatchRequest, context: Context) -> AsyncIterator[Any]:
        """Follow one conversation's log or the customer's feed. Yield serialized messages."""
        principal = current_principal()
        if request.conversation_id or principal.kind == options_pb2.ACCESS_AGENT:
            async with self._store.reading() as transaction:
                await _readable(transaction, request.conversation_id)
        if takes_gzip(context.invocation_metadata() or ()):
            context.set_compression(grpc.Compression.Gzip)
        watcher = Watcher(current_customer(), principal.expires_at, context.disable_next_message_compression)
        with self._watching.hold(watcher.customer_id):
            async with aclosing(self._watches.watch(request, watcher)) as responses:
                async for response in responses:
                    yield response

    async def ListEntries(self, request: pb.ListEntriesRequest, context: Context) -> pb.ListEntriesResponse:
        """List the entries of a conversation."""
        rule = EntryFilter.of(request.filter)
        scope = (
            f"entries of {request.conversation_id.lower()}, {sorted(rule.kinds)} {sorted(rule.speakers)}, "
            f"{request.after_number=}"
        )
        after = (
            int(self._pages.open(request.page_token, scope)) if request.page_token else request.after_number
        )
        size = ENTRIES.of(request.page_size)
        async with self._store.turns.turn(current_customer()), self._store.reading() as transaction:
            conversation = await _readable(transaction, request.conversation_id)
            found = await transaction.entries_after(
                conversation.key,
                after,
                limit=size + 1,
                most_bytes=PAGE_BYTES,
                wanted=lambda entry: rule.admits(entry.kind, entry.speaker),
            )
        page = page_of([entry_message(conversation.conversation_id, stored) for stored in found], size)
        return pb.ListEntriesResponse(
            entries=page,
            next_page_token=self._pages.seal(str(page[-1].number), scope) if len(found) > len(page) else "",
        )

    async def SearchEntries(
        self, request: pb.SearchEntriesRequest, context: Context
    ) -> pb.SearchEntriesResponse:
        """Search for entries that contain given words."""
        customer_id = current_customer()
        if request.conversation_id:
            async with self._store.reading() as transaction:
                await conversations.owned(transaction, customer_id, request.conversation_id)
        scope = entry_search.page_scope(customer_id, request)
        token = self._pages.open(request.page_token, scope) if request.page_token else ""
        size = SEARCH_RESULTS.of(request.page_size)
        with self._store.turns.work(customer_id):
            found = await self._search.search(
                entry_search.query_of(customer_id, request),
                after=entry_search.parse_place(token) if token else None,
                limit=size + 1,
            )
        page = page_of([result.message for result in found], size)
        last = found[len(page) - 1] if len(found) > len(page) else None
        return pb.SearchEntriesResponse(
            results=page,
            next_page_token=self._pages.seal(entry_search.format_place(last.place), scope) if last else "",
        )

    async def ExportTranscript(
        self, request: pb.ExportTranscriptRequest, context: Context
    ) -> AsyncIterator[pb.ExportTranscriptResponse]:
        """Export the whole transcript of a conversation, in chunks."""
        customer_id = current_customer()
        async with self._store.reading() as transaction:
            conversation = await conversations.owned(transaction, customer_id, request.conversation_id)
        with self._store.turns.work(customer_id):
            async for response in export(self._store, conversation, request.format):
                yield response

    async def _place_in_line(self, call: Call) -> int:
        async with self._store.reading() as transaction:
            return await transaction.place_in_line(call)


def _access_message(access: Access) -> pb.CallAccess:
    return pb.CallAccess(
        livekit_url=access.url, livekit_token=access.token, expire_time=timestamp(access.expire_time)
    )


async def _readable(transaction: Transaction, conversation_id: str) -> Conversation:
    """Return a conversation if the caller may read it. An agent may only read the conversation of its call.

    Raises:
        ConversationNotFound: the conversation doesn't exist, or the caller may not read it.
    """
    principal = current_principal()
    if principal.kind == options_pb2.ACCESS_AGENT and principal.conversation_id != conversation_id.lower():
        raise ConversationNotFound
    return await conversations.owned(transaction, current_customer(), conversation_id)
