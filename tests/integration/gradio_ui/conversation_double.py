"""A double of the conversation service over a socket, with a log that tests write.

Its LiveKit tokens are real.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import jwt
from google.protobuf.json_format import ParseDict
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from livekit import api as livekit
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import conversation_service_pb2_grpc, entry_pb2

from mesh.errors import ERROR_DOMAIN
from mesh.ids import uuid7
from mesh.security.secrets import LiveKitKeys


def now() -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC))
    return stamp


def _parted(text: str, words: str) -> tuple[str, str, str]:
    at = text.lower().find(words)
    return (text, "", "") if at < 0 else (text[:at], text[at : at + len(words)], text[at + len(words) :])


class ConversationDouble(conversation_service_pb2_grpc.ConversationServiceServicer):
    """Conversations in memory.

    `tokens` holds the token of every RPC; `watches_open` counts open streams.
    """

    def __init__(self, livekit_url: str = "ws://127.0.0.1:9", keys: LiveKitKeys | None = None) -> None:
        self.livekit_url = livekit_url
        self.keys = keys or LiveKitKeys("key", "secret" * 8)
        self.conversations: dict[str, pb.Conversation] = {}
        self.owners: dict[str, str] = {}
        self.entries: dict[str, list[entry_pb2.Entry]] = {}
        self.live: list[pb.LiveText] = []
        """Live text that every watch sends after `caught_up`."""
        self.requests: dict[str, str] = {}
        self.tokens: list[str] = []
        self.cursors: list[str] = []
        self.watches_open = 0
        self.failing: grpc.StatusCode | None = None
        self.details = ""
        self.end_watches_with: pb.WatchEndReason.ValueType | None = None
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def refusing(self, code: grpc.StatusCode, details: str = "") -> AsyncIterator[None]:
        """Answer every RPC with a code during the block."""
        self.failing, self.details = code, details
        try:
            yield
        finally:
            self.failing = None

    async def changed(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def wait_until(self, true: Any, seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            async with self._changed:
                await self._changed.wait_for(true)

    def add_conversation(self, owner: str, title: str = "") -> str:
        conversation_id = uuid7()
        self.owners[conversation_id] = owner
        self.conversations[conversation_id] = pb.Conversation(
            conversation_id=conversation_id,
            title=title,
            state=pb.CONVERSATION_STATE_ACTIVE,
            create_time=now(),
            update_time=now(),
        )
        self.entries[conversation_id] = []
        return conversation_id

    async def write(self, conversation_id: str, **content: Any) -> entry_pb2.Entry:
        """Append one entry, given as JSON of its content, for example `utterance={…}`."""
        log = self.entries[conversation_id]
        entry = ParseDict(
            content,
            entry_pb2.Entry(
                number=len(log) + 1, conversation_id=conversation_id, start_time=now(), commit_time=now()
            ),
        )
        entry.entry_id = entry.utterance.utterance_id or uuid7()
        log.append(entry)
        await self.changed()
        return entry

    async def say(
        self,
        conversation_id: str,
        speaker: str,
        text: str,
        *,
        utterance_id: str = "",
        sealing: str = "FINAL",
        confidences: Sequence[float] = (),
    ) -> entry_pb2.Entry:
        utterance = {
            "word_confidences": confidences,
            "utterance_id": utterance_id or uuid7(),
            "speaker": f"SPEAKER_{speaker.upper()}",
            "modality": "MODALITY_VOICE",
            "text": text,
        }
        return await self.write(conversation_id, utterance={**utterance, "sealing": f"SEALING_{sealing}"})

    async def EndConversation(
        self, request: pb.EndConversationRequest, context: Any
    ) -> pb.EndConversationResponse:
        raise NotImplementedError  # not used by the web app

    async def UpdateConversation(
        self, request: pb.UpdateConversationRequest, context: Any
    ) -> pb.UpdateConversationResponse:
        raise NotImplementedError  # not used by the web app

    async def GetCall(self, request: pb.GetCallRequest, context: Any) -> pb.GetCallResponse:
        raise NotImplementedError

    async def ListCalls(self, request: pb.ListCallsRequest, context: Any) -> pb.ListCallsResponse:
        raise NotImplementedError

    async def StartConversation(
        self, request: pb.StartConversationRequest, context: Any
    ) -> pb.StartConversationResponse:
        owner = await self._called(context)
        conversation_id = self.requests.get(request.request_id) or self.add_conversation(owner)
        self.requests[request.request_id] = conversation_id
        return pb.StartConversationResponse(conversation=self.conversations[conversation_id])

    async def GetConversation(
        self, request: pb.GetConversationRequest, context: Any
    ) -> pb.GetConversationResponse:
        return pb.GetConversationResponse(conversation=await self._known(request.conversation_id, context))

    async def ListConversations(
        self, request: pb.ListConversationsRequest, context: Any
    ) -> pb.ListConversationsResponse:
        owner = await self._called(context)
        own = [one for one in self.conversations.values() if self.owners[one.conversation_id] == owner]
        if request.running_only:
            own = [one for one in own if one.HasField("running_call")]
        newest = sorted(own, key=lambda one: one.conversation_id, reverse=True)
        start = int(request.page_token or 0)
        end = start + (request.page_size or 20)
        return pb.ListConversationsResponse(
            conversations=newest[start:end], next_page_token=str(end) if end < len(newest) else ""
        )

    async def StartCall(self, request: pb.StartCallRequest, context: Any) -> pb.StartCallResponse:
        conversation = await self._known(request.conversation_id, context)
        call = pb.Call(
            call_id=uuid7(),
            conversation_id=conversation.conversation_id,
            epoch=1,
            state=pb.CALL_STATE_DISPATCHED,
            create_time=now(),
        )
        conversation.running_call.CopyFrom(call)
        return pb.StartCallResponse(call=call, access=self._access(call))

    async def RejoinCall(self, request: pb.RejoinCallRequest, context: Any) -> pb.RejoinCallResponse:
        await self._called(context)
        call = await self._running(request.call_id, context)
        return pb.RejoinCallResponse(call=call, access=self._access(call))

    async def EndCall(self, request: pb.EndCallRequest, context: Any) -> pb.EndCallResponse:
        await self._called(context)
        call = await self._running(request.call_id, context)
        ended = pb.Call(call_id=call.call_id, conversation_id=call.conversation_id, state=pb.CALL_STATE_ENDED)
        self.conversations[call.conversation_id].ClearField("running_call")
        await self.changed()
        return pb.EndCallResponse(call=ended)

    async def ListEntries(self, request: pb.ListEntriesRequest, context: Any) -> pb.ListEntriesResponse:
        await self._known(request.conversation_id, context)
        log, start = self.entries[request.conversation_id], int(request.page_token or 0)
        end = start + (request.page_size or 100)
        return pb.ListEntriesResponse(
            entries=log[start:end], next_page_token=str(end) if end < len(log) else ""
        )

    async def SearchEntries(self, request: pb.SearchEntriesRequest, context: Any) -> pb.SearchEntriesResponse:
        """Return entries that contain the query literally; the real service has its own search."""
        owner = await self._called(context)
        words, results = request.query.lower(), []
        for conversation_id, log in self.entries.items():
            for entry in log:
                before, found, after = _parted(entry.utterance.text, words)
                if found and self.owners[conversation_id] == owner:
                    parts = [
                        pb.SnippetPart(text=before),
                        pb.SnippetPart(text=found, matched=True),
                        pb.SnippetPart(text=after),
                    ]
                    title = self.conversations[conversation_id].title
                    results.append(
                        pb.FoundEntry(
                            entry=entry,
                            conversation_title=title,
                            snippet=[part for part in parts if part.text],
                        )
                    )
        results.sort(key=lambda one: one.entry.commit_time.ToNanoseconds(), reverse=True)
        start = int(request.page_token or 0)
        end = start + (request.page_size or 20)
        return pb.SearchEntriesResponse(
            results=results[start:end], next_page_token=str(end) if end < len(results) else ""
        )

    async def ExportTranscript(
        self, request: pb.ExportTranscriptRequest, context: Any
    ) -> AsyncIterator[pb.ExportTranscriptResponse]:
        """Stream each utterance as one chunk."""
        conversation = await self._known(request.conversation_id, context)
        suffix = {1: "txt", 2: "vtt", 3: "json"}[request.format]
        yield pb.ExportTranscriptResponse(
            media_type="text/plain; charset=utf-8", file_name=f"trip.{suffix}", data=b""
        )
        for entry in self.entries[conversation.conversation_id]:
            yield pb.ExportTranscriptResponse(data=f"{entry.utterance.text}\n".encode())

    async def DeleteConversation(
        self, request: pb.DeleteConversationRequest, context: Any
    ) -> pb.DeleteConversationResponse:
        await self._known(request.conversation_id, context)
        for kept in (self.conversations, self.owners, self.entries):
            del kept[request.conversation_id]
        await self.changed()
        return pb.DeleteConversationResponse()

    async def Watch(self, request: pb.WatchRequest, context: Any) -> AsyncIterator[pb.WatchResponse]:
        await self._known(request.conversation_id, context)
        if int(request.cursor or 0) > len(self.entries[request.conversation_id]):
            await self._refuse(
                context,
                grpc.StatusCode.OUT_OF_RANGE,
                "CURSOR_EXPIRED",
                "What it stood on is gone.",
                earliest_cursor="0",
            )
        self.cursors.append(request.cursor)
        self.watches_open += 1
        try:
            async for message in self._messages(request):
                yield message
        finally:
            self.watches_open -= 1
            asyncio.get_running_loop().create_task(self.changed()).add_done_callback(
                lambda done: done.exception()
            )

    async def _messages(self, request: pb.WatchRequest) -> AsyncIterator[pb.WatchResponse]:
        log, sent, caught_up = self.entries[request.conversation_id], int(request.cursor or 0), False
        shown = pb.Conversation()
        if len(log) - sent > 1:  # like the service with stored entries
            batch, sent = log[sent:], len(log)
            yield pb.WatchResponse(cursor=str(sent), entries=pb.EntryBatch(entries=batch))
        while True:
            while sent < len(log):
                sent += 1
                yield pb.WatchResponse(cursor=str(sent), entry=log[sent - 1])
            if not caught_up:
                caught_up = True
                yield pb.WatchResponse(cursor=str(sent), caught_up=pb.CaughtUp())
                for text in self.live:
                    yield pb.WatchResponse(live=text)
            now = self.conversations[request.conversation_id]
            if request.include_conversation and now != shown:
                shown.CopyFrom(now)
                yield pb.WatchResponse(cursor=str(sent), conversation=shown)
            if self.end_watches_with is not None:
                yield pb.WatchResponse(cursor=str(sent), end=pb.WatchEnd(reason=self.end_watches_with))
                return
            async with self._changed:
                await self._changed.wait()

    async def _called(self, context: Any) -> str:
        """Return the customer named in the token, unverified."""
        token = dict(context.invocation_metadata()).get("authorization", "").removeprefix("Bearer ")
        self.tokens.append(token)
        await self.changed()
        if self.failing is not None:
            await context.abort(self.failing, self.details)
        return str(jwt.decode(token, options={"verify_signature": False})["sub"])

    async def _known(self, conversation_id: str, context: Any) -> pb.Conversation:
        owner = await self._called(context)
        if self.owners.get(conversation_id) != owner:
            await self._refuse(
                context, grpc.StatusCode.NOT_FOUND, "CONVERSATION_NOT_FOUND", "There is no such conversation."
            )
        return self.conversations[conversation_id]

    async def _running(self, call_id: str, context: Any) -> pb.Call:
        for conversation in self.conversations.values():
            if conversation.running_call.call_id == call_id:
                return pb.Call.FromString(conversation.running_call.SerializeToString())
        await self._refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "CALL_ENDED", "The call has ended.")
        raise AssertionError("refused above")

    async def _refuse(
        self, context: Any, code: grpc.StatusCode, reason: str, message: str, **metadata: str
    ) -> None:
        status = status_pb2.Status(code=code.value[0], message=message)
        info = error_details_pb2.ErrorInfo(reason=reason, domain=ERROR_DOMAIN, metadata=metadata)
        status.details.add().Pack(info)
        await context.abort_with_status(rpc_status.to_status(status))

    def _access(self, call: pb.Call) -> pb.CallAccess:
        token = (
            livekit.AccessToken(self.keys.key, self.keys.secret)
            .with_identity("caller")
            .with_ttl(timedelta(minutes=10))
            .with_grants(
                livekit.VideoGrants(
                    room_join=True, room=f"call-{call.call_id}", can_publish_sources=["microphone"]
                )
            )
            .to_jwt()
        )
        return pb.CallAccess(livekit_url=self.livekit_url, livekit_token=token)
