"""Channels that record their messages, including the retries of the client under test, in a history."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.message import Message
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from tests.chaos.history import History, Received, Seen, Stream, Watcher

Record = Callable[[Any], None]


class RecordedChannel:
    """Channel for generated stubs, one per writer or watcher; they may share the channel below."""

    def __init__(self, channel: grpc.aio.Channel, recorders: dict[str, tuple[Record, Record]]) -> None:
        self._channel, self._recorders = channel, recorders

    def __getattr__(self, name: str) -> Callable[..., Any]:
        multicallable = getattr(self._channel, name)

        def made(path: str, *, request_serializer: Any, response_deserializer: Any, **more: Any) -> Any:
            sent, received = self._recorders.get(path.rpartition("/")[2], (_ignore, _ignore))
            return multicallable(
                path,
                request_serializer=_recording(request_serializer, sent, before=True),
                response_deserializer=_recording(response_deserializer, received, before=False),
                **more,
            )

        return made


def _ignore(_: Message) -> None:
    """Record nothing."""


def _recording(convert: Callable[[Any], Any], record: Record, *, before: bool) -> Callable[[Any], Any]:
    def converted(value: Any) -> Any:
        result = convert(value)
        record(value if before else result)
        return result

    return converted


def watching(channel: grpc.aio.Channel, watcher: Watcher) -> Any:
    """Return a channel that records its `Watch` streams for this watcher."""

    def opened(request: pb.WatchRequest) -> None:
        watcher.streams.append(Stream(time.monotonic(), request.cursor))

    def event(response: pb.WatchResponse) -> None:
        watcher.streams[-1].received.append(_received(response))

    return RecordedChannel(channel, {"Watch": (opened, event)})


def _received(response: pb.WatchResponse) -> Received:
    kind = response.WhichOneof("event") or ""
    entries = response.entries.entries if kind == "entries" else [response.entry] if kind == "entry" else []
    about = response.live.utterance_id if kind == "live" else response.deleted.conversation_id
    return Received(kind, tuple(map(Seen.of, entries)), response.cursor, time.monotonic(), about)


class RecordLog:
    """Recorder of one writer's `Record` streams, one after another."""

    def __init__(self, history: History, conversation_id: str, writer: str) -> None:
        self._history, self._conversation_id, self._writer = history, conversation_id, writer
        self._unacked: deque[tuple[int, str]] = deque()
        """Client sequence and entry id (empty for an open utterance) of the drafts sent on this stream."""
        self.streams = 0

    def sent(self, request: call_record.RecordRequest) -> None:
        """Record a request."""
        if request.HasField("open"):
            self.streams += 1
            self._unacked.clear()
        for draft in request.append.drafts:
            is_open = draft.HasField("open_utterance")
            self._unacked.append((draft.client_sequence, "" if is_open else draft.entry_id))
            if is_open:
                self._history.opened.add(draft.entry_id)
            else:
                self._history.invoke(self._conversation_id, [draft], self._writer)

    def received(self, response: call_record.RecordResponse) -> None:
        """Record a response."""
        if response.HasField("ack"):
            settled = self._through(response.ack.through_client_sequence)
            assert len(settled) == len(response.ack.numbers), (
                f"an ack of {len(settled)} drafts gives {len(response.ack.numbers)} numbers"
            )
            for entry_id, number in zip(settled, response.ack.numbers, strict=True):
                if entry_id and number:
                    self._history.ok(entry_id, number)
        elif response.HasField("rejected"):
            refused = dict(self._unacked).get(response.rejected.client_sequence)
            if refused:
                self._history.fail(refused)

    def _through(self, client_sequence: int) -> list[str]:
        settled = []
        while self._unacked:
            sequence, entry_id = self._unacked.popleft()
            settled.append(entry_id)
            if sequence == client_sequence:
                break
        return settled


class AppendLog:
    """Recorder of one writer's unary `Append`s; no two of its drafts have the same client sequence."""

    def __init__(self, history: History, conversation_id: str, writer: str) -> None:
        self._history, self._conversation_id, self._writer = history, conversation_id, writer
        self._drafts: dict[int, str] = {}

    def sent(self, request: call_record.AppendRequest) -> None:
        """Record a request; a repeated one is the same group."""
        self._drafts |= {draft.client_sequence: draft.entry_id for draft in request.drafts}
        group = f"append {uuid4()} of {self._writer}"
        # Each group counts as its own writer, because several are sent at the same time, in no order.
        self._history.invoke(self._conversation_id, request.drafts, group, group)

    def received(self, response: call_record.AppendResponse) -> None:
        """Record that all drafts are stored."""
        for acked in response.drafts:
            self._history.ok(self._drafts[acked.client_sequence], acked.number)


def recording(channel: grpc.aio.Channel, history: History, conversation_id: str, writer: str) -> Any:
    """Return a channel that records its `Record` streams and late `Append`s for this writer."""
    record, late = (
        RecordLog(history, conversation_id, writer),
        AppendLog(history, conversation_id, f"{writer}, late"),
    )
    return RecordedChannel(
        channel, {"Record": (record.sent, record.received), "Append": (late.sent, late.received)}
    )


def appending(channel: grpc.aio.Channel, history: History, conversation_id: str, writer: str) -> Any:
    """Return a channel that records its `Append`s for this writer."""
    log = AppendLog(history, conversation_id, writer)
    return RecordedChannel(channel, {"Append": (log.sent, log.received)})
