"""Channels that note in a history what goes over them, below whatever uses them: the client kit is tested as it is, retries and all."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.message import Message
from readback.conversation.v1 import conversation_service_pb2 as pb

from tests.chaos.history import History, Seen, Stream, Told, Watcher

Note = Callable[[Any], None]


class RecordedChannel:
    """A channel as generated stubs use it. One of these for each writer or watcher; they may share a channel beneath."""

    def __init__(self, channel: grpc.aio.Channel, notes: dict[str, tuple[Note, Note]]) -> None:
        self._channel, self._notes = channel, notes

    def __getattr__(self, name: str) -> Callable[..., Any]:
        multicallable = getattr(self._channel, name)

        def made(path: str, *, request_serializer: Any, response_deserializer: Any, **more: Any) -> Any:
            sent, received = self._notes.get(path.rpartition("/")[2], (_ignore, _ignore))
            return multicallable(
                path,
                request_serializer=_noting(request_serializer, sent, before=True),
                response_deserializer=_noting(response_deserializer, received, before=False),
                **more,
            )

        return made


def _ignore(_: Message) -> None:
    """What the history has no place for."""


def _noting(convert: Callable[[Any], Any], note: Note, *, before: bool) -> Callable[[Any], Any]:
    def converted(value: Any) -> Any:
        if before:
            note(value)
        result = convert(value)
        if not before:
            note(result)
        return result

    return converted


def watching(channel: grpc.aio.Channel, watcher: Watcher) -> Any:
    """A channel whose `Watch` streams are the watcher's."""

    def opened(request: pb.WatchRequest) -> None:
        watcher.streams.append(Stream(time.monotonic(), request.cursor))

    def told(response: pb.WatchResponse) -> None:
        watcher.streams[-1].told.append(_told(response))

    return RecordedChannel(channel, {"Watch": (opened, told)})


def _told(response: pb.WatchResponse) -> Told:
    kind = response.WhichOneof("event") or ""
    entries = response.entries.entries if kind == "entries" else [response.entry] if kind == "entry" else []
    about = response.live.utterance_id if kind == "live" else response.conversation_id
    return Told(kind, tuple(map(Seen.of, entries)), response.cursor, time.monotonic(), about)


class RecordNotes:
    """What one writer sends and is answered on `Record`, one stream after the other."""

    def __init__(self, history: History, conversation_id: str, writer: str) -> None:
        self._history, self._conversation_id, self._writer = history, conversation_id, writer
        self._unacked: deque[tuple[int, str]] = deque()
        """Client sequence and entry id, empty for an open utterance, of what went out on this stream."""
        self.streams = 0

    def sent(self, request: pb.RecordRequest) -> None:
        """Something goes out."""
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

    def received(self, response: pb.RecordResponse) -> None:
        """An answer comes in."""
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


class AppendNotes:
    """A writer's unary `Append`s; no two drafts of one writer have the same client sequence."""

    def __init__(self, history: History, conversation_id: str, writer: str) -> None:
        self._history, self._conversation_id, self._writer = history, conversation_id, writer
        self._drafts: dict[int, str] = {}

    def sent(self, request: pb.AppendRequest) -> None:
        """A group goes out; sent again it is the same group."""
        self._drafts |= {draft.client_sequence: draft.entry_id for draft in request.drafts}
        group = f"append {uuid4()} of {self._writer}"
        # A writer of its own: several may be under way at once, in no order.
        self._history.invoke(self._conversation_id, request.drafts, group, group)

    def received(self, response: pb.AppendResponse) -> None:
        """All of it is stored."""
        for acked in response.drafts:
            self._history.ok(self._drafts[acked.client_sequence], acked.number)


def recording(channel: grpc.aio.Channel, history: History, conversation_id: str, writer: str) -> Any:
    """A channel whose `Record` streams are the writer's, and what it hands in late."""
    record, late = (
        RecordNotes(history, conversation_id, writer),
        AppendNotes(history, conversation_id, f"{writer}, late"),
    )
    return RecordedChannel(
        channel, {"Record": (record.sent, record.received), "Append": (late.sent, late.received)}
    )


def appending(channel: grpc.aio.Channel, history: History, conversation_id: str, writer: str) -> Any:
    """A channel whose `Append`s are the writer's."""
    notes = AppendNotes(history, conversation_id, writer)
    return RecordedChannel(channel, {"Append": (notes.sent, notes.received)})
