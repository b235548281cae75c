"""WebVTT transcripts (https://www.w3.org/TR/webvtt1/) with cue times from the start of each call.

Each call begins with a NOTE that contains its id, and its times start at 00:00:00.000, like its recording. A
cue lasts at least one millisecond, the shortest duration in the format. The text is escaped, and its line
breaks and control characters are removed. So a spoken text can't end a cue, start a tag or form a time line.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from services.conversation.export.transcript import CUT_SHORT, SPEAKERS, Entries, Format, on_one_line

_MILLISECOND = timedelta(milliseconds=1)
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


async def write(conversation: pb.Conversation, entries: Entries) -> AsyncIterator[str]:
    """Yield the text of a transcript: the header, then a note and the cues for each call."""
    title = _escaped(conversation.title)
    yield f"WEBVTT{f' - {title}' if title else ''}\n"
    call_starts: dict[str, datetime] = {}
    last_call = ""
    async for entry in entries:
        start = call_starts.setdefault(entry.call_id, entry.start_time.ToDatetime())
        if entry.WhichOneof("content") != "utterance" or not on_one_line(entry.utterance.text):
            continue
        if entry.call_id != last_call:
            last_call = entry.call_id
            yield f"\nNOTE Call {entry.call_id or 'unknown'}, started {start:%Y-%m-%d %H:%M:%S} UTC\n"
        yield _cue(entry, start)


def _cue(entry: entry_pb2.Entry, call_start: datetime) -> str:
    said = entry.utterance
    start = _since(call_start, entry.start_time)
    end = max(_since(call_start, entry.end_time), start + _MILLISECOND)
    speaker, mark = SPEAKERS.get(said.speaker, "Somebody"), CUT_SHORT.get(said.sealing, "")
    words = f"<v {speaker}>{_escaped(said.text)}{mark}</v>"
    return f"\n{entry.number}\n{_clock(start)} --> {_clock(end)}\n{words}\n"


def _since(start: datetime, moment: Timestamp) -> timedelta:
    return max(moment.ToDatetime() - start, timedelta())


def _clock(elapsed: timedelta) -> str:
    seconds, milliseconds = divmod(elapsed // _MILLISECOND, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{milliseconds:03}"


def _escaped(text: str) -> str:
    return on_one_line(text).translate(_ESCAPES)


FORMAT = Format("text/vtt; charset=utf-8", "vtt", write)
