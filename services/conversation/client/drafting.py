"""What an agent says and does, put into drafts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.protobuf.struct_pb2 import Struct
from readback.conversation.v1 import entry_pb2

from mesh.clock import Clock
from mesh.ids import uuid7
from services.conversation.entries import timestamp


class Drafting:
    """Makes drafts; remembers of each open utterance when it began and how often it was revised."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began: dict[str, datetime] = {}
        self._revisions: dict[str, int] = {}

    def revision(
        self,
        utterance_id: str,
        speaker: entry_pb2.Speaker.ValueType,
        text: str,
        modality: entry_pb2.Modality.ValueType,
    ) -> entry_pb2.Draft:
        """The next revision of an open utterance."""
        began = self._began.setdefault(utterance_id, self._clock.now())
        revision = self._revisions[utterance_id] = self._revisions.get(utterance_id, 0) + 1
        start = timestamp(began)
        speech = entry_pb2.OpenUtterance(
            utterance_id=utterance_id,
            speaker=speaker,
            modality=modality,
            text=text,
            revision=revision,
            start_time=start,
        )
        return entry_pb2.Draft(entry_id=utterance_id, start_time=start, open_utterance=speech)

    def sealed(
        self, utterance: entry_pb2.Utterance, start: datetime | None, end: datetime | None
    ) -> entry_pb2.Draft:
        """An utterance that has ended. It began with its first revision unless `start` says otherwise, and ends now unless `end` does."""
        self._revisions.pop(utterance.utterance_id, None)
        end = end or self._clock.now()
        began = self._began.pop(utterance.utterance_id, end)
        start = start or began
        return self._draft(utterance.utterance_id, min(start, end), end, utterance=utterance)

    def tool_call(self, tool_call_id: str, name: str, arguments: Mapping[str, Any]) -> entry_pb2.Draft:
        """A tool is called now."""
        content = entry_pb2.ToolCall(tool_call_id=tool_call_id, name=name, arguments=_struct(arguments))
        self._began[tool_call_id] = now = self._clock.now()
        return self._draft(uuid7(), now, now, tool_call=content)

    def tool_result(
        self, tool_call_id: str, name: str, outcome: str, result: Mapping[str, Any]
    ) -> entry_pb2.Draft:
        """A tool has answered now; the entry lasts from its call."""
        content = entry_pb2.ToolResult(
            tool_call_id=tool_call_id, name=name, outcome=outcome, result=_struct(result)
        )
        now = self._clock.now()
        return self._draft(uuid7(), min(now, self._began.pop(tool_call_id, now)), now, tool_result=content)

    def _draft(self, entry_id: str, start: datetime, end: datetime, **content: Any) -> entry_pb2.Draft:
        return entry_pb2.Draft(
            entry_id=entry_id, start_time=timestamp(start), end_time=timestamp(end), **content
        )


def _struct(values: Mapping[str, Any]) -> Struct:
    struct = Struct()
    struct.update(values)
    return struct
