"""Drafts for the log, built from what an agent says and does."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.clock import Clock, timestamp
from mesh.ids import uuid7


class DraftBuilder:
    """Builder of drafts; keeps the start time and the revision count of each open utterance."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start_times: dict[str, datetime] = {}
        self._revisions: dict[str, int] = {}

    def revision(
        self,
        utterance_id: str,
        speaker: entry_pb2.Speaker.ValueType,
        text: str,
        modality: entry_pb2.Modality.ValueType,
    ) -> call_record.Draft:
        """Return the draft of the next revision of an open utterance."""
        start = timestamp(self._start_times.setdefault(utterance_id, self._clock.now()))
        revision = self._revisions[utterance_id] = self._revisions.get(utterance_id, 0) + 1
        speech = call_record.OpenUtterance(
            utterance_id=utterance_id,
            speaker=speaker,
            modality=modality,
            text=text,
            revision=revision,
            start_time=start,
        )
        return call_record.Draft(entry_id=utterance_id, start_time=start, open_utterance=speech)

    def sealed(
        self, utterance: entry_pb2.Utterance, start: datetime | None, end: datetime | None
    ) -> call_record.Draft:
        """Return the draft of a finished utterance.

        Without `start`, the utterance starts at its first revision. Without `end`, it ends now.
        """
        self._revisions.pop(utterance.utterance_id, None)
        end = end or self._clock.now()
        first_revision = self._start_times.pop(utterance.utterance_id, end)
        return self._draft(
            utterance.utterance_id, min(start or first_revision, end), end, utterance=utterance
        )

    def tool_call(self, call: entry_pb2.ToolCall) -> call_record.Draft:
        """Return the draft of a tool call that starts now."""
        self._start_times[call.tool_call_id] = now = self._clock.now()
        return self._draft(uuid7(), now, now, tool_call=call)

    def tool_result(self, result: entry_pb2.ToolResult) -> call_record.Draft:
        """Return the draft of a tool's result. It starts when the tool call started, and ends now."""
        now = self._clock.now()
        start = min(now, self._start_times.pop(result.tool_call_id, now))
        return self._draft(uuid7(), start, now, tool_result=result)

    def _draft(self, entry_id: str, start: datetime, end: datetime, **content: Any) -> call_record.Draft:
        return call_record.Draft(
            entry_id=entry_id, start_time=timestamp(start), end_time=timestamp(end), **content
        )
